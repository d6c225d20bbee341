// Command scale measures the proxy as a process: many environments, a very large
// document, memory idle and under load, and a long run.
package main

import (
	"context"
	"flag"
	"time"

	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
)

func main() {
	l := laboratory{}
	parts := flag.String("parts", "idle,environments,restore,change,large", "what to measure, of idle, environments, restore, change, large, soak")
	flag.DurationVar(&l.duration, "duration", 10*time.Minute, "how long soak takes")
	flag.StringVar(&l.binary, "binary", "", "the proxy to measure, instead of a new build")
	flag.IntVar(&l.environments, "environments", 2000, "the most environments")
	flag.IntVar(&l.overrides, "overrides", 200_000, "identity overrides of the large document")
	flag.IntVar(&l.swaps, "swaps", 5, "how often the large document is swapped under load")
	flag.IntVar(&l.rate, "rate", 500, "small requests a second while it is swapped")
	smoke := flag.Bool("smoke", false, "small sizes and a short run: does it still work?")
	flag.Parse()
	if *smoke {
		l.environments, l.overrides, l.swaps, l.duration, l.smoke = 10, 2000, 1, 5*time.Second, true
	}
	lab.Main("bench-scale", func(ctx context.Context, directory string) error {
		l.directory = directory
		return l.run(ctx, *parts)
	})
}

// laboratory has what all parts share.
type laboratory struct {
	binary, directory              string
	environments, overrides, swaps int
	rate                           int
	duration                       time.Duration
	smoke                          bool
	upstream                       *lab.Upstream
}

func (l *laboratory) run(ctx context.Context, parts string) (err error) {
	if err := lab.Need("wrk", "taskset"); err != nil {
		return err
	}
	if l.binary == "" {
		if l.binary, err = lab.Build(ctx, l.directory, "cmd/edge-proxy"); err != nil {
			return err
		}
	}
	if l.upstream, err = lab.NewUpstream(); err != nil {
		return err
	}
	defer l.upstream.Close()
	return lab.Measure(ctx, []lab.Part{
		{Name: "idle", Measure: l.idle}, {Name: "environments", Measure: l.manyEnvironments},
		{Name: "restore", Measure: l.restore}, {Name: "change", Measure: l.change},
		{Name: "large", Measure: l.large}, {Name: "soak", Measure: l.soak},
	}, parts)
}

// sleep waits for a time or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
