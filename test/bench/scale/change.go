package main

import (
	"context"
	"fmt"
	"time"

	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

// changeLoad is the share of the processor that the load of change takes.
const changeLoad = 0.8

// change measures identities on one processor at about 80 % of what it can do, while
// the document of the sizing profile stays as it is and while it changes each second.
func (l *laboratory) change(ctx context.Context) error {
	document := profile.Document(profile.Default())
	l.upstream.Put(serverKey, document, epoch)
	p, err := lab.StartProxy(ctx, lab.Setup{
		Binary: l.binary, Directory: l.directory, Upstream: l.upstream, Keys: profileKeys, PollEvery: 0.25, Cores: "0", Processors: 1,
	})
	if err != nil {
		return err
	}
	defer p.Stop()
	if _, err := lab.WaitReady(ctx, p.Address); err != nil {
		return err
	}
	request := load()[0]
	request.Bodies = request.Bodies[:1]
	const connections, loadCore = 256, "1"
	measure := func(r lab.Request, span time.Duration) (lab.Result, error) {
		result, err := lab.Wrk(ctx, l.directory, loadCore, p.Address, r, connections, span)
		if err == nil && result.Failed > 0 {
			err = fmt.Errorf("%d of %d requests failed", result.Failed, result.Requests)
		}
		return result, err
	}
	full, err := measure(request, l.or(3*time.Second, time.Second))
	if err != nil {
		return err
	}
	request.Delay = time.Duration(connections / (changeLoad * full.Rate) * float64(time.Second)).Round(time.Millisecond)
	fmt.Printf("a document of %d bytes, one processor, %d connections that wait %s between requests (at most %.0f requests a second without)\n",
		len(document), connections, request.Delay, full.Rate)
	fmt.Printf("%-10s %14s %12s %12s %16s %12s %12s %8s\n", "round", "quiet, a second", "p50", "p99", "changing, a second", "p50", "p99", "p99 x")
	updated, span := epoch, l.or(5*time.Second, time.Second)
	for round := range max(2, l.swaps) {
		quiet, err := measure(request, span)
		if err != nil {
			return err
		}
		changing, stop := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for changing.Err() == nil {
				updated = updated.Add(time.Minute)
				l.upstream.Put(serverKey, lab.Dated(document, updated, profile.ClientKey, profile.ClientKey), updated)
				_ = sleep(changing, time.Second)
			}
		}()
		busy, err := measure(request, span)
		stop()
		<-ended
		if err != nil {
			return err
		}
		fmt.Printf("%-10d %14.0f %12s %12s %16.0f %12s %12s %8.1f\n", round+1, quiet.Rate, quiet.P50, quiet.P99, busy.Rate, busy.P50, busy.P99,
			float64(busy.P99)/float64(max(1, quiet.P99)))
	}
	return nil
}
