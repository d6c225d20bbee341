package standard

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/ports"
)

func storeCommands() []command {
	return []command{
		{"list", "list the documents that the store holds", (*program).storeList},
		{"get", "print a document, or what is known about it", (*program).storeGet},
		{"export", "write all documents to a directory", (*program).storeExport},
		{"import", "bring the documents of such a directory into the store", (*program).storeImport},
	}
}

// store is the command for operators, on whichever store.
func (p *program) store(ctx context.Context, args []string) int {
	if len(args) == 0 {
		fmt.Fprintf(p.Stderr, "edge-proxy store: a command is missing\n\n%s", storeHelp())
		return exitUsage
	}
	switch args[0] {
	case "-h", "-help", "--help", "help":
		fmt.Fprint(p.Stdout, storeHelp())
		return exitOK
	}
	for _, c := range storeCommands() {
		if c.name == args[0] {
			return c.run(p, ctx, args[1:])
		}
	}
	fmt.Fprintf(p.Stderr, "edge-proxy store: unknown command %q\n\n%s", args[0], storeHelp())
	return exitUsage
}

func storeHelp() string {
	var b strings.Builder
	b.WriteString("edge-proxy store works on the documents of a store, beside the proxies that use it or without any.\n\nUsage: edge-proxy store COMMAND\n\nCommands:\n")
	for _, c := range storeCommands() {
		fmt.Fprintf(&b, "  %-14s %s\n", c.name, c.summary)
	}
	b.WriteString("\nThe store is that of the configuration (store.url, store.prefix), whose other settings need\n" +
		"not be there, or the one given with --store and --prefix. A store in a file serves one\n" +
		"process at a time: stop the proxy that uses it first.\n\n" +
		"Characters of keys other than letters, digits and \"-._~\" are shown, and may be given, as %XX.\n")
	return b.String()
}

// storeChoice is which store a command is to work on.
type storeChoice struct{ url, prefix string }

func (c *storeChoice) define(flags *flag.FlagSet) {
	flags.StringVar(&c.url, "store", "", "`URL` of the store (default: store.url of the configuration, which keeps a password out of the list of processes)")
	flags.StringVar(&c.prefix, "prefix", "", "`text` that names in a shared store begin with (default: store.prefix of the configuration)")
}

// access is what a command does with a store.
type access bool

const (
	readsOnly access = false
	writes    access = true
)

// withStore opens the store of c, has work work on it, closes it and returns the
// exit code. Only a command that writes begins a store where there is none.
func (p *program) withStore(ctx context.Context, c storeChoice, a access, work func(ports.Store) int) int {
	settings, ok := p.chosen(c)
	if !ok {
		return exitUsage
	}
	scheme := settings.Store.URL.Parse().Scheme
	if scheme == memory.Scheme {
		fmt.Fprintln(p.Stderr, `edge-proxy store: the store "memory:" is inside the process that uses it: say with store.url, or -store, which store to work on`)
		return exitUsage
	}
	open := p.stores[scheme]
	if existing, ok := p.readOnly[scheme]; ok && a == readsOnly {
		open = existing
	}
	logger := slog.New(slog.NewTextHandler(p.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	store, err := openStore(ctx, open, settings, logger)
	if err != nil {
		return p.storeFailed(err)
	}
	code := work(store)
	if err := store.Close(); err != nil {
		return p.storeFailed(fmt.Errorf("closing the store: %w", err))
	}
	return code
}

// chosen returns settings that say no more than which store c is. When it reports
// false, what is wrong has been printed.
func (p *program) chosen(c storeChoice) (config.Settings, bool) {
	var overrides []config.Override
	if c.url != "" {
		overrides = append(overrides, config.Override{Key: "store.url", Value: c.url, Origin: "flag -store"})
	}
	if c.prefix != "" {
		overrides = append(overrides, config.Override{Key: "store.prefix", Value: c.prefix, Origin: "flag -prefix"})
	}
	store, warnings, err := config.LoadStore(p.configSource(os.ReadFile), overrides...)
	for _, w := range warnings {
		fmt.Fprintf(p.Stderr, "edge-proxy: configuration: warning: %s\n", w)
	}
	if err != nil {
		p.printProblems(err)
		return config.Settings{}, false
	}
	return config.Settings{Store: store}, true
}

// storeFailed prints why work on a store came to nothing.
func (p *program) storeFailed(err error) int {
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	fmt.Fprintf(p.Stderr, "edge-proxy store: %v\n", err)
	return exitFailure
}
