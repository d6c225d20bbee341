package app_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

func many(n int) (keys []domain.EnvironmentKey) {
	for i := range n {
		keys = append(keys, domain.EnvironmentKey(fmt.Sprintf("client-%d", i)))
	}
	return keys
}

func TestPollsStayOnTheirGrid(t *testing.T) {
	for _, c := range []struct {
		name  string
		takes func(n int) time.Duration
		want  time.Duration // between polls
	}{
		{"answers at once", func(int) time.Duration { return 0 }, interval},
		{"slow answers of various times", func(n int) time.Duration { return time.Duration(n*7%10) * time.Second }, interval},
		{"answers slower than the interval", func(int) time.Duration { return 12 * time.Second }, 2 * interval},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := newUpstream()
				u.put(key, time.Now(), "a")
				u.slow(func(_ domain.EnvironmentKey, n int) time.Duration { return c.takes(n) })
				start(t, u, setup{random: func() float64 { return 0.9999999999 }}) // the grid begins as late as it can
				pass(5 * time.Minute)
				all := gaps(u.of(key))
				if len(all) < 14 || all[0] > c.want {
					t.Fatalf("gaps %v", all)
				}
				for _, gap := range all[1:] {
					if gap != c.want {
						t.Fatalf("a gap of %v, want %v: %v", gap, c.want, all)
					}
				}
			})
		})
	}
}

func TestFirstFetchesStartAtOnceAndPollsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		keys := many(200)
		for _, k := range keys {
			u.put(k, time.Now(), "a")
		}
		u.slow(func(domain.EnvironmentKey, int) time.Duration { return 20 * time.Millisecond })
		n := start(t, u, setup{environments: environments(keys...)})
		began := time.Now()
		pass(280 * time.Millisecond) // 200 fetches of 20 ms, 16 at a time, take 260 ms
		n.isState(t, domain.Fresh)
		if peak := u.most(); peak != 16 {
			t.Errorf("%d fetches at one time, want 16", peak)
		}
		if first := u.of(keys[0])[0].at.Sub(began); first > 300*time.Millisecond {
			t.Errorf("the first fetch came after %v", first)
		}
		pass(2 * interval)
		perSecond := make([]int, 10)
		for _, k := range keys {
			phase := u.of(k)[2].at.Sub(began) % interval // the second poll begins the grid
			perSecond[phase/time.Second]++
		}
		for second, polls := range perSecond[3:] { // a first poll is not followed by another one at once
			if polls < 10 || polls > 45 {
				t.Errorf("second %d of the interval has %d of 200 polls: %v", second+3, polls, perSecond)
			}
		}
	})
}

func TestTheListenerOpensBeforeTheFirstFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		in := newInput()
		in.refuse = fmt.Errorf("the port is taken")
		n := start(t, u, setup{input: in})
		err := <-n.ended
		n.ended <- err
		if err == nil || len(u.of(key)) != 0 {
			t.Errorf("error %v, %d fetches for a proxy that could not listen", err, len(u.of(key)))
		}
	})
}

// One environment that hangs until the time-out delays no other.
func TestAHangingEnvironmentDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		keys := many(200)
		for _, k := range keys {
			u.put(k, time.Now(), "a")
		}
		hanging := keys[13]
		u.slow(func(k domain.EnvironmentKey, _ int) time.Duration {
			if k == hanging {
				return 5 * time.Second // api_poll_timeout_seconds
			}
			return 20 * time.Millisecond
		})
		u.script(func(_ string, k domain.EnvironmentKey, _ int) error {
			if k == hanging {
				return &ports.FetchError{Cause: "upstream is slow"}
			}
			return nil
		})
		start(t, u, setup{environments: environments(keys...)})
		pass(5 * time.Minute)
		for _, k := range keys {
			if k == hanging {
				continue
			}
			requests := u.of(k)
			if len(requests) < 30 {
				t.Errorf("%s: %d polls in five minutes", k, len(requests))
			}
			for _, gap := range gaps(requests) {
				if gap > interval {
					t.Errorf("%s: was polled after %v", k, gap)
				}
			}
		}
		if polls := len(u.of(hanging)); polls < 12 {
			t.Errorf("the hanging environment was given up after %d polls", polls)
		}
	})
}

func TestBackoffAfterFiveFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		u.script(down)
		n := start(t, u, setup{})
		pass(10 * time.Minute)
		all := gaps(u.of(key))
		for i, gap := range all[1:4] { // before the fifth failure
			if gap != interval {
				t.Errorf("gap %d is %v", i+1, gap)
			}
		}
		distinct := map[time.Duration]bool{}
		for i, gap := range all[4:] {
			if gap < interval || gap > 2*interval {
				t.Errorf("gap %d is %v, not one to two intervals", i+4, gap)
			}
			distinct[gap] = true
		}
		if len(distinct) < 10 {
			t.Errorf("no jitter: %v", all)
		}
		if failures := len(n.log.named("error_fetching_document")); failures != len(all)+1 {
			t.Errorf("%d polls failed and %d were logged", len(all)+1, failures)
		}
		u.script(nil)
		well := time.Now()
		pass(2 * interval)
		n.serves(t, "a")
		pass(2 * time.Minute)
		recovered := gaps(u.since(key, well))
		for i, gap := range recovered[1:] {
			if gap != interval {
				t.Errorf("after the recovery: gap %d is %v", i+1, gap)
			}
		}
	})
}

func TestASlowFetchIsWarnedAboutOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		u.slow(func(domain.EnvironmentKey, int) time.Duration { return 11 * time.Second })
		n := start(t, u, setup{})
		pass(2 * time.Minute)
		warned := n.log.named("fetch_slower_than_poll_interval")
		if len(warned) != 1 || warned[0].with["took"] != "11s" || warned[0].with["client_side_key"] != string(key) {
			t.Errorf("%d warnings: %v", len(warned), warned)
		}
	})
}

func TestUnconditionalPolls(t *testing.T) {
	// kinds tells each poll: u for unconditional, c for conditional.
	kinds := func(requests []request) (text string) {
		for _, r := range requests {
			if r.conditional {
				text += "c"
			} else {
				text += "u"
			}
		}
		return text
	}
	t.Run("first poll after each change, and every five minutes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream()
			u.put(key, time.Now(), "a")
			start(t, u, setup{random: func() float64 { return 0.9999999999 }})
			pass(time.Minute + time.Second) // polls at 0, 10, … 60 s
			if got := kinds(u.of(key)); got != "uuccccc" {
				t.Errorf("polls %s", got)
			}
			changed := time.Now()
			u.put(key, changed.Add(2*time.Second), "b")
			pass(7 * time.Minute)
			// the change comes with a conditional request; 30 polls after the
			// whole document that follows there is another one
			if got, want := kinds(u.since(key, changed)), "cu"+strings.Repeat("c", 29)+"u"+strings.Repeat("c", 10); got != want {
				t.Errorf("polls %s, want %s", got, want)
			}
		})
	})
	t.Run("a second change within the same second", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream()
			second := time.Now().Truncate(time.Second)
			u.put(key, second, "a")
			n := start(t, u, setup{})
			pass(time.Minute)
			u.put(key, second.Add(time.Hour+100*time.Millisecond), "b")
			pass(interval)
			n.serves(t, "b")
			u.put(key, second.Add(time.Hour+200*time.Millisecond), "c")
			pass(interval)
			n.serves(t, "c")
		})
	})
	t.Run("a second change that was announced before it was there", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u, stream := newUpstream(), make(teller)
			second := time.Now().Truncate(time.Second)
			first, next := second.Add(100*time.Millisecond), second.Add(200*time.Millisecond)
			u.put(key, first, "a")
			n := start(t, u, setup{notifier: stream})
			changed := <-stream
			pass(time.Minute)
			told := time.Now()
			changed(key, next)
			pass(time.Second)
			u.put(key, next, "b")
			pass(interval)
			n.serves(t, "b")
			pass(time.Minute)
			if got := kinds(u.since(key, told)); !strings.HasPrefix(got, "uuucccc") {
				t.Errorf("polls %s", got)
			}
		})
	})
	t.Run("documents without updated_at", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream()
			u.put(key, time.Time{}, "a")
			n := start(t, u, setup{})
			pass(time.Minute)
			u.put(key, time.Time{}, "b")
			pass(interval)
			n.serves(t, "b")
			if got := kinds(u.of(key)); got != strings.Repeat("u", len(got)) {
				t.Errorf("polls %s", got)
			}
		})
	})
	t.Run("after a 304 to an unconditional request", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream()
			u.put(key, time.Now(), "a")
			confused := &confusedUpstream{Upstream: u.at("node-1")}
			n := start(t, u, setup{upstream: confused})
			pass(30 * time.Second)
			n.isState(t, domain.Missing) // nothing cannot be confirmed
			if logged := n.log.named("error_fetching_document"); len(logged) < 3 || logged[0].with["status"] != "304" {
				t.Errorf("logged %v", logged)
			}
			confused.well.Store(true)
			pass(interval)
			n.serves(t, "a")
			n.isState(t, domain.Fresh)
		})
	})
}

func TestClockThatJumps(t *testing.T) {
	for _, jump := range []time.Duration{5 * time.Hour, -5 * time.Hour} {
		t.Run(jump.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := newUpstream()
				u.put(key, time.Now(), "a")
				var offset atomic.Int64
				n := start(t, u, setup{now: func() time.Time { return time.Now().Round(0).Add(time.Duration(offset.Load())) }})
				pass(time.Minute)
				offset.Store(int64(jump))
				jumped := time.Now()
				u.put(key, time.Now().Add(time.Second), "b")
				n.serves(t, "a")
				pass(2 * interval)
				n.serves(t, "b")
				n.isState(t, domain.Fresh)
				pass(time.Minute)
				polls := u.since(key, jumped)
				for _, gap := range gaps(polls) {
					if gap > interval {
						t.Errorf("a gap of %v", gap)
					}
				}
				if len(polls) < 7 {
					t.Errorf("%d polls in 80 s", len(polls))
				}
				u.script(down)
				pass(time.Minute)
				n.isState(t, domain.Stale) // what the clock showed before must not keep it fresh
				n.serves(t, "b")
				offset.Store(0) // and back
				u.script(nil)
				u.put(key, time.Now().Add(time.Minute), "c")
				pass(3 * interval)
				n.serves(t, "c")
				n.isState(t, domain.Fresh)
			})
		})
	}
}

// A change that its Last-Modified hides comes within five minutes by any clock.
func TestAClockThatWasSetBackHidesNoChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		second := time.Now()
		u.put(key, second, "a")
		var offset atomic.Int64
		n := start(t, u, setup{now: func() time.Time { return time.Now().Round(0).Add(time.Duration(offset.Load())) }})
		pass(time.Minute)
		offset.Store(int64(-5 * time.Hour))
		u.put(key, second.Add(time.Millisecond), "b")
		pass(5*time.Minute + interval)
		n.serves(t, "b")
	})
}

// A 304 to whatever is asked, until it is well.
type confusedUpstream struct {
	ports.Upstream
	well atomic.Bool
}

func (c *confusedUpstream) FetchDocument(ctx context.Context, r ports.DocumentRequest) (ports.Document, error) {
	if c.well.Load() {
		return c.Upstream.FetchDocument(ctx, r)
	}
	return ports.Document{NotModified: true}, nil
}

// Upstream that asks to wait is not asked before, but within five minutes at the latest.
func TestRetryAfterIsHonoured(t *testing.T) {
	for _, c := range []struct {
		name        string
		after       time.Duration
		least, most time.Duration // between polls
	}{
		{"longer than the interval", time.Minute, time.Minute, time.Minute + interval},
		{"shorter than the interval", time.Second, interval, 2 * interval},
		{"a day", 24 * time.Hour, 5 * time.Minute, 5*time.Minute + interval},
		{"nothing", 0, interval, 2 * interval},
		{"nonsense", -time.Hour, interval, 2 * interval},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := newUpstream()
				u.put(key, time.Now(), "a")
				start(t, u, setup{})
				pass(time.Minute)
				failed := time.Now()
				u.script(func(string, domain.EnvironmentKey, int) error {
					return &ports.FetchError{Status: 429, After: c.after, Err: errors.New("upstream answered 429")}
				})
				pass(30 * time.Minute)
				all := gaps(u.since(key, failed))
				if len(all) < 4 {
					t.Fatalf("gaps %v", all)
				}
				for _, gap := range all {
					if gap < c.least || gap > c.most {
						t.Errorf("a gap of %v, want %v to %v", gap, c.least, c.most)
					}
				}
			})
		})
	}
}

// Nodes that fail hand over again and again, so that one whose connection comes back is
// found after however long an outage of all.
func TestANodeWhoseConnectionComesBackIsFound(t *testing.T) {
	for _, well := range []string{"n1", "n2"} {
		t.Run(well, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u, b := newUpstream(), sharedmemory.New()
				u.put(key, time.Now(), "a")
				nodes := map[string]*node{}
				for _, name := range []string{"n1", "n2"} {
					nodes[name] = start(t, u, setup{name: name, store: handle(t, b)})
				}
				pass(2 * interval)
				u.script(down)
				pass(60 * interval)
				u.put(key, time.Now(), "b")
				u.script(func(node string, key domain.EnvironmentKey, n int) error {
					if node == well {
						return nil
					}
					return down(node, key, n)
				})
				pass(20 * interval)
				for _, n := range nodes {
					n.isState(t, domain.Fresh)
				}
			})
		})
	}
}
