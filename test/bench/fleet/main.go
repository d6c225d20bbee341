// Command fleet measures what a fleet of many nodes costs the Redis that they share, and
// the Flagsmith that they poll. The nodes run in this process, each an app.App with a
// store of its own on one real redis-server.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	var s sizes
	flag.IntVar(&s.nodes, "nodes", 100, "nodes")
	flag.IntVar(&s.environments, "environments", 1000, "environments, which all nodes have")
	flag.DurationVar(&s.interval, "interval", 10*time.Second, "poll interval")
	flag.IntVar(&s.intervals, "intervals", 6, "intervals to measure")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}
