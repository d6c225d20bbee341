package main

import (
	"context"
	"fmt"
	"time"

	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

const serverKey = "ser.bench-0123456789"

var profileKeys = []lab.KeyPair{{Server: serverKey, Client: profile.ClientKey}}

// load is a mixture of requests of clients.
func load() []lab.Request {
	client := [2]string{"X-Environment-Key", profile.ClientKey}
	return []lab.Request{
		{Method: "POST", Target: "/api/v1/identities/", Header: [][2]string{client, {"Content-Type", "application/json"}}, Bodies: identities(500)},
		{Method: "GET", Target: "/api/v1/flags/", Header: [][2]string{client}},
		{Method: "GET", Target: "/api/v1/identities/?identifier=user", Header: [][2]string{client, {"Accept-Encoding", "gzip"}}},
		{Method: "GET", Target: "/api/v1/environment-document", Header: [][2]string{{"X-Environment-Key", serverKey}}},
	}
}

func identities(n int) []string {
	bodies := make([]string, n)
	for i := range bodies {
		bodies[i] = profile.IdentityBody(fmt.Sprintf("user-%d", i))
	}
	return bodies
}

// idle measures memory with the sizing profile, idle and under full load, and how
// soon the first document makes the proxy ready; with one processor and with all.
func (l *laboratory) idle(ctx context.Context) error {
	document := profile.Document(profile.Default())
	fmt.Printf("%-10s %18s %12s %18s %18s\n", "processors", "ready after", "idle", "peak under load", "resident after it")
	for _, processors := range []int{1, 2} {
		sent := l.upstream.Put(serverKey, document, epoch)
		p, err := lab.StartProxy(ctx, lab.Setup{
			Binary: l.binary, Directory: l.directory, Upstream: l.upstream, Keys: profileKeys, Processors: processors,
		})
		if err != nil {
			return err
		}
		defer p.Stop()
		ready, err := lab.WaitReady(ctx, p.Address)
		if err != nil {
			return err
		}
		if err := sleep(ctx, l.or(5*time.Second, time.Second)); err != nil {
			return err
		}
		quiet, err := p.Usage()
		if err != nil {
			return err
		}
		for _, r := range load() {
			result, err := lab.Wrk(ctx, l.directory, "", p.Address, r, 50, l.or(5*time.Second, time.Second))
			if err != nil {
				return err
			}
			if result.Failed > 0 {
				return fmt.Errorf("%d of %d requests failed", result.Failed, result.Requests)
			}
		}
		loaded, err := p.Usage()
		if err != nil {
			return err
		}
		fmt.Printf("%-10d %18s %12s %18s %18s\n", processors, ready.Sub((<-sent).Ended).Round(100*time.Microsecond),
			lab.MiB(quiet.Resident), lab.MiB(loaded.Peak), lab.MiB(loaded.Resident))
	}
	return nil
}

// or picks the short one for a smoke run.
func (l *laboratory) or(full, smoke time.Duration) time.Duration {
	if l.smoke {
		return smoke
	}
	return full
}
