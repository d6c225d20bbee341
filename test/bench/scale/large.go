package main

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

const smallServerKey, smallClientKey = "ser.bench-small", "bench_small"

// largeDocument is the sizing profile with overrides of about 300 bytes each, so
// that 200,000 of them make a document of 60 MB.
func largeDocument(overrides int) []byte {
	document := profile.Document(profile.Default())
	const empty = `"identity_overrides":[]`
	at := bytes.Index(document, []byte(empty)) + len(empty) - 1
	out := make([]byte, 0, len(document)+overrides*310)
	out = append(out, document[:at]...)
	for i := range overrides {
		if i > 0 {
			out = append(out, ',')
		}
		feature := i % 50
		out = fmt.Appendf(out, `{"identifier":"customer-%08d","identity_uuid":"%08d-0000-4000-8000-000000000000","identity_features":[`+
			`{"feature":{"id":%d,"name":"feature_%03d","type":"STANDARD"},"enabled":%t,"feature_state_value":"override %d","django_id":null,`+
			`"featurestate_uuid":"%08d-0000-4000-9000-000000000000","multivariate_feature_state_values":[]}]}`,
			i, i, 1000+feature, feature, i%2 == 0, i%1000, i)
	}
	return append(out, document[at:]...)
}

// large measures what a very large document costs: on one core until it is
// served, in memory, and while it is swapped under load on all cores.
func (l *laboratory) large(ctx context.Context) error {
	document := largeDocument(l.overrides)
	fmt.Printf("%d identity overrides, %.1f MB\n", l.overrides, float64(len(document))/1e6)
	if err := l.largeOnOneCore(ctx, document); err != nil {
		return err
	}
	return l.swapUnderLoad(ctx, document)
}

// largeOnOneCore lets a proxy that serves the plain profile change to the large
// document.
func (l *laboratory) largeOnOneCore(ctx context.Context, document []byte) error {
	p, err := l.startLarge(ctx, "0", 1)
	if err != nil {
		return err
	}
	defer p.Stop()
	if err := sleep(ctx, l.or(3*time.Second, time.Second)); err != nil {
		return err
	}
	first, err := p.Usage()
	if err != nil {
		return err
	}
	fmt.Printf("%-8s %16s %12s %10s %16s %18s %18s\n", "change", "served after", "CPU", "peak", "rise, bodies", "…since the start", "resident later")
	bodies := func(bytes int64) string { return fmt.Sprintf("%.1f", float64(bytes)/float64(len(document))) }
	for swap := range 3 {
		updated := epoch.Add(time.Duration(swap+1) * time.Minute)
		changed := lab.Dated(document, updated, profile.ClientKey, profile.ClientKey)
		before, err := p.Usage()
		if err != nil {
			return err
		}
		if err := p.ResetPeak(); err != nil {
			return err
		}
		sent := l.upstream.Put(serverKey, changed, updated)
		sending, err := waitServed(ctx, p.Address, sent, updated)
		if err != nil {
			return err
		}
		took := time.Since(sending.Ended)
		served, err := p.Usage()
		if err != nil {
			return err
		}
		// What storing the document and polling it once more add counts too.
		if err := sleep(ctx, l.or(5*time.Second, time.Second)); err != nil {
			return err
		}
		settled, err := p.Usage()
		if err != nil {
			return err
		}
		fmt.Printf("%-8d %16s %12s %10s %16s %18s %18s\n", swap+1, took.Round(time.Millisecond), served.CPU-before.CPU, lab.MiB(settled.Peak),
			bodies(settled.Peak-before.Resident), bodies(settled.Peak-first.Resident), lab.MiB(settled.Resident))
	}
	before, err := p.Usage()
	if err != nil {
		return err
	}
	if err := sleep(ctx, l.or(5*time.Second, time.Second)); err != nil {
		return err
	}
	after, err := p.Usage()
	if err != nil {
		return err
	}
	fmt.Printf("unchanged (304 each second): %s of processor time in %s\n", after.CPU-before.CPU, l.or(5*time.Second, time.Second))
	return nil
}

// startLarge starts a proxy with the plain profile, which is to become large, and
// a small environment beside it.
func (l *laboratory) startLarge(ctx context.Context, cores string, processors int) (*lab.Process, error) {
	l.upstream.Put(serverKey, profile.Document(profile.Default()), epoch)
	small := profile.Document(profile.Size{Features: 20, Segments: 5, Conditions: 5})
	l.upstream.Put(smallServerKey, lab.Dated(small, epoch, profile.ClientKey, smallClientKey), epoch)
	p, err := lab.StartProxy(ctx, lab.Setup{
		Binary: l.binary, Directory: l.directory, Upstream: l.upstream, Cores: cores, Processors: processors, PollEvery: 1,
		Keys: append(profileKeys, lab.KeyPair{Server: smallServerKey, Client: smallClientKey}),
	})
	if err != nil {
		return nil, err
	}
	if _, err := lab.WaitReady(ctx, p.Address); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// swapUnderLoad compares the latency of small requests while nothing happens with
// that from the first byte of the large document until it is served and put away.
func (l *laboratory) swapUnderLoad(ctx context.Context, document []byte) error {
	p, err := l.startLarge(ctx, "", 2)
	if err != nil {
		return err
	}
	defer p.Stop()
	defer debug.SetGCPercent(debug.SetGCPercent(1000)) // this process measures, so it should not pause
	requests := []lab.Request{
		{Method: "GET", Target: "/api/v1/flags/?feature=feature_007", Header: [][2]string{{"X-Environment-Key", smallClientKey}}},
		{Method: "POST", Target: "/api/v1/identities/", Header: [][2]string{{"X-Environment-Key", smallClientKey}, {"Content-Type", "application/json"}}, Bodies: identities(1)},
		{Method: "GET", Target: "/api/v1/flags/?feature=feature_007", Header: [][2]string{{"X-Environment-Key", profile.ClientKey}}},
	}
	// The first large document is there before it begins: each swap replaces one.
	updated := epoch.Add(time.Hour)
	sent := l.upstream.Put(serverKey, lab.Dated(document, updated, profile.ClientKey, profile.ClientKey), updated)
	if _, err := waitServed(ctx, p.Address, sent, updated); err != nil {
		return err
	}
	if err := sleep(ctx, l.or(3*time.Second, time.Second)); err != nil {
		return err
	}
	latencies, err := lab.StartLatencies(p.Address, requests, l.rate)
	if err != nil {
		return err
	}
	if err := sleep(ctx, time.Second); err != nil { // connections are there then
		return err
	}
	quiet, swapping := lab.Window{}, lab.Window{}
	for range l.swaps {
		began := time.Now()
		if err := sleep(ctx, l.or(3*time.Second, time.Second)); err != nil {
			return err
		}
		quiet.Add(began, time.Now())

		updated = updated.Add(time.Minute)
		changed := lab.Dated(document, updated, profile.ClientKey, profile.ClientKey)
		sent := l.upstream.Put(serverKey, changed, updated)
		sending, err := waitServed(ctx, p.Address, sent, updated)
		if err != nil {
			return err
		}
		// Storing it and giving memory back belong to it.
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
		swapping.Add(sending.Began, time.Now())
		if err := sleep(ctx, time.Second); err != nil { // what is left of the collector's work is neither
			return err
		}
	}
	if err := latencies.Stop(); err != nil {
		return err
	}
	calm, busy := latencies.In(quiet), latencies.In(swapping)
	fmt.Printf("%d swaps under %d requests a second, two cores: quiet p50 %s p99 %s (%d requests), swapping p50 %s p99 %s (%d requests): p99 %.1f x; none failed\n",
		l.swaps, l.rate, calm.P50, calm.P99, calm.Count, busy.P50, busy.P99, busy.Count, float64(busy.P99)/float64(max(1, calm.P99)))
	return nil
}
