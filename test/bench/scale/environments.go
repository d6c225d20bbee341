package main

import (
	"context"
	"fmt"
	"time"

	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

// pollInterval is the interval for which processor time is reported: the default.
const pollInterval = 10 * time.Second

// manyEnvironments measures a process that serves more and more environments of
// a usual size: until all are there, memory, and what polling costs while upstream
// answers 304.
func (l *laboratory) manyEnvironments(ctx context.Context) error {
	document := profile.Document(profile.Size{Features: 20, Segments: 5, Conditions: 5})
	fmt.Printf("each of %d bytes; polls every %s\n", len(document), pollInterval)
	fmt.Printf("%-12s %10s %12s %16s %18s %10s\n", "environments", "ready", "resident", "each", "CPU an interval", "polls")
	base := int64(0)
	for _, n := range []int{1, 10, 100, 500, 1000, 2000} {
		if n > l.environments {
			break
		}
		if err := l.environmentsPoint(ctx, document, n, &base); err != nil {
			return err
		}
	}
	return nil
}

func (l *laboratory) environmentsPoint(ctx context.Context, document []byte, n int, base *int64) error {
	keys := l.manyKeys(document, n)
	began := time.Now()
	p, err := lab.StartProxy(ctx, lab.Setup{
		Binary: l.binary, Directory: l.directory, Upstream: l.upstream, Keys: keys, PollEvery: pollInterval.Seconds(),
	})
	if err != nil {
		return err
	}
	defer p.Stop()
	ready, err := lab.WaitReady(ctx, p.Address)
	if err != nil {
		return err
	}
	// Two intervals let the collector settle; the third is the one that counts.
	settle, counted := l.or(2*pollInterval, time.Second), l.or(pollInterval, time.Second)
	if err := sleep(ctx, settle); err != nil {
		return err
	}
	before, err := p.Usage()
	if err != nil {
		return err
	}
	polls := l.upstream.NotModified.Load()
	if err := sleep(ctx, counted); err != nil {
		return err
	}
	after, err := p.Usage()
	if err != nil {
		return err
	}
	each := "-"
	if *base == 0 {
		*base = after.Resident
	} else {
		each = fmt.Sprintf("%.0f KiB", float64(after.Resident-*base)/float64(n-1)/1024)
	}
	fmt.Printf("%-12d %10s %12s %16s %18s %10d\n", n, ready.Sub(began).Round(time.Millisecond), lab.MiB(after.Resident), each,
		after.CPU-before.CPU, l.upstream.NotModified.Load()-polls)
	return nil
}
