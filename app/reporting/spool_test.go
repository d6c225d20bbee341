package reporting_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

func handle(t *testing.T, b *sharedmemory.Backend) ports.Store {
	t.Helper()
	s, err := b.Open(t.Context(), &url.URL{Scheme: memory.Scheme}, ports.StoreDeps{Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// spoolOf returns what is in a spool.
func spoolOf(t *testing.T, b *sharedmemory.Backend, number int) []byte {
	t.Helper()
	value, _, err := handle(t, b).GetState(t.Context(), fmt.Sprintf("usage/spool/%d", number))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// alone gives back what a process had that was killed, as a store does that is of
// one process only.
func alone(t *testing.T, b *sharedmemory.Backend, node string) {
	t.Helper()
	for _, name := range []string{"usage/spool", "usage/spool/0"} {
		if err := ports.DropLease(t.Context(), handle(t, b), name, node); err != nil {
			t.Fatal(err)
		}
	}
}

// TestKilledWhileUpstreamIsAway sees that a restart reports what was spooled, each
// batch under its former key, and that at most an interval is lost.
func TestKilledWhileUpstreamIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.failing(errAway)
		first := start(t, u, b, "node-1")
		var total, since int64
		for range 10 { // intervals
			for range 60 {
				first.served(1)
				total++
				pass(time.Second)
			}
		}
		first.served(5)
		since = 5 + 60
		first.kill()
		alone(t, b, "node-1")
		sent := u.came()

		u.script(nil)
		second := start(t, u, b, "node-2")
		pass(time.Second)
		if !slices.ContainsFunc(u.came()[len(sent):], func(b domain.UsageBatch) bool { return b.Key == sent[0].Key }) {
			t.Errorf("%v did not come again, but %v", sent[0], u.came()[len(sent):])
		}
		if got := u.of("a", domain.ResourceFlags); got > total+5 || got < total+5-since {
			t.Errorf("%d of %d are reported", got, total+5)
		}
		reported := u.of("a", domain.ResourceFlags)
		second.served(3)
		second.end()
		u.takes(t, "a", reported+3)
		if text := string(spoolOf(t, b, 0)); strings.Contains(text, "count") {
			t.Errorf("the spool still has %s", text)
		}
	})
}

// TestKilledAfterUpstreamTookTheBatch sees that it counts once.
func TestKilledAfterUpstreamTookTheBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		first := start(t, u, b, "node-1")
		u.script(func(context.Context, int, domain.UsageBatch) (bool, error) {
			first.dead.Store(true) // before it gets the answer
			return true, nil
		})
		first.served(8)
		pass(interval)
		first.kill()
		alone(t, b, "node-1")
		u.takes(t, "a", 8)

		u.script(nil)
		start(t, u, b, "node-2")
		pass(interval)
		if came := u.came(); len(came) < 2 || came[1].Key != came[0].Key {
			t.Errorf("got %v", came)
		}
		u.takes(t, "a", 8)
	})
}

// A process spools a batch without learning that it did, has it taken by upstream, and
// is killed: what is in the store is not another batch.
func TestKilledAfterASaveOfUnknownOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		p := start(t, u, b, "n1")
		pass(time.Second)
		p.served(5)
		p.deaf.Store(true)
		pass(2 * interval)
		u.takes(t, "a", 5)
		p.kill()
		later := start(t, u, b, "n2")
		pass(5 * interval)
		u.takes(t, "a", 5)
		if restored := append(later.log.named("usage_restored"), later.log.named("usage_taken_over")...); len(restored) != 1 {
			t.Errorf("the store had nothing: %v", restored)
		}
	})
}

// Three processes share a store that comes and goes and whose answers are lost at
// times, and report to an upstream that takes some of what it refuses: all is counted,
// and nothing twice.
func TestExactWhateverIsLost(t *testing.T) {
	for seed := range uint64(100) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				source := rand.New(rand.NewPCG(seed, 1))
				random := func() float64 {
					mu.Lock()
					defer mu.Unlock()
					return source.Float64()
				}
				u, b := newUpstream(), sharedmemory.New()
				u.script(func(context.Context, int, domain.UsageBatch) (bool, error) {
					<-time.After(time.Duration(random() * float64(2*time.Second)))
					switch x := random(); {
					case x < 0.3:
						return random() < 0.5, errBusy
					case x < 0.4:
						return random() < 0.5, errAway
					}
					return true, nil
				})
				var running []*process
				served := int64(0)
				for n := range 200 {
					if len(running) < 3 {
						running = append(running, start(t, u, b, fmt.Sprint("n", n)))
					}
					pass(time.Duration(random() * float64(20*time.Second)))
					for _, p := range running {
						requests := int(random() * 5)
						p.served(requests)
						served += int64(requests)
					}
					switch p, x := running[0], random(); {
					case x < 0.15:
						p.deaf.Store(!p.deaf.Load())
					case x < 0.2:
						p.away.Store(!p.away.Load())
					case x < 0.25: // in good order, and with the store
						p.deaf.Store(false)
						p.away.Store(false)
						p.end()
						running = running[:copy(running, running[1:])]
					default:
						running = append(running[1:], p)
					}
				}
				u.script(nil)
				for _, p := range running {
					p.deaf.Store(false)
					p.away.Store(false)
				}
				pass(10 * interval)
				for _, p := range running {
					p.end()
				}
				u.takes(t, "a", served)
			})
		})
	}
}

// TestManyRestarts kills and starts at random moments, upstream coming and going.
func TestManyRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		var served, atRisk int64
		for round := range 40 {
			switch round % 4 {
			case 0:
				u.failing(errAway)
			case 2:
				u.script(func(_ context.Context, n int, _ domain.UsageBatch) (bool, error) { return n%2 == 0, errBusy })
			default:
				u.script(nil)
			}
			p := start(t, u, b, fmt.Sprintf("node-%d", round))
			for range 10 + round*7 {
				p.served(1)
				served++
				pass(time.Second)
			}
			atRisk += 60
			p.kill()
			if round%3 == 0 {
				alone(t, b, fmt.Sprintf("node-%d", round))
			}
		}
		u.script(nil)
		last := start(t, u, b, "last")
		pass(10 * interval)
		last.end()
		if got := u.of("a", domain.ResourceFlags); got > served || got < served-atRisk {
			t.Errorf("%d reported of %d served, %d at risk", got, served, atRisk)
		}
	})
}

func TestNodesHaveTheirOwnSpools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.failing(errAway)
		one, two := start(t, u, b, "node-1"), start(t, u, b, "node-2")
		one.served(3)
		two.served(4)
		pass(3 * interval)
		if a, b := string(spoolOf(t, b, 0)), string(spoolOf(t, b, 1)); a == b || !strings.Contains(a+b, `"count":3`) || !strings.Contains(a+b, `"count":4`) {
			t.Errorf("the spools have\n%s\n%s", a, b)
		}
		u.script(nil)
		one.end()
		two.end()
		u.takes(t, "a", 7)
	})
}

// TestEndLeavesTheSpoolToOthers sees that nobody waits for the lease of a process
// that ended in good order.
func TestEndLeavesTheSpoolToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.failing(errAway)
		one := start(t, u, b, "node-1")
		one.served(6)
		one.end()
		u.script(nil)
		start(t, u, b, "node-2")
		pass(time.Second)
		u.takes(t, "a", 6)
	})
}

// TestDeadNodeIsTakenOver sees that the others report what a node left that does
// not come back, once.
func TestDeadNodeIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.failing(errAway)
		one, two, three := start(t, u, b, "node-1"), start(t, u, b, "node-2"), start(t, u, b, "node-3")
		one.served(3)
		two.served(4)
		three.served(5)
		pass(2 * interval)
		two.kill()
		u.script(nil)
		pass(interval)
		u.takes(t, "a", 8)
		pass(5 * interval) // its lease runs out, and somebody notices
		u.takes(t, "a", 12)
		for number := range 3 {
			if text := string(spoolOf(t, b, number)); strings.Contains(text, "count") {
				t.Errorf("spool %d still has %s", number, text)
			}
		}
		if n := len(one.log.named("usage_taken_over")) + len(three.log.named("usage_taken_over")); n != 1 {
			t.Errorf("taken over %d times", n)
		}
		four := start(t, u, b, "node-4") // and takes the spool that is free
		u.failing(errAway)
		four.served(1)
		pass(3 * interval)
		if _, _, err := handle(t, b).GetState(t.Context(), "usage/spool/3"); !errors.Is(err, ports.ErrNotFound) {
			t.Errorf("there are more spools than nodes at one time, %v", err)
		}
	})
}

// TestNodeThatWasTakenOverAlive sees that a node that stood still for long enough to
// lose its spool neither loses counts nor has them counted twice.
func TestNodeThatWasTakenOverAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.failing(errAway)
		one, two := start(t, u, b, "node-1"), start(t, u, b, "node-2")
		two.served(10)
		pass(interval) // a batch that was tried
		two.served(20)
		pass(interval) // and an open one
		awake := make(chan struct{})
		two.stuck.Store(&awake)
		pass(10 * interval)
		if len(one.log.named("usage_taken_over")) != 1 {
			t.Fatal("nobody has taken over")
		}
		two.served(40)
		close(awake)
		two.stuck.Store(nil)
		pass(3 * interval)
		u.script(nil)
		pass(3 * interval)
		two.served(80)
		pass(2 * interval)
		u.takes(t, "a", 150)
		one.end()
		two.end()
		u.takes(t, "a", 150)
	})
}

// A batch that the spool has is not added to while the store is away, however it came to be
// there: another node may take it over as it is.
func TestASpooledBatchDoesNotGrowWithoutTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.failing(errAway)
		one := start(t, u, b, "node-1")
		pass(time.Second)
		two := start(t, u, b, "node-2")
		two.served(10)
		pass(interval)
		two.away.Store(true)
		two.served(1)
		pass(interval)
		two.away.Store(false)
		for range 60 { // until it is saved at the end of a round
			if strings.Contains(string(spoolOf(t, b, 1)), `"count":1}`) {
				break
			}
			pass(time.Second)
		}
		two.away.Store(true)
		two.served(5)
		pass(10 * interval)
		if len(one.log.named("usage_taken_over")) != 1 {
			t.Fatal("nobody has taken over")
		}
		u.script(nil)
		pass(3 * interval)
		two.away.Store(false)
		pass(3 * interval)
		u.takes(t, "a", 16)
		u.sameUnderEachKey(t)
	})
}

// TestNodeThatWasTakenOverWithoutTheStore is the same for a node that
// continues to count and cannot reach the store meanwhile.
func TestNodeThatWasTakenOverWithoutTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.failing(errAway)
		one, two := start(t, u, b, "node-1"), start(t, u, b, "node-2")
		two.served(10)
		pass(interval)
		two.served(20)
		pass(interval)
		two.away.Store(true)
		for range 10 {
			two.served(4)
			pass(interval)
		}
		if len(one.log.named("usage_taken_over")) != 1 {
			t.Fatal("nobody has taken over")
		}
		u.script(func(_ context.Context, _ int, b domain.UsageBatch) (bool, error) {
			return strings.HasPrefix(b.Key, "node-2"), errBusy // all that the two have, in either order
		})
		pass(interval)
		two.away.Store(false)
		pass(3 * interval)
		u.script(nil)
		pass(3 * interval)
		u.takes(t, "a", 70)
	})
}

// A node waits so long for upstream that its lease runs out, and continues to save: another one
// that reads its spool meanwhile does not send an earlier state of a batch that still grows.
func TestSpoolOfANodeThatStillSaves(t *testing.T) {
	for _, c := range []struct {
		name  string
		other func(t *testing.T, u *upstream, b *sharedmemory.Backend) *process // a node with a spool, at the start
		later func(t *testing.T, u *upstream, b *sharedmemory.Backend, other *process) *process
	}{
		{
			"is emptied by one that reads slowly",
			func(t *testing.T, u *upstream, b *sharedmemory.Backend) *process { return start(t, u, b, "node-1") },
			func(_ *testing.T, _ *upstream, _ *sharedmemory.Backend, other *process) *process {
				other.slow.Store(int64(interval))
				return other
			},
		},
		{
			"is emptied by one that cannot write",
			func(t *testing.T, u *upstream, b *sharedmemory.Backend) *process { return start(t, u, b, "node-1") },
			func(_ *testing.T, _ *upstream, _ *sharedmemory.Backend, other *process) *process {
				other.full.Store(true)
				return other
			},
		},
		{
			"is claimed by one that reads slowly",
			func(*testing.T, *upstream, *sharedmemory.Backend) *process { return nil },
			func(t *testing.T, u *upstream, b *sharedmemory.Backend, _ *process) *process {
				return start(t, u, b, "node-1", func(p *process) { p.slow.Store(int64(interval)) })
			},
		},
		{
			"is claimed by one that cannot write",
			func(*testing.T, *upstream, *sharedmemory.Backend) *process { return nil },
			func(t *testing.T, u *upstream, b *sharedmemory.Backend, _ *process) *process {
				return start(t, u, b, "node-1", func(p *process) { p.full.Store(true) })
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u, b := newUpstream(), sharedmemory.New()
				released, first := make(chan struct{}), ""
				release := sync.OnceFunc(func() { close(released) })
				t.Cleanup(release)
				u.script(func(_ context.Context, n int, b domain.UsageBatch) (bool, error) {
					if n == 1 {
						first = b.Key
					}
					if b.Key == first {
						<-released
					}
					return true, nil
				})
				other := c.other(t, u, b)
				pass(time.Second)
				two := start(t, u, b, "node-2")
				pass(time.Second)
				served := int64(0)
				serve := func(intervals int) {
					for range intervals {
						two.served(10)
						served += 10
						pass(interval)
					}
				}
				serve(3) // a batch that waits for upstream's answer, and an open one
				other = c.later(t, u, b, other)
				serve(8)
				release()
				other.slow.Store(0)
				other.full.Store(false)
				serve(3)
				two.end()
				other.end()
				u.takes(t, "a", served)
				u.sameUnderEachKey(t)
			})
		})
	}
}

func TestWithoutTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		p := start(t, u, b, "node-1")
		p.away.Store(true)
		p.served(3)
		pass(interval)
		u.takes(t, "a", 3) // reporting does not need it
		u.failing(errAway)
		p.served(4)
		pass(interval)
		p.away.Store(false)
		p.served(5)
		pass(2 * interval)
		p.kill()
		alone(t, b, "node-1")
		u.script(nil)
		start(t, u, b, "node-2").end()
		u.takes(t, "a", 12)
	})
}

// TestStoreThatLosesItsData sees that what was spooled is spooled again.
func TestStoreThatLosesItsData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.failing(errAway)
		p := start(t, u, b, "node-1")
		p.served(3)
		pass(interval)
		p.served(4)
		pass(interval)
		b.Wipe()
		p.served(5)
		pass(3 * interval)
		p.kill()
		alone(t, b, "node-1")
		u.script(nil)
		start(t, u, b, "node-2").end()
		u.takes(t, "a", 12)
	})
}

func TestUnreadableSpool(t *testing.T) {
	for _, text := range []string{
		"", "no JSON", "null", `{"batches":[{"key":"","rows":[]}]}`,
		`{"batches":[{"key":"k","rows":[{"client_side_key":"a","resource":"flags","count":0}]}]}`,
		`{"batches":[{"key":"k","rows":[{"client_side_key":"a","resource":"other","count":1}]}]}`,
	} {
		t.Run(text, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u, b := newUpstream(), sharedmemory.New()
				if _, err := handle(t, b).PutState(t.Context(), "usage/spool/0", []byte(text), ""); err != nil {
					t.Fatal(err)
				}
				p := start(t, u, b, "node")
				p.served(2)
				pass(interval)
				u.takes(t, "a", 2)
				if n := len(p.log.named("usage_spool_unreadable")); n != 1 && text != "null" {
					t.Errorf("told %d times", n)
				}
			})
		})
	}
}
