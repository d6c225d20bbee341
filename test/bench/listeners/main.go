// Command listeners measures real time: what thousands of listeners cost one
// proxy, how soon all of them learn of a change, and how soon every node of a
// fleet serves and announces one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
)

func main() {
	var l laboratory
	parts := flag.String("parts", "node,fleet", "what to measure, of node, fleet")
	flag.StringVar(&l.binary, "binary", "", "the proxy to measure, instead of a freshly built one")
	flag.IntVar(&l.listeners, "listeners", 5000, "listeners of the one node")
	flag.IntVar(&l.broadcasts, "broadcasts", 20, "changes that they are told of")
	flag.IntVar(&l.nodes, "nodes", 3, "nodes of the fleet")
	flag.IntVar(&l.changes, "changes", 100, "changes that the fleet is told of")
	smoke := flag.Bool("smoke", false, "small sizes: does it still work?")
	flag.Parse()
	if *smoke {
		l.listeners, l.broadcasts, l.nodes, l.changes = 200, 3, 2, 5
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := l.run(ctx, strings.Split(*parts, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "bench-listeners:", err)
		os.Exit(1)
	}
}

// laboratory is what every part works with.
type laboratory struct {
	binary, directory     string
	listeners, broadcasts int
	nodes, changes        int
}

func (l *laboratory) run(ctx context.Context, parts []string) (err error) {
	known := []struct {
		name    string
		measure func(context.Context) error
	}{{"node", l.node}, {"fleet", l.fleet}}
	if l.directory, err = os.MkdirTemp("", "bench-listeners-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(l.directory) }()
	if l.binary == "" {
		if l.binary, err = lab.Build(ctx, l.directory, "cmd/edge-proxy"); err != nil {
			return err
		}
	}
	measured := 0
	for _, p := range known {
		if !slices.Contains(parts, p.name) {
			continue
		}
		fmt.Printf("== %s\n", p.name)
		if err := p.measure(ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		fmt.Println()
		measured++
	}
	if measured != len(parts) {
		return errors.New("an unknown part: there are node and fleet")
	}
	return nil
}
