package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
)

// sizes are those of the fleet, and of what is measured.
type sizes struct {
	nodes, environments, intervals int
	interval                       time.Duration
}

// extrapolated is the number of nodes that the figures are extrapolated to.
const extrapolated = 1000

// patience is how long the fleet may take to serve all environments.
const patience = 10 * time.Minute

func run(ctx context.Context, s sizes) error {
	directory, err := os.MkdirTemp("", "fleet")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	address, stop, err := lab.StartRedis(ctx, directory)
	if err != nil {
		return err
	}
	defer stop()
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	counter := newCounter(u.Host)
	defer counter.close()

	o := newOrigin(s.environments)
	running, end := context.WithCancel(ctx)
	var ended sync.WaitGroup
	defer ended.Wait()
	defer end()
	nodes := make([]*node, s.nodes)
	began := time.Now()
	for i := range nodes {
		if nodes[i], err = startNode(running, &ended, i, u, o, s); err != nil {
			return err
		}
		// One after the other, as in a rolling upgrade: all at once on one machine would
		// be more than it can do before calls time out.
		if err := await(ctx, nodes[i:i+1], func(n *node) bool { return n.serves(s.environments) }); err != nil {
			return fmt.Errorf("waiting for node %d to serve all environments: %w", i+1, err)
		}
	}
	fmt.Printf("%d nodes serve %d environments %s after the first start\n", s.nodes, s.environments, time.Since(began).Round(time.Second))
	if err := settle(ctx, s, o); err != nil {
		return err
	}
	if err := quiet(ctx, s, counter, o); err != nil {
		return err
	}
	return change(ctx, s, nodes, o)
}

// settle waits until the start is over: one node polls each environment, and a few
// intervals more.
func settle(ctx context.Context, s sizes, o *origin) error {
	for limit := time.Now().Add(patience); ; {
		polls := o.polls.Load()
		if err := pause(ctx, 3*s.interval); err != nil {
			return err
		}
		each := float64(o.polls.Load()-polls) / 3 / float64(s.environments)
		fmt.Printf("settling: %.2f polls for each environment and interval\n", each)
		if each < 1.5 {
			return pause(ctx, 3*s.interval)
		}
		if time.Now().After(limit) {
			return errors.New("the fleet does not come to rest")
		}
	}
}

// quiet measures a fleet in which nothing changes.
func quiet(ctx context.Context, s sizes, counter *counter, o *origin) error {
	before, err := counter.read(ctx)
	if err != nil {
		return err
	}
	polls, began := o.polls.Load(), time.Now()
	if err := pause(ctx, time.Duration(s.intervals)*s.interval); err != nil {
		return err
	}
	after, err := counter.read(ctx)
	if err != nil {
		return err
	}
	// As many intervals as have really passed on a machine that is busy.
	intervals := time.Since(began).Seconds() / s.interval.Seconds()
	turns := intervals * float64(s.nodes)
	used := after.minus(before)
	fmt.Printf("quiet, for each node and interval of %s:\n", s.interval)
	fmt.Printf("  commands, those of scripts too  %10.1f\n", used.commands/turns)
	for _, c := range used.byCommand(turns) {
		fmt.Printf("    %-24s      %10.1f\n", c.name, c.calls)
	}
	fmt.Printf("  bytes to Redis                  %10.0f\n", used.in/turns)
	fmt.Printf("  bytes from Redis                %10.0f\n", used.out/turns)
	fmt.Printf("  CPU of Redis                    %10.3f ms\n", used.seconds/turns*1000)
	fmt.Printf("upstream polls for each environment and interval %.3f\n", float64(o.polls.Load()-polls)/intervals/float64(s.environments))
	each := s.interval.Seconds()
	fmt.Printf("extrapolated to %d nodes: %.0f commands a second, %.2f MB/s from Redis, %.1f %% of a core of Redis\n", extrapolated,
		used.commands/turns*extrapolated/each, used.out/turns*extrapolated/each/1e6, 100*used.seconds/turns*extrapolated/each)
	return nil
}

// changes is how many environments change while change measures.
const changes = 20

// change measures how soon all nodes serve a change after the first one does.
func change(ctx context.Context, s sizes, nodes []*node, o *origin) error {
	var longest time.Duration
	for i := range changes {
		key := keyOf(i * s.environments / changes)
		at := o.change(key)
		if err := await(ctx, nodes, func(n *node) bool { return n.has(key, at) }); err != nil {
			return fmt.Errorf("waiting for a change to reach all nodes: %w", err)
		}
		first, last := time.Time{}, time.Time{}
		for _, n := range nodes {
			served := n.servedAt(key)
			if first.IsZero() || served.Before(first) {
				first = served
			}
			if served.After(last) {
				last = served
			}
		}
		longest = max(longest, last.Sub(first))
	}
	fmt.Printf("%d changes, from the first node that serves one to the last: at most %s\n", changes, longest.Round(time.Millisecond))
	return nil
}

// await waits until all nodes are as they should be.
func await(ctx context.Context, nodes []*node, ready func(*node) bool) error {
	limit := time.Now().Add(patience)
	for _, n := range nodes {
		for !ready(n) {
			if time.Now().After(limit) {
				return errors.New("it takes too long")
			}
			if err := pause(ctx, 50*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return nil
}

// pause lets time go by.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func keyOf(i int) domain.EnvironmentKey {
	return domain.EnvironmentKey(fmt.Sprintf("environment-key-%06d", i)) // as long as Flagsmith's
}
