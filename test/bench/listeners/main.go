// Command listeners measures real time: what thousands of listeners cost one
// proxy, how soon all of them learn of a change, and how soon every node of a
// fleet serves and announces one.
package main

import (
	"context"
	"flag"
	"time"

	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
)

func main() {
	var l laboratory
	parts := flag.String("parts", "node,fleet", "what to measure, of node, fleet")
	flag.StringVar(&l.binary, "binary", "", "the proxy to measure, instead of a freshly built one")
	flag.IntVar(&l.listeners, "listeners", 5000, "listeners of the one node")
	flag.IntVar(&l.processors, "processors", 0, "processors that the one node may use; 0: all")
	flag.IntVar(&l.broadcasts, "broadcasts", 20, "changes to announce to them")
	flag.IntVar(&l.nodes, "nodes", 3, "nodes of the fleet")
	flag.IntVar(&l.changes, "changes", 100, "changes to announce to the fleet")
	smoke := flag.Bool("smoke", false, "run with small sizes, to see whether it works")
	flag.Parse()
	l.quiet = 5 * time.Second
	if *smoke {
		l.listeners, l.broadcasts, l.nodes, l.changes, l.quiet = 200, 3, 2, 5, time.Second
	}
	lab.Main("bench-listeners", func(ctx context.Context, directory string) error {
		l.directory = directory
		return l.run(ctx, *parts)
	})
}

// laboratory is what every part works with.
type laboratory struct {
	binary, directory     string
	listeners, broadcasts int
	processors            int
	quiet                 time.Duration // how long requests are measured without a broadcast
	nodes, changes        int
}

func (l *laboratory) run(ctx context.Context, parts string) (err error) {
	if l.binary == "" {
		if l.binary, err = lab.Build(ctx, l.directory, "cmd/edge-proxy"); err != nil {
			return err
		}
	}
	return lab.Measure(ctx, []lab.Part{{Name: "node", Measure: l.node}, {Name: "fleet", Measure: l.fleet}}, parts)
}
