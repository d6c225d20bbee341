// Command tls compares TLS of the proxy with nginx, which has the same certificate and
// answers with the same bytes from its configuration: each on core 0 with one processor,
// loaded from core 1, in turns. It measures full handshakes and requests on kept
// connections. Compare ratios within one run; absolute figures depend on the machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

// The measured process has a core for itself, as far as possible.
const (
	serverCore = "0"
	loadCore   = "1"

	serverKey = "ser.bench_tls_0001"
	// goal is the least ratio to nginx.
	goal = 0.9
)

type options struct {
	rounds, connections int
	duration            time.Duration
	binary              string
}

func main() {
	o := options{}
	flag.IntVar(&o.rounds, "rounds", 5, "rounds")
	flag.DurationVar(&o.duration, "duration", 3*time.Second, "load of each round, in whole seconds")
	flag.IntVar(&o.connections, "connections", 25, "kept connections of wrk")
	flag.StringVar(&o.binary, "binary", "", "the proxy to measure, instead of a new build")
	smoke := flag.Bool("smoke", false, "one round of a second: does it still work?")
	flag.Parse()
	if *smoke {
		o.rounds, o.duration = 1, time.Second
	}
	lab.Main("bench-tls", func(ctx context.Context, directory string) error { return run(ctx, directory, o) })
}

func run(ctx context.Context, directory string, o options) (err error) {
	if err := lab.Need("wrk", "taskset", "nginx", "openssl"); err != nil {
		return err
	}
	if o.binary == "" {
		if o.binary, err = lab.Build(ctx, directory, "cmd/edge-proxy"); err != nil {
			return err
		}
	}
	files, err := newCertificate(ctx, directory)
	if err != nil {
		return err
	}
	upstream, err := lab.NewUpstream()
	if err != nil {
		return err
	}
	defer upstream.Close()
	upstream.Put(serverKey, profile.Document(profile.Default()), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))

	proxy, err := lab.StartProxy(ctx, lab.Setup{
		Binary: o.binary, Directory: directory, Upstream: upstream, Cores: serverCore, Processors: 1,
		Keys: []lab.KeyPair{{Server: serverKey, Client: profile.ClientKey}},
		Env:  []string{"SERVER_TLS_CERT_FILE=" + files.cert, "SERVER_TLS_KEY_FILE=" + files.key},
	})
	if err != nil {
		return err
	}
	defer proxy.Stop()
	request := lab.Request{Method: "GET", Target: "/api/v1/flags/", Header: [][2]string{{"X-Environment-Key", profile.ClientKey}}}
	answer, err := firstAnswer(ctx, proxy.Address, request)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, proxy.Output())
	}
	front, err := startNginx(ctx, directory, files, answer)
	if err != nil {
		return err
	}
	defer front.stop()

	sides := []*side{{name: "proxy", process: proxy}, {name: "nginx", process: front.Process}}
	for n := range o.rounds {
		for i := range sides {
			// Each round begins with a different one, so that none is always first.
			s := sides[(i+n)%len(sides)]
			if err := s.measure(ctx, filepath.Join(directory, s.name), request, o); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	report(sides, len(answer), o)
	return nil
}

// side is one of the two that are compared.
type side struct {
	name               string
	process            *lab.Process
	handshakes, served []measured
}

// measured is what one round showed.
type measured struct {
	rate float64       // a second
	cpu  time.Duration // for each
}

// measure takes one round of both kinds.
func (s *side) measure(ctx context.Context, scratch string, request lab.Request, o options) error {
	if err := os.MkdirAll(scratch, 0o755); err != nil {
		return err
	}
	shaken, err := s.during(func() (int64, float64, error) { return handshakes(ctx, s.process.Address, o.duration) })
	if err != nil {
		return err
	}
	answered, err := s.during(func() (int64, float64, error) {
		r, err := lab.Wrk(ctx, scratch, loadCore, "https://"+s.process.Address, request, o.connections, o.duration)
		if err == nil && r.Failed > 0 {
			err = fmt.Errorf("%d requests failed", r.Failed)
		}
		return r.Requests, r.Rate, err
	})
	if err != nil {
		return err
	}
	s.handshakes, s.served = append(s.handshakes, shaken), append(s.served, answered)
	return nil
}

// during measures the processor time of the process while load runs, which returns how
// many times it had what it wanted, in all and a second.
func (s *side) during(load func() (n int64, rate float64, err error)) (measured, error) {
	before, err := s.process.Usage()
	if err != nil {
		return measured{}, err
	}
	n, rate, err := load()
	if err != nil {
		return measured{}, err
	}
	after, err := s.process.Usage()
	if err != nil {
		return measured{}, err
	}
	return measured{rate: rate, cpu: (after.CPU - before.CPU) / time.Duration(max(1, n))}, nil
}

// report prints the medians, and the ratios of the first side to the second within rounds.
// A process that alone has a core does as many a second as its processor time allows, so
// that ratio holds even where the load generator is the slower of the two.
func report(sides []*side, bytes int, o options) {
	fmt.Printf("%d rounds of %s, %d kept connections, answers of %d bytes. Ratios are of the proxy to nginx, medians (lowest to highest).\n\n", o.rounds, o.duration, o.connections, bytes)
	fmt.Printf("%-22s %-6s %10s %12s %14s  %-22s\n", "", "", "a second", "CPU each", "a CPU second", "ratio by CPU")
	for _, kind := range []struct {
		name string
		of   func(*side) []measured
	}{
		{"full handshakes", func(s *side) []measured { return s.handshakes }},
		{"kept connections", func(s *side) []measured { return s.served }},
	} {
		var ratios []float64
		for i, own := range kind.of(sides[0]) {
			ratios = append(ratios, float64(kind.of(sides[1])[i].cpu)/float64(max(1, own.cpu)))
		}
		for i, s := range sides {
			var rates, costs []float64
			for _, m := range kind.of(s) {
				rates, costs = append(rates, m.rate), append(costs, float64(m.cpu))
			}
			note := ""
			if i == 0 {
				note = fmt.Sprintf("%.2f (%.2f to %.2f)", median(ratios), slices.Min(ratios), slices.Max(ratios))
				if median(ratios) < goal {
					note += fmt.Sprintf("  below the goal of %.1f", goal)
				}
			}
			cost := median(costs)
			fmt.Printf("%-22s %-6s %10.0f %12s %14.0f  %s\n", kind.name, s.name, median(rates), time.Duration(cost).Round(100*time.Nanosecond), 1e9/max(1, cost), note)
		}
	}
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}
