// Package standard is the composition root: the built-in adapters, wired to the
// application by the configuration, and the command line around them. It alone
// knows more than one adapter.
package standard

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	_ "golang.org/x/crypto/x509roots/fallback" // certificates for images that have none

	"github.com/edge-proxy/edge-proxy/ports"
)

// The exit codes (docs/spec/behaviour.md#exit-codes).
const (
	exitOK      = 0
	exitFailure = 1 // at run time
	exitUsage   = 2 // configuration or usage
)

// Option adds to what is built in.
type Option func(*program)

// WithStore makes a store of yours available under a URL scheme. It takes the
// place of a built-in one of the same scheme.
func WithStore(scheme string, open ports.OpenStore) Option {
	return func(p *program) {
		scheme = strings.ToLower(scheme)
		p.stores[scheme] = open
		delete(p.readOnly, scheme)
		delete(p.urlChecks, scheme)
	}
}

// Main runs the command line of this process and returns its exit code. The
// first SIGINT or SIGTERM shuts down in order, a second one ends at once.
func Main(options ...Option) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	go func() { // ends with the process
		<-signals
		cancel()
		<-signals
		fmt.Fprintln(os.Stderr, "edge-proxy: ended by a second signal")
		os.Exit(exitFailure)
	}()
	directory, err := os.Getwd()
	if err != nil {
		directory = "."
	}
	return Run(ctx, Process{
		Args: os.Args, Environ: os.Environ(), WorkingDir: directory,
		Stdout: os.Stdout, Stderr: os.Stderr,
	}, options...)
}

// Process is what a run gets from outside.
type Process struct {
	Args       []string // with the program's name in front
	Environ    []string // NAME=value
	WorkingDir string
	Stdout     io.Writer
	Stderr     io.Writer
}

// program is one run.
type program struct {
	Process
	stores    map[string]ports.OpenStore
	readOnly  map[string]ports.OpenStore      // see readOnlyStores; the others are opened as in stores
	urlChecks map[string]func(*url.URL) error // see storeURLChecks
}

// Run runs a command line until it is done or ctx ends, and returns its exit
// code.
func Run(ctx context.Context, process Process, options ...Option) int {
	p := &program{Process: process, stores: builtInStores(), readOnly: readOnlyStores(), urlChecks: storeURLChecks()}
	for _, o := range options {
		o(p)
	}
	name, args := commandLine(process.Args)
	for _, c := range commands() {
		if c.name == name {
			return c.run(p, ctx, args)
		}
	}
	fmt.Fprintf(p.Stderr, "edge-proxy: unknown command %q\n\n%s", name, help())
	return exitUsage
}

// commandLine finds the command: the first argument, or what the program was
// called as, or serve.
func commandLine(args []string) (name string, rest []string) {
	if len(args) == 0 {
		return "serve", nil
	}
	called := strings.TrimSuffix(filepath.Base(args[0]), ".exe")
	args = args[1:]
	switch called {
	case "edge-proxy-serve":
		return "serve", args
	case "edge-proxy-render-config":
		return "render-config", args
	}
	switch {
	case len(args) == 0:
		return "serve", nil
	case args[0] == "-h" || args[0] == "--help" || args[0] == "-help":
		return "help", args[1:]
	case args[0] == "--version" || args[0] == "-version":
		return "version", args[1:]
	case strings.HasPrefix(args[0], "-"):
		return "serve", args
	default:
		return args[0], args[1:]
	}
}

// command is one of the program's commands.
type command struct {
	name, summary string
	run           func(p *program, ctx context.Context, args []string) int
}

func commands() []command {
	return []command{
		{"serve", "serve the configured environments (the default)", (*program).serve},
		{"validate", "check the configuration; with --fetch, every key against the API", (*program).validate},
		{"render-config", "write the default configuration to CONFIG_PATH unless a file is there, and print it", (*program).renderConfig},
		{"health", "ask a running proxy for its readiness; with --live, whether it is alive", (*program).health},
		{"store", "look into the store of documents, save it and bring it back", (*program).store},
		{"version", "print the version", (*program).version},
		{"help", "print this help", (*program).help},
	}
}

func (p *program) help(context.Context, []string) int {
	fmt.Fprint(p.Stdout, help())
	return exitOK
}

func help() string {
	var b strings.Builder
	b.WriteString("edge-proxy serves Flagsmith flags from environment documents that it keeps up to date.\n\nUsage: edge-proxy [command]\n\nCommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  %-14s %s\n", c.name, c.summary)
	}
	b.WriteString("\nThe configuration is the JSON file that CONFIG_PATH names (config.json by default) and\n" +
		"environment variables, which count more. edge-proxy COMMAND --help tells more about a command.\n\n" +
		"Exit codes: 0 done, 1 failed while running, 2 wrong configuration or usage.\n")
	return b.String()
}
