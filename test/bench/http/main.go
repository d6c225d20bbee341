// Command http compares the proxy with a bare net/http handler that writes the
// same bytes: each on core 0 with GOMAXPROCS=1, loaded by wrk on core 1, in
// turns. Compare ratios within one run; absolute figures depend on the machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
)

func main() {
	o := options{}
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of each endpoint")
	flag.DurationVar(&o.duration, "duration", 3*time.Second, "load of each round, in whole seconds")
	flag.IntVar(&o.connections, "connections", 25, "connections of wrk")
	pick := flag.String("endpoints", ".", "regular expression for the endpoints to measure")
	vary := flag.String("variants", ".", "regular expression for the variants of the proxy to measure beside the plain one")
	flag.StringVar(&o.binary, "binary", "", "the proxy to measure, instead of a new build")
	flag.StringVar(&o.beside, "beside", "", "another build of the proxy, to measure in the same turns")
	flag.BoolVar(&o.sweep, "sweep", false, "measure the plain proxy alone, with 1 to 100 connections: peak and sweet spot")
	flag.StringVar(&o.profile, "profile", "", "write a processor profile of the proxy under load to this file, and measure nothing")
	smoke := flag.Bool("smoke", false, "one round of a second for each endpoint: does it still work?")
	flag.Parse()
	if *smoke {
		o.rounds, o.duration = 1, time.Second
	}
	var err error
	if o.endpoints, err = regexp.Compile(*pick); err == nil {
		o.variants, err = regexp.Compile(*vary)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-http:", err)
		os.Exit(2)
	}
	lab.Main("bench-http", func(ctx context.Context, directory string) error { return run(ctx, directory, o) })
}

type options struct {
	rounds, connections int
	duration            time.Duration
	endpoints, variants *regexp.Regexp
	binary, beside      string
	profile             string
	sweep               bool
}

// The measured process has a core for itself, as far as possible.
const (
	serverCore = "0"
	loadCore   = "1"
)

func run(ctx context.Context, directory string, o options) (err error) {
	if err := lab.Need("wrk", "taskset"); err != nil {
		return err
	}
	b := bench{options: o, directory: directory}
	if b.bare, err = lab.Build(ctx, directory, "test/bench/bare"); err != nil {
		return err
	}
	if b.binary == "" {
		command := "cmd/edge-proxy"
		if o.profile != "" {
			command = "test/bench/profiled"
		}
		if b.binary, err = lab.Build(ctx, directory, command); err != nil {
			return err
		}
	}
	if b.upstream, err = lab.NewUpstream(); err != nil {
		return err
	}
	defer b.upstream.Close()
	switch {
	case o.profile != "":
		return b.writeProfile(ctx, o.profile)
	case o.sweep:
		return b.sweepAll(ctx)
	}
	return b.compareAll(ctx)
}
