//go:build integration

package redis_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/storetest/histories"
	"github.com/edge-proxy/edge-proxy/test/support/rediscontainers"
	"github.com/edge-proxy/edge-proxy/test/support/relay"
)

// rounds returns how often a test of histories stages its fault.
func rounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("EDGE_PROXY_HISTORY_ROUNDS")
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("EDGE_PROXY_HISTORY_ROUNDS: %v", err)
	}
	return n
}

// One server is one copy of the data, however it is reached: while it hangs or the network
// loses what is sent to it or by it, callers see nothing that cannot be explained by calls
// one after the other.
func TestHistories(t *testing.T) {
	t.Parallel()
	d := rediscontainers.Single(t)
	server := d.Servers[0]
	direct := func(prefix string) ports.Store { return open(t, d.URL, prefix, "timeout", "200ms") }
	t.Run("paused", func(t *testing.T) {
		wantUnknown(t, explained(t, "paused", direct, direct, true, func(*histories.History, string) {
			server.Pause(t)
			pass(400 * time.Millisecond)
			server.Unpause(t)
		}))
	})
	for name, fault := range map[string]func(*relay.Relay){
		"requests are held": func(r *relay.Relay) { r.Hold(relay.Requests) },
		"answers are held":  func(r *relay.Relay) { r.Hold(relay.Answers) },
		"both are held":     func(r *relay.Relay) { r.Hold(relay.Requests | relay.Answers) },
		"answers are lost": func(r *relay.Relay) { // one here and there, so that the repetition is answered
			for range 20 {
				r.LoseAnswers(1)
				pass(20 * time.Millisecond)
			}
		},
		"packets are lost": func(r *relay.Relay) {
			r.Become(relay.Line{Delay: 20 * time.Millisecond, Loss: 0.2, Again: 250 * time.Millisecond})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := relay.Start(t, server.Addr())
			apart := *d.URL
			apart.Host = r.Addr()
			far := func(prefix string) ports.Store { return open(t, &apart, prefix, "timeout", "200ms") }
			// A call about leases whose answer is lost is repeated, and the answer to the
			// second one is the one that is returned: that the holder had the lease before.
			leases := name != "answers are lost"
			wantUnknown(t, explained(t, name, far, direct, leases, func(*histories.History, string) {
				fault(r)
				pass(500 * time.Millisecond)
				r.LoseAnswers(0)
				r.Become(relay.Line{})
				r.Pass()
			}))
		})
	}
}

// explained has callers use two handles, stages the fault, and checks what they saw; all of
// it some times, each with a prefix of its own, which the fault is given. It returns how many
// calls did not say what happened in the round with the fewest of them.
func explained(t *testing.T, prefix string, one, other func(prefix string) ports.Store, leases bool, fault func(h *histories.History, prefix string)) (unknown int) {
	t.Helper()
	unknown = math.MaxInt
	for round := range rounds(t) {
		within := prefix + strconv.Itoa(round)
		seed := rand.Uint64()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		h := histories.Load{
			Stores: []ports.Store{one(within), other(within)}, Callers: 8, Calls: 1_000_000, Objects: 4,
			Records: true, States: true, Leases: leases,
			Seed: seed, TTL: 300 * time.Millisecond, Timeout: 5 * time.Second, Pause: 20 * time.Millisecond,
		}.Begin(ctx)
		awaitCalls(t, h)
		fault(h, within)
		awaitCalls(t, h)
		stop()
		h.Wait()
		knownOnes, unknownOnes := h.Outcomes()
		t.Logf("%d calls that say what happened, %d that do not; seed %d", knownOnes, unknownOnes, seed)
		unknown = min(unknown, unknownOnes)
		for _, problem := range h.Check(time.Minute) {
			t.Error(problem)
		}
	}
	return unknown
}

// awaitCalls waits until callers have made some more calls that say what happened.
func awaitCalls(t *testing.T, h *histories.History) {
	t.Helper()
	const some = 150
	before, _ := h.Outcomes()
	eventually(t, time.Minute, func(context.Context) error {
		if now, _ := h.Outcomes(); now < before+some {
			return fmt.Errorf("%d of %d calls", now-before, some)
		}
		return nil
	})
}

// wantUnknown wants calls that do not say what happened: else the fault has met none.
func wantUnknown(t *testing.T, unknown int) {
	t.Helper()
	if unknown == 0 {
		t.Error("all calls say what happened: the fault has not met any")
	}
}
