package reporting_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/app/reporting"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

func TestCountsAreReportedEveryInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		p := start(t, u, sharedmemory.New(), "node")
		p.served(3)
		p.Count("b", domain.ServedIdentities, 0)
		p.Count("b", domain.ServedEnvironmentDocument, 0)
		pass(interval)
		want := []domain.UsageRow{
			{Environment: "a", Resource: domain.ResourceFlags, Count: 3},
			{Environment: "b", Resource: domain.ResourceIdentities, Count: 1},
			{Environment: "b", Resource: domain.ResourceEnvironmentDocument, Count: 1},
		}
		if came := u.came(); len(came) != 1 || !reflect.DeepEqual(came[0].Rows, want) {
			t.Fatalf("got %v", came)
		}
		pass(5 * interval)
		if came := u.came(); len(came) != 1 {
			t.Errorf("nothing was served, and there were %d more batches", len(came)-1)
		}
		p.served(2)
		pass(interval)
		u.takes(t, "a", 5)
		came := u.came()
		if len(came) != 2 || came[0].Key == came[1].Key {
			t.Errorf("got %v", came)
		}
	})
}

func TestOnlyDiscoveredEnvironmentsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		p := start(t, u, sharedmemory.New(), "node")
		p.Track(append(discovered("a"), domain.EnvironmentKeys{Client: "configured"}))
		p.Count("configured", domain.ServedFlags, 0)
		p.Count("unknown", domain.ServedFlags, 0)
		p.served(1)
		p.Track([]domain.EnvironmentKeys{{Client: "a"}}) // configured since
		p.served(10)
		p.end()
		u.takes(t, "a", 1)
		u.takes(t, "configured", 0)
		u.takes(t, "unknown", 0)
	})
}

func TestRemovedEnvironments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.script(func(_ context.Context, _ int, b domain.UsageBatch) (bool, error) {
			for _, r := range b.Rows {
				if r.Environment == "gone" {
					return false, errDenied
				}
			}
			return true, nil
		})
		p := start(t, u, sharedmemory.New(), "node")
		p.Track(discovered("a", "gone"))
		p.served(1)
		p.Count("gone", domain.ServedFlags, 0)
		p.Track(discovered("a"))
		p.Count("gone", domain.ServedFlags, 0) // a request that was under way
		pass(interval)
		u.takes(t, "a", 1) // whatever upstream thinks of the other
		dropped := p.log.named("usage_dropped")
		if len(dropped) != 1 || !strings.Contains(dropped[0].with, "requests=2") {
			t.Errorf("logged %v", dropped)
		}

		pass(10 * interval)
		p.Track(discovered("a", "gone")) // and back
		p.Count("gone", domain.ServedFlags, 0)
		u.script(nil)
		pass(interval)
		u.takes(t, "gone", 1)
	})
}

// TestExactUnderLoad counts from many goroutines while reports arrive, fail, and
// fail after they have been taken.
func TestExactUnderLoad(t *testing.T) {
	for seed := range uint64(5) {
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream()
			random := rand.New(rand.NewPCG(seed, 1))
			var mu sync.Mutex
			u.script(func(ctx context.Context, _ int, _ domain.UsageBatch) (bool, error) {
				mu.Lock()
				kind, takes := random.IntN(6), time.Duration(random.IntN(90_000))*time.Millisecond
				mu.Unlock()
				select {
				case <-time.After(takes):
				case <-ctx.Done():
					return false, ctx.Err()
				}
				switch kind {
				case 0:
					return false, errAway
				case 1:
					return true, errAway // the answer got lost
				case 2:
					return false, errBusy
				case 3:
					return true, errTooMany
				}
				return true, nil
			})
			p := start(t, u, sharedmemory.New(), "node")
			const clients, each = 8, 5000
			var all sync.WaitGroup
			for c := range clients {
				all.Go(func() {
					own := rand.New(rand.NewPCG(seed, uint64(c)))
					for range each {
						p.Count("a", domain.ServedIdentities, uint32(c))
						if own.IntN(100) == 0 {
							<-time.After(time.Duration(own.IntN(60_000)) * time.Millisecond)
						}
					}
				})
			}
			all.Wait()
			u.script(nil)
			p.end()
			if got := u.of("a", domain.ResourceIdentities); got != clients*each {
				t.Errorf("seed %d: %d reported, want %d", seed, got, clients*each)
			}
			keys := map[string]string{}
			for _, b := range u.came() {
				text := fmt.Sprint(b.Rows)
				if before, again := keys[b.Key]; again && before != text {
					t.Errorf("seed %d: batch %s was changed from %s to %s", seed, b.Key, before, text)
				}
				keys[b.Key] = text
			}
		})
	}
}

func TestBatchesAreSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		p := start(t, u, sharedmemory.New(), "node")
		pass(time.Second)
		var keys []domain.EnvironmentKey
		for i := range 701 {
			keys = append(keys, domain.EnvironmentKey(fmt.Sprintf("environment-%d", i)))
		}
		p.Track(discovered(keys...))
		for _, k := range keys {
			for _, what := range []domain.Service{domain.ServedFlags, domain.ServedIdentities, domain.ServedEnvironmentDocument} {
				p.Count(k, what, uint32(what))
			}
		}
		p.end()
		var sizes []int
		unique := map[string]bool{}
		total := 0
		for _, b := range u.came() {
			sizes, total, unique[b.Key] = append(sizes, len(b.Rows)), total+len(b.Rows), true
		}
		if len(sizes) != 3 || total != 701*3 || len(unique) != 3 {
			t.Errorf("batches of %v", sizes)
		}
	})
}

func TestRefusedBatchIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.failing(errDenied)
		p := start(t, u, sharedmemory.New(), "node")
		p.served(7)
		pass(interval)
		p.served(1)
		u.script(nil)
		pass(interval)
		u.takes(t, "a", 1)
		dropped := p.log.named("usage_dropped")
		if len(dropped) != 1 || dropped[0].level != slog.LevelError || !strings.Contains(dropped[0].with, "requests=7") ||
			!strings.Contains(dropped[0].with, "status=403") || !strings.Contains(dropped[0].with, "the proxy key is wrong") {
			t.Errorf("logged %v", dropped)
		}
		if len(u.came()) != 2 {
			t.Errorf("%d batches, want each once", len(u.came()))
		}
	})
}

func TestFailedBatchIsSentAgainUnchanged(t *testing.T) {
	for name, failure := range map[string]error{"no answer": errAway, "503": errBusy, "429": errTooMany} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := newUpstream()
				u.script(func(_ context.Context, n int, _ domain.UsageBatch) (bool, error) {
					if n <= 3 {
						return n == 2, failure // the second one was taken, which nobody knows
					}
					return true, nil
				})
				p := start(t, u, sharedmemory.New(), "node")
				pass(time.Millisecond)
				p.served(5)
				pass(interval / 2) // the first report, half an interval after the start
				p.served(2)        // pile up meanwhile
				pass(10 * time.Second)
				came := u.came()
				if len(came) != 5 {
					t.Fatalf("%d batches came: %v", len(came), came)
				}
				for _, b := range came[1:4] {
					if !reflect.DeepEqual(b, came[0]) {
						t.Errorf("%v does not repeat %v", b, came[0])
					}
				}
				u.takes(t, "a", 7)
				if failed, again := p.log.named("reports_fail"), p.log.named("reports_arrive_again"); len(failed) != 1 || len(again) != 1 {
					t.Errorf("logged %v and %v", failed, again)
				}
			})
		})
	}
}

// TestLongOutage sees that a day without upstream costs neither counts nor memory,
// nor a storm of requests.
func TestLongOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.failing(errAway)
		p := start(t, u, b, "node")
		for range 24 * 60 {
			p.served(10)
			pass(time.Minute)
		}
		tries := len(u.came())
		if tries < 24*60 || tries > 2*24*60+10 {
			t.Errorf("%d tries in a day", tries)
		}
		if size := len(spoolOf(t, b, 0)); size > 1000 {
			t.Errorf("the spool has %d bytes", size)
		}
		failed := p.log.named("reports_fail")
		if len(failed) < 26 || len(failed) > 28 {
			t.Errorf("the failure was logged %d times in a day, want 4 and one each hour", len(failed))
		}
		for _, l := range failed {
			for _, name := range []string{"kind", "failures", "since", "next_try"} {
				if !strings.Contains(l.with, name+"=") {
					t.Fatalf("logged %v", l)
				}
			}
		}
		u.script(nil)
		pass(interval)
		u.takes(t, "a", 24*60*10)
		if more := len(u.came()) - tries; more != 2 {
			t.Errorf("%d batches when upstream was back", more)
		}
	})
}

func TestLongOutageWithoutRoomInTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const environments, intervals, most = 23_000, 4, 250_000 // rows, of which each environment has three an interval
		u := newUpstream()
		u.failing(&ports.ReportError{Status: 503, After: 150 * time.Second})
		p := start(t, u, sharedmemory.New(), "n1")
		var keys []domain.EnvironmentKey
		for i := range environments {
			keys = append(keys, domain.EnvironmentKey(fmt.Sprint("e", i)))
		}
		p.Track(discovered(keys...))
		pass(time.Second)
		p.full.Store(true)
		for range intervals {
			for _, key := range keys {
				p.Count(key, domain.ServedFlags, 0)
				p.Count(key, domain.ServedIdentities, 0)
				p.Count(key, domain.ServedEnvironmentDocument, 0)
			}
			pass(interval)
		}
		failed := len(u.came())
		if failed == 0 {
			t.Error("nothing was sent during the outage")
		}
		u.failing(nil)
		pass(3 * interval)
		rows := 0
		for _, b := range u.came()[failed:] {
			rows += len(b.Rows)
		}
		if rows > most {
			t.Errorf("%d rows had to be reported", rows)
		}
		for _, key := range keys {
			for _, what := range []domain.Resource{domain.ResourceFlags, domain.ResourceIdentities, domain.ResourceEnvironmentDocument} {
				if got := u.of(key, what); got != intervals {
					t.Fatalf("%d requests for %s of %s are reported, want %d", got, what, key, intervals)
				}
			}
		}
	})
}

func TestIntervalThatBecomesShorter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		p := start(t, u, sharedmemory.New(), "node")
		p.every.Store(int64(24 * time.Hour))
		pass(24 * time.Hour)
		p.served(1)
		pass(time.Hour)
		u.takes(t, "a", 0)
		p.every.Store(int64(time.Minute))
		pass(5 * time.Second) // to notice
		u.takes(t, "a", 1)
		p.served(1)
		pass(time.Minute)
		u.takes(t, "a", 2)
	})
}

func TestNothingIsLostAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		p := start(t, u, sharedmemory.New(), "node")
		pass(interval)
		p.served(4)
		began := time.Now()
		p.end()
		u.takes(t, "a", 4)
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %v", took)
		}
	})
}

func TestTheEndOutlastsAShortFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.script(func(_ context.Context, n int, _ domain.UsageBatch) (bool, error) {
			if n <= 2 {
				return false, errBusy
			}
			return true, nil
		})
		p := start(t, u, sharedmemory.New(), "node")
		pass(time.Second)
		p.served(4)
		p.end()
		u.takes(t, "a", 4)
	})
}

// TestTheEndFinishesWhatIsUnderWay sees that a report that is being sent is waited
// for rather than sent again.
func TestTheEndFinishesWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.script(func(context.Context, int, domain.UsageBatch) (bool, error) {
			<-time.After(3 * time.Second)
			return true, nil
		})
		p := start(t, u, sharedmemory.New(), "node")
		p.served(1)
		pass(interval/2 + time.Second)
		p.served(1)
		p.end()
		u.takes(t, "a", 2)
		if len(u.came()) != 2 {
			t.Errorf("%d batches", len(u.came()))
		}
	})
}

func TestTheEndIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.script(func(ctx context.Context, _ int, _ domain.UsageBatch) (bool, error) {
			<-ctx.Done()
			return false, ctx.Err()
		})
		p := start(t, u, b, "node")
		pass(time.Second)
		p.served(6)
		p.stop()
		pass(5 * time.Second)
		p.cut() // the time for it is over
		<-p.ended
		if left := p.log.named("usage_not_reported"); len(left) != 1 || !strings.Contains(left[0].with, "requests=6") {
			t.Errorf("logged %v", left)
		}
		if !strings.Contains(string(spoolOf(t, b, 0)), `"count":6`) {
			t.Errorf("the spool has %s", spoolOf(t, b, 0))
		}
	})
}

func BenchmarkCount(b *testing.B) {
	p := reporting.NewRequests(time.Now)
	b.Run("off", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.Count("environment-7", domain.ServedFlags, 0)
		}
	})
	var keys []domain.EnvironmentKey
	for i := range 100 {
		keys = append(keys, domain.EnvironmentKey(fmt.Sprintf("environment-%d", i)))
	}
	p.Track(discovered(keys...))
	b.Run("on", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.Count("environment-7", domain.ServedFlags, 0)
		}
	})
	b.Run("on, in parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			lane := rand.Uint32()
			for pb.Next() {
				p.Count("environment-7", domain.ServedFlags, lane)
			}
		})
	})
}

func TestCountAllocatesNothing(t *testing.T) {
	u := reporting.NewRequests(time.Now)
	u.Track(discovered("a"))
	if n := testing.AllocsPerRun(100, func() { u.Count("a", domain.ServedFlags, 0) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What a store should not answer is logged, and the counts arrive all the same.
func TestFaultsOfTheStoreAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		p := start(t, u, sharedmemory.New(), "node")
		pass(interval)
		p.wrong.Store(true)
		p.served(3)
		pass(2 * interval)
		u.takes(t, "a", 3)
		if logged := p.log.named("usage_spool_error"); len(logged) == 0 || !strings.Contains(logged[0].with, "a fault of the store") || logged[0].level != slog.LevelError {
			t.Errorf("logged %v", logged)
		}
		p.wrong.Store(false)
		p.end()
		u.takes(t, "a", 3)
	})
}
