// Package standard is the composition root: the built-in adapters, wired to the
// application by the configuration, and the command line around them. It alone
// knows more than one adapter.
package standard

import (
	"context"
	"io"
	"iter"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // time zones for images that have none

	_ "golang.org/x/crypto/x509roots/fallback" // certificates for images that have none
	"golang.org/x/term"

	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/commands"
	"github.com/edge-proxy/edge-proxy/docs/sample"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Option adds to what is built in.
type Option func(*wiring)

// WithStore makes a store of yours available under a URL scheme. It replaces a
// built-in one of the same scheme.
func WithStore(scheme string, open ports.OpenStore) Option {
	return func(w *wiring) { w.stores[strings.ToLower(scheme)] = backend{open: open} }
}

// Main runs the command line of this process and returns its exit code. The
// first SIGINT or SIGTERM shuts down in order. Another one ends the process at once,
// unless it comes within a second: that one is taken for the same signal.
func Main(options ...Option) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	i := &interrupts{}
	go i.watch(signals, cancel) // ends with the process
	directory, err := os.Getwd()
	if err != nil {
		directory = "."
	}
	p := Process{
		Args: os.Args, Environ: os.Environ(), WorkingDir: directory,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}
	return commands.Run(ctx, program(p, i, options), p.Args)
}

// Process is what a run gets from outside.
type Process struct {
	Args       []string // with the program's name in front
	Environ    []string // NAME=value
	WorkingDir string
	Stdin      io.Reader // nil: it is empty
	Stdout     io.Writer
	Stderr     io.Writer
}

// Run runs a command line until it is done or ctx ends, and returns its exit
// code.
func Run(ctx context.Context, process Process, options ...Option) int {
	return commands.Run(ctx, program(process, &interrupts{}, options), process.Args)
}

// CommandHelp returns each command, such as "edge-proxy store list", with its help.
func CommandHelp(options ...Option) iter.Seq2[string, string] {
	return commands.Help(program(Process{Stdout: io.Discard, Stderr: io.Discard}, &interrupts{}, options))
}

func program(p Process, i *interrupts, options []Option) *commands.Program {
	w := &wiring{stdout: p.Stdout, stderr: p.Stderr, interrupts: i, stores: builtInStores()}
	for _, o := range options {
		o(w)
	}
	stdin := p.Stdin
	if stdin == nil {
		stdin = strings.NewReader("")
	}
	file, isFile := stdin.(*os.File)
	terminal := isFile && term.IsTerminal(int(file.Fd()))
	return &commands.Program{Environ: p.Environ, WorkingDir: p.WorkingDir, Stdin: stdin, Terminal: terminal, Stdout: p.Stdout, Stderr: p.Stderr, Sample: sample.Files(), Wiring: w}
}

// wiring is the adapters of one run. It implements commands.Wiring.
type wiring struct {
	stdout, stderr io.Writer
	interrupts     *interrupts
	stores         map[string]backend // by URL scheme
}
