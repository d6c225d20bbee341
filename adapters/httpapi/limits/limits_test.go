package limits_test

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi/limits"
)

func TestRates(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	rates := limits.NewRates[string](limits.Rate{PerSecond: 2, Burst: 3})
	take := func(client string, after time.Duration, wantWait time.Duration, wantOK bool) {
		t.Helper()
		wait, ok := rates.Take(client, began.Add(after))
		if ok != wantOK || (wait-wantWait).Abs() > time.Millisecond {
			t.Errorf("%s after %v: wait %v, %v; want %v, %v", client, after, wait, ok, wantWait, wantOK)
		}
	}
	for range 3 {
		take("a", 0, 0, true)
	}
	take("a", 0, 500*time.Millisecond, false)
	take("a", 200*time.Millisecond, 300*time.Millisecond, false) // refused requests do not count
	take("b", 200*time.Millisecond, 0, true)                     // another client has a quota of its own
	take("a", 500*time.Millisecond, 0, true)
	take("a", 500*time.Millisecond, 500*time.Millisecond, false)
	for range 3 { // no more than the burst is saved up
		take("a", time.Hour, 0, true)
	}
	take("a", time.Hour, 500*time.Millisecond, false)
	take("a", time.Hour-time.Second, 500*time.Millisecond, false) // a clock that goes back gives nothing
}

func TestRateWithoutABurst(t *testing.T) {
	rates := limits.NewRates[string](limits.Rate{PerSecond: 5})
	now := time.Now()
	for i := range 7 {
		if _, ok := rates.Take("a", now); ok != (i < 5) {
			t.Errorf("request %d: %v", i, ok)
		}
	}
}

func TestWindow(t *testing.T) {
	for _, test := range []struct {
		rate  limits.Rate
		quota int
		whole time.Duration
	}{
		{limits.Rate{PerSecond: 50}, 50, time.Second},
		{limits.Rate{PerSecond: 50, Burst: 100}, 100, 2 * time.Second},
		{limits.Rate{PerSecond: 50, Burst: 1}, 1, 20 * time.Millisecond},
	} {
		if quota, whole := test.rate.Window(); quota != test.quota || whole != test.whole {
			t.Errorf("%+v: %d in %v", test.rate, quota, whole)
		}
	}
}

func TestNoLimits(t *testing.T) {
	rates := limits.NewRates[string](limits.Rate{Burst: 3})
	slots := limits.NewSlots(0, time.Second)
	if rates != nil || slots != nil {
		t.Error("a limit of zero limits something")
	}
	for range 1000 {
		if _, ok := rates.Take("a", time.Time{}); !ok {
			t.Fatal("refused")
		}
		if !slots.Take(nil) {
			t.Fatal("refused")
		}
	}
	slots.Give()
	if rates.Rate() != (limits.Rate{}) || slots.Max() != 0 {
		t.Errorf("%+v, %d", rates.Rate(), slots.Max())
	}
}

// However many clients there are, those that keep asking stay limited: their entries are
// hardly ever the ones that make room.
func TestManyClients(t *testing.T) {
	now := time.Now()
	rates := limits.NewRates[int](limits.Rate{PerSecond: 1, Burst: 1})
	const busy = -1
	refused := 0
	for i := range 20 * limits.MaxClients {
		now = now.Add(time.Microsecond)
		rates.Take(i, now)
		if i%100 == 0 {
			if _, ok := rates.Take(busy, now); !ok {
				refused++
			}
		}
	}
	if asked := 20 * limits.MaxClients / 100; refused < asked*9/10 {
		t.Errorf("refused %d of %d requests", refused, asked)
	}
	if got := rates.Clients(); got != limits.MaxClients {
		t.Errorf("knows %d clients", got)
	}
}

func TestRatesAreSafeForConcurrentUse(t *testing.T) {
	rates := limits.NewRates[int](limits.Rate{PerSecond: 1, Burst: 100})
	now := time.Now()
	var taken atomic.Int64
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			for i := range 1000 {
				if _, ok := rates.Take(i%3, now); ok {
					taken.Add(1)
				}
			}
		})
	}
	asking.Wait()
	if got := taken.Load(); got != 300 {
		t.Errorf("%d requests, want 100 of each of three clients", got)
	}
}

func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := limits.NewSlots(2, time.Second)
		for range 2 {
			if !slots.Take(nil) {
				t.Fatal("a free slot was refused")
			}
		}
		began := time.Now()
		if slots.Take(nil) {
			t.Error("took a third slot")
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("waited %v", took)
		}
		cancelled := make(chan struct{})
		close(cancelled)
		if slots.Take(cancelled) {
			t.Error("took a slot after the cancellation")
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("a cancelled request waited until %v", took)
		}
		order := make(chan int, 3)
		for i := range 3 {
			go func() {
				if slots.Take(nil) {
					order <- i
				}
			}()
			synctest.Wait()
		}
		<-time.After(900 * time.Millisecond)
		for range 2 {
			slots.Give()
			synctest.Wait()
		}
		if first, second := <-order, <-order; first != 0 || second != 1 {
			t.Errorf("%d and %d got the slots", first, second)
		}
		<-time.After(time.Second)
		synctest.Wait()
		if len(order) > 0 {
			t.Error("the third got one, too")
		}
	})
}

func TestNetworks(t *testing.T) {
	prefixes := func(list ...string) (all []netip.Prefix) {
		for _, text := range list {
			all = append(all, netip.MustParsePrefix(text))
		}
		return all
	}
	for _, test := range []struct {
		name        string
		allow, deny []string
		admitted    []string
		refused     []string
	}{
		{"no lists", nil, nil, []string{"192.0.2.1", "2001:db8::1", ""}, nil},
		{"an allow list", []string{"192.0.2.0/24", "2001:db8::/32"}, nil,
			[]string{"192.0.2.1", "::ffff:192.0.2.1", "2001:db8:1::1", "2001:db8::1%eth0"}, []string{"198.51.100.1", "2001:db9::1", ""}},
		{"a deny list", nil, []string{"192.0.2.0/24"}, []string{"198.51.100.1", "2001:db8::1", ""}, []string{"192.0.2.1", "::ffff:192.0.2.1"}},
		{"both", []string{"192.0.2.0/24"}, []string{"192.0.2.128/25"}, []string{"192.0.2.1"}, []string{"192.0.2.200", "198.51.100.1"}},
		{"all denied", nil, []string{"0.0.0.0/0", "::/0"}, nil, []string{"192.0.2.1", "2001:db8::1"}},
	} {
		n := limits.Networks{Allow: prefixes(test.allow...), Deny: prefixes(test.deny...)}
		if n.Restrict() != (len(test.allow)+len(test.deny) > 0) {
			t.Errorf("%s: restricts %v", test.name, n.Restrict())
		}
		for admitted, list := range map[bool][]string{true: test.admitted, false: test.refused} {
			for _, text := range list {
				address, _ := netip.ParseAddr(text)
				if n.Admit(address) != admitted {
					t.Errorf("%s: %q admitted: %v", test.name, text, !admitted)
				}
			}
		}
	}
}

func TestSubscriber(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "fe80::1%eth0": "fe80::",
	} {
		if got := limits.Subscriber(netip.MustParseAddr(address)); got.String() != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	if got := limits.Subscriber(netip.Addr{}); got.IsValid() {
		t.Errorf("got %v for no address", got)
	}
}

func BenchmarkTake(b *testing.B) {
	now := time.Now()
	rates := limits.NewRates[netip.Addr](limits.Rate{PerSecond: 1 << 30})
	address := netip.MustParseAddr("192.0.2.1")
	for b.Loop() {
		rates.Take(address, now)
	}
}
