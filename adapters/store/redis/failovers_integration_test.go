//go:build integration

package redis_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/storetest/histories"
	"github.com/edge-proxy/edge-proxy/test/support/rediscontainers"
	"github.com/edge-proxy/edge-proxy/test/support/relay"
)

// A failover may undo what was acknowledged, leases too. Each record, state and lease is then
// as it was at some time before, and from there on there is one copy again.
func TestHistoriesOfFailovers(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*testing.T, *rediscontainers.Deployment, *rediscontainers.Server){
		"killed": func(t *testing.T, d *rediscontainers.Deployment, former *rediscontainers.Server) {
			former.Kill(t)
			d.AwaitFailover(t, former)
			former.Start(t)
		},
		// It executes what clients sent it meanwhile when it goes on, as the master that it
		// takes itself for.
		"hangs": func(t *testing.T, d *rediscontainers.Deployment, former *rediscontainers.Server) {
			former.Pause(t)
			d.AwaitFailover(t, former)
			former.Unpause(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := rediscontainers.Sentinel(t)
			d.DownAfter(t, time.Minute) // no failover but those that the test stages
			direct := func(prefix string) ports.Store { return open(t, d.URL, prefix, "timeout", "200ms") }
			wantUnknown(t, explained(t, name, direct, direct, true, func(h *histories.History, _ string) {
				h.Failover(func() {
					d.DownAfter(t, time.Second)
					fail(t, d, d.Master(t))
					d.AwaitReplication(t)
					d.DownAfter(t, time.Minute)
				})
			}))
		})
	}
	t.Run("partition", func(t *testing.T) {
		t.Parallel()
		d := rediscontainers.Sentinel(t)
		d.DownAfter(t, time.Minute)
		direct := func(prefix string) ports.Store { return open(t, d.URL, prefix, "timeout", "200ms") }
		sentinels, apart := behindRelays(t, d)
		far := func(prefix string) ports.Store { return open(t, apart, prefix, "timeout", "200ms") }
		explained(t, "partition", far, direct, true, func(h *histories.History, prefix string) {
			divide(t, d, sentinels, apart, prefix+"-divided", h)
		})
	})
}

// behindRelays returns a relay to each Sentinel, and a URL that names the relays.
func behindRelays(t *testing.T, d *rediscontainers.Deployment) ([]*relay.Relay, *url.URL) {
	t.Helper()
	var relays []*relay.Relay
	var addrs []string
	for _, sentinel := range d.Sentinels {
		r := relay.Start(t, sentinel.Addr())
		relays, addrs = append(relays, r), append(addrs, r.Addr())
	}
	apart := *d.URL
	apart.Host = strings.Join(addrs, ",")
	return relays, &apart
}

// divide lets two masters take writes for some seconds: the Sentinels make the replica the
// master, and the nodes that are far hear nothing of it and still reach the former one, as in
// a partition that separates it and them from the rest. What it acknowledges is lost. Two
// handles with a prefix of their own, one of them far, show that it was so.
func divide(t *testing.T, d *rediscontainers.Deployment, sentinels []*relay.Relay, apart *url.URL, prefix string, h *histories.History) {
	t.Helper()
	// The machine may be slow, and these calls are made once.
	one, other := open(t, apart, prefix, "timeout", "10s"), open(t, d.URL, prefix, "timeout", "10s")
	v1 := put(t, one, record("one", "1"), "")
	former := d.Master(t)
	for _, server := range d.Servers {
		eventually(t, 30*time.Second, func(context.Context) error {
			if got := server.Command(t, "HGET", prefix+":{one}:record", "version"); got != string(v1) {
				return fmt.Errorf("%s has version %q, want %q", server.Addr(), got, v1)
			}
			return nil
		})
	}

	var v2 ports.Version
	h.Failover(func() {
		for _, r := range sentinels {
			r.Hold(relay.Requests | relay.Answers)
		}
		d.StartFailover(t)
		d.AwaitFailover(t, former)
		v2 = put(t, one, record("one", "2 on the former master"), v1)
		eventually(t, 30*time.Second, func(ctx context.Context) error {
			r, err := other.Get(ctx, "one")
			if err == nil && r.Version != v1 {
				t.Errorf("Get from the new master: version %s, want %s, for the other one is the former master's", r.Version, v1)
			}
			return err
		})
		d.AwaitReplication(t)
		for _, r := range sentinels {
			r.Pass()
		}
	})

	// Nobody can build on what was lost, and everybody on what was not.
	eventually(t, 30*time.Second, func(ctx context.Context) error {
		_, err := one.Put(ctx, record("one", "3 after 2"), v2)
		if errors.Is(err, ports.ErrConflict) {
			return nil
		}
		return errors.Join(errors.New("Put on the lost version did not conflict"), err)
	})
	put(t, one, record("one", "3"), v1)
	wantBody(t, other, "one", "3")
}
