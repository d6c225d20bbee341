package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

type bench struct {
	options
	bare      string // binary
	directory string
	upstream  *lab.Upstream
}

// variant is a proxy to be measured.
type variant struct {
	name    string
	change  func(*lab.Setup)
	process *lab.Process
	runs    []round
}

// round has the measurements of one process in one round.
type round struct {
	lab.Result
	cpu time.Duration // per request
}

func (b *bench) startProxy(ctx context.Context, name string, change func(*lab.Setup)) (*lab.Process, error) {
	directory := filepath.Join(b.directory, name)
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return nil, err
	}
	s := lab.Setup{
		Binary: b.binary, Directory: directory, Upstream: b.upstream, Cores: serverCore, Processors: 1,
		Keys: []lab.KeyPair{{Server: serverKey, Client: profile.ClientKey}},
	}
	if change != nil {
		change(&s)
	}
	p, err := lab.StartProxy(ctx, s)
	if err != nil {
		return nil, err
	}
	if _, err := lab.WaitReady(ctx, p.Address); err != nil {
		p.Stop()
		return nil, errors.Join(err, errors.New(p.Output()))
	}
	return p, nil
}

func (b *bench) serveProfile() {
	updated := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	b.upstream.Put(serverKey, profile.Document(profile.Default()), updated)
}

// compareAll measures every endpoint and prints a line for each process.
func (b *bench) compareAll(ctx context.Context) error {
	b.serveProfile()
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer collector.Close()
	variants := []*variant{{name: "proxy"}}
	for _, v := range []*variant{
		{name: "access-log", change: func(s *lab.Setup) { s.AccessLog = true }},
		{name: "no-metrics", change: func(s *lab.Setup) { s.NoMetrics = true }},
		{name: "tracing", change: func(s *lab.Setup) { // every hundredth request
			s.Env = append(s.Env, "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.01")
		}},
		{name: "caches", change: func(s *lab.Setup) { s.Caches = true }},
	} {
		if b.variants.MatchString(v.name) {
			variants = append(variants, v)
		}
	}
	if b.beside != "" {
		variants = append(variants, &variant{name: "beside", change: func(s *lab.Setup) { s.Binary = b.beside }})
	}
	for _, v := range variants {
		var err error
		if v.process, err = b.startProxy(ctx, v.name, v.change); err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
		defer v.process.Stop()
	}
	fmt.Printf("%d rounds of %s, %d connections. Ratios are to the bare handler within a round, medians (lowest to highest):\nof requests a second, and of processor time a request, the bare handler's by the process's.\n\n", b.rounds, b.duration, b.connections)
	fmt.Printf("%-16s %-11s %7s %8s  %-19s %9s %9s %9s %9s %6s\n", "endpoint", "process", "bytes", "req/s", "ratio", "p50", "p99", "CPU/req", "CPU ratio", "failed")
	for _, e := range endpoints() {
		if !b.endpoints.MatchString(e.name) {
			continue
		}
		if err := b.compare(ctx, e, variants); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
	}
	fmt.Println()
	for _, v := range variants {
		used, err := v.process.Usage()
		if err != nil {
			return err
		}
		fmt.Printf("peak resident memory of %-11s %s\n", v.name, lab.MiB(used.Peak))
	}
	return nil
}

func (b *bench) compare(ctx context.Context, e endpoint, variants []*variant) error {
	got, err := ask(ctx, variants[0].process.Address, e.request)
	if err != nil {
		return err
	}
	file := filepath.Join(b.directory, "answer")
	if err := os.WriteFile(file, got.body, 0o600); err != nil {
		return err
	}
	process, err := lab.Start(ctx, lab.Command{
		Path: b.bare, Args: []string{"-body", file, "-content-encoding", got.encoding}, Cores: serverCore, Processors: 1,
	})
	if err != nil {
		return err
	}
	defer process.Stop()
	bare := &variant{name: "bare", process: process}
	everyone := append([]*variant{bare}, variants...)
	for _, v := range everyone {
		v.runs = nil
	}
	for n := range b.rounds {
		for i := range everyone {
			// Each round begins with a different one, so that none is always first.
			v := everyone[(i+n)%len(everyone)]
			measured, err := b.measure(ctx, v.process, e.request, b.connections)
			if err != nil {
				return fmt.Errorf("%s: %w", v.name, err)
			}
			v.runs = append(v.runs, measured)
		}
	}
	for _, v := range everyone {
		report(e, v, bare, variants[0], len(got.body))
	}
	return nil
}

func (b *bench) measure(ctx context.Context, p *lab.Process, r lab.Request, connections int) (round, error) {
	before, err := p.Usage()
	if err != nil {
		return round{}, err
	}
	result, err := lab.Wrk(ctx, b.directory, loadCore, p.Address, r, connections, b.duration)
	if err != nil {
		return round{}, errors.Join(err, p.Alive())
	}
	after, err := p.Usage()
	if err != nil {
		return round{}, err
	}
	return round{result, (after.CPU - before.CPU) / time.Duration(max(1, result.Requests))}, nil
}
