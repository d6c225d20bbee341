package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

func withHistory(documents int, bytes int64) func(*app.Config) {
	return func(c *app.Config) { c.History = app.History{Documents: documents, Bytes: bytes} }
}

// outcome returns what everybody gets of the only feature.
func (n *node) outcome() engine.Outcome {
	p := n.Snapshot().Environment(key).Program
	return p.Outcomes()[p.Flags()[0]]
}

// publishAll has upstream serve documents with these flags, one after the other.
func publishAll(u *upstream, flags ...string) {
	for _, flag := range flags {
		u.put(key, time.Now(), flag)
		pass(2 * interval)
	}
}

// TestPinIsALayer: on all nodes within a second, over a restart and a change upstream, and
// ended on time, when the newest document is served.
func TestPinIsALayer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.put(key, time.Now(), "zero")
		node := func(name string) *node {
			n := start(t, u, setup{name: name, store: handle(t, b), change: withHistory(10, 1<<20)})
			pass(time.Second)
			return n
		}
		one, two := node("n1"), node("n2")
		pass(interval)
		publishAll(u, "first", "second")
		listen, stop := two.Listen(key)
		defer stop()
		began := time.Now()
		pin, err := one.PinDocument(t.Context(), key, "1", "ada", "second is wrong", time.Hour)
		if err != nil || pin.Author != "ada" || pin.Until.Sub(pin.Since) != time.Hour {
			t.Fatalf("%+v, %v", pin, err)
		}
		pass(time.Second)
		for _, n := range []*app.App{one.App, two.App} {
			if in := n.Status().Environments[0].Measures; in.Pin == nil || *in.Pin != pin {
				t.Errorf("the status: %+v", in)
			}
		}
		one.serves(t, "first")
		two.serves(t, "first")
		select {
		case at := <-listen:
			if at.Before(began) {
				t.Errorf("listeners learn of %s", at)
			}
		default:
			t.Error("listeners learn nothing")
		}
		a, z := one.Snapshot().Environment(key), two.Snapshot().Environment(key)
		if a.Digest != z.Digest || !a.UpdatedAt.Equal(z.UpdatedAt) {
			t.Error("the nodes differ")
		}
		publishAll(u, "third") // polls go on
		one.serves(t, "first")
		two.serves(t, "first")
		if h, err := two.History(t.Context(), key); err != nil || len(h) != 4 || !h[0].Replaced.IsZero() || h[1].Replaced.IsZero() {
			t.Errorf("the history: %+v, %v", h, err)
		}
		three := node("n3")
		three.serves(t, "first")
		pass(time.Hour - time.Since(began) - time.Second)
		one.serves(t, "first")
		pass(2 * time.Second)
		for _, n := range []*node2{{one, "one"}, {two, "two"}, {three, "three"}} {
			n.serves(t, "third")
			n.wantReady(t)
			if n.Status().Environments[0].Measures.Pin != nil || len(n.log.named("measure_ends")) != 1 {
				t.Errorf("%s: %v", n.name, n.log.named("measure_ends"))
			}
			if at := n.Snapshot().Environment(key).UpdatedAt; !at.Equal(pin.Until) {
				t.Errorf("%s is of %s, want %s: conditional requests must see the end", n.name, at, pin.Until)
			}
		}
		publishAll(u, "fourth")
		one.serves(t, "fourth")
	})
}

type node2 struct {
	*node
	name string
}

// TestRollback goes back one document after the other, and ends early if told to.
func TestRollback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "zero")
		n := start(t, u, setup{change: withHistory(3, 1<<20)})
		pass(time.Second)
		if _, err := n.Rollback(t.Context(), key, "ada", "a drill", time.Hour); !errors.Is(err, app.ErrNoSuchVersion) {
			t.Errorf("without a former document: %v", err)
		}
		publishAll(u, "first", "second", "third")
		for _, want := range []string{"second", "first"} {
			if _, err := n.Rollback(t.Context(), key, "ada", "a drill", time.Hour); err != nil {
				t.Fatal(err)
			}
			pass(time.Second)
			n.serves(t, want)
		}
		if _, err := n.Rollback(t.Context(), key, "ada", "a drill", time.Hour); !errors.Is(err, app.ErrNoSuchVersion) {
			t.Errorf("beyond the history: %v", err)
		}
		publishAll(u, "fourth", "fifth", "sixth") // the pinned document is not forgotten
		n.serves(t, "first")
		c := n.config
		c.Freshness.PollInterval = interval / 2
		n.Apply(c)
		if err := n.EndPin(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		n.serves(t, "sixth")
		if err := n.EndPin(t.Context(), key); !errors.Is(err, app.ErrNoSuchMeasure) {
			t.Errorf("ended twice: %v", err)
		}
	})
}

// TestOverride sets a feature for everybody, in a new document too, over a restart.
func TestOverride(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.put(key, time.Now(), "banner")
		n := start(t, u, setup{name: "n1", store: handle(t, b)})
		pass(time.Second)
		before := n.Snapshot().Environment(key)
		off := domain.FeatureOverride{Enabled: false, Value: json.RawMessage(`"none"`)}
		if _, err := n.OverrideFeature(t.Context(), key, "banner", off, "ada", "it breaks the shop", 30*time.Minute); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if o := n.outcome(); o.Enabled || o.Value.Text() != "none" || o.Reason != engine.Override {
			t.Errorf("the outcome: %+v", o)
		}
		during := n.Snapshot().Environment(key)
		if during.Digest == before.Digest || !during.UpdatedAt.After(before.UpdatedAt) || !strings.Contains(string(during.Body), "edge_proxy_override") {
			t.Errorf("the document does not show it: %s", during.Body)
		}
		u.put(key, time.Now(), "banner")
		pass(2 * interval)
		if err := n.end(); err != nil {
			t.Fatal(err)
		}
		n = start(t, u, setup{name: "n2", store: handle(t, b)})
		pass(time.Second)
		if o := n.outcome(); o.Enabled || o.Reason != engine.Override {
			t.Errorf("after a restart: %+v", o)
		}
		on := domain.FeatureOverride{Enabled: true}
		if _, err := n.OverrideFeature(t.Context(), key, "banner", on, "bob", "better", time.Minute); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if o := n.outcome(); !o.Enabled || !o.Value.IsNull() || o.Reason != engine.Override {
			t.Errorf("overridden again: %+v", o)
		}
		pass(time.Minute)
		if o := n.outcome(); !o.Enabled || o.Reason != engine.Static {
			t.Errorf("after its end: %+v", o)
		}
		if after := n.Snapshot().Environment(key); strings.Contains(string(after.Body), "edge_proxy_override") || !after.UpdatedAt.After(during.UpdatedAt) {
			t.Errorf("after its end: %s %s", after.UpdatedAt, after.Body)
		}
	})
}

// TestMeasuresEndWithClocksThatDiffer: a node whose clock is wrong ends a measure when the
// others do, and one that starts later when its clock says so.
func TestMeasuresEndWithClocksThatDiffer(t *testing.T) {
	for _, ahead := range []time.Duration{-2 * time.Hour, 2 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			u, b := newUpstream(), sharedmemory.New()
			u.put(key, time.Now(), "banner")
			one := start(t, u, setup{name: "n1", store: handle(t, b)})
			two := start(t, u, setup{name: "n2", store: handle(t, b), now: func() time.Time { return time.Now().Add(ahead) }})
			pass(2 * interval)
			if _, err := one.OverrideFeature(t.Context(), key, "banner", domain.FeatureOverride{}, "ada", "a drill", time.Hour); err != nil {
				t.Fatal(err)
			}
			pass(time.Hour - 2*time.Second)
			for _, n := range []*node{one, two} {
				if n.outcome().Enabled {
					t.Error("it has ended early")
				}
			}
			pass(4 * time.Second)
			for _, n := range []*node{one, two} {
				if !n.outcome().Enabled {
					t.Error("it has not ended")
				}
			}
		})
	}
}

func TestMeasuresThatAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "banner")
		const empty = domain.EnvironmentKey("client-2")
		n := start(t, u, setup{environments: environments(key, empty), change: withHistory(10, 1<<20)})
		pass(interval)
		override := func(key domain.EnvironmentKey, feature, reason string, lasts time.Duration) error {
			_, err := n.OverrideFeature(t.Context(), key, feature, domain.FeatureOverride{}, "ada", reason, lasts)
			return err
		}
		pin := func(key domain.EnvironmentKey, version string, lasts time.Duration) error {
			_, err := n.PinDocument(t.Context(), key, version, "ada", "why", lasts)
			return err
		}
		for i, tt := range []struct{ got, want error }{
			{override(key, "banner", "why", 0), app.ErrDuration},
			{override(key, "banner", "why", -time.Hour), app.ErrDuration},
			{override(key, "banner", "why", 24*time.Hour+1), app.ErrDuration},
			{override(key, "banner", "", time.Hour), app.ErrReason},
			{override(key, "other", "why", time.Hour), app.ErrUnknownFeature},
			{override("nobody", "banner", "why", time.Hour), app.ErrUnknownEnvironment},
			{override(empty, "banner", "why", time.Hour), app.ErrNoDocument},
			{pin("nobody", "0", time.Hour), app.ErrUnknownEnvironment},
			{pin(key, "0", 25*time.Hour), app.ErrDuration},
			{pin(key, "1", time.Hour), app.ErrNoSuchVersion},
			{pin(key, "-1", time.Hour), app.ErrNoSuchVersion},
			{pin(key, "", time.Hour), app.ErrNoSuchVersion},
			{pin(key, "abc", time.Hour), app.ErrNoSuchVersion},
			{pin(key, strings.Repeat("0", 64), time.Hour), app.ErrNoSuchVersion},
			{n.EndOverride(t.Context(), key, "banner"), app.ErrNoSuchMeasure},
			{n.EndOverride(t.Context(), "nobody", "banner"), app.ErrUnknownEnvironment},
		} {
			if !errors.Is(tt.got, tt.want) {
				t.Errorf("case %d: %v, want %v", i, tt.got, tt.want)
			}
		}
		if in := n.Status().Environments[0].Measures; in.Pin != nil || in.Overrides != nil {
			t.Errorf("something applies: %+v", in)
		}
	})
}

// TestHistoryIsBounded in documents and in bytes, and never has a document twice.
func TestHistoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.put(key, time.Now(), "zero")
		size := int64(len(document(key, time.Now(), "flag-0")))
		store := handle(t, b)
		n := start(t, u, setup{store: store, change: withHistory(4, 3*size+size/2)})
		pass(time.Second)
		for i := range 9 {
			publishAll(u, fmt.Sprint("flag-", i))
		}
		h, err := n.History(t.Context(), key)
		if err != nil || len(h) != 4 {
			t.Fatalf("%+v, %v", h, err)
		}
		for i, want := range []string{"flag-8", "flag-7", "flag-6", "flag-5"} {
			entry, body, err := n.Document(t.Context(), key, fmt.Sprint(i))
			if err != nil || !strings.Contains(string(body), want) || entry != h[i] {
				t.Errorf("%d: %s, %v", i, body, err)
			}
			if _, again, err := n.Document(t.Context(), key, h[i].SHA256[:12]); err != nil || string(again) != string(body) {
				t.Errorf("by its digest: %v", err)
			}
		}
		c := n.config
		c.History.Bytes = size + size/2
		n.Apply(c)
		publishAll(u, "flag-9")
		if h, err := n.History(t.Context(), key); err != nil || len(h) != 2 {
			t.Errorf("with room for one: %+v, %v", h, err)
		}
		used := 0
		for slot := range 20 {
			if value, _, err := store.GetState(t.Context(), fmt.Sprintf("history/%d/%s", slot, key)); err == nil && len(value) > 0 {
				used++
			} else if err != nil && !errors.Is(err, ports.ErrNotFound) {
				t.Error(err)
			}
		}
		if used != 1 {
			t.Errorf("%d slots are used", used)
		}
	})
}

// expiring is a store that notes the last time that each state is to last.
type expiring struct {
	ports.Store
	mu    sync.Mutex
	lasts map[string]time.Duration
	calls int
}

func (s *expiring) ExpireState(ctx context.Context, name string, lasts time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lasts[name] = lasts
	s.calls++
	return s.Store.ExpireState(ctx, name, lasts)
}

// told returns the names of the states that are to last, how long at least, and the calls
// so far.
func (s *expiring) told() (names []string, least time.Duration, calls int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, lasts := range s.lasts {
		if lasts > 0 {
			names = append(names, name)
			if least == 0 || lasts < least {
				least = lasts
			}
		}
	}
	slices.Sort(names)
	return names, least, s.calls
}

// In a store that nodes share, a history lasts two weeks from when the environment was last
// served, and is kept now and then while it is.
func TestHistoryExpiresInASharedStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.put(key, time.Now(), "zero")
		s := &expiring{Store: handle(t, b), lasts: map[string]time.Duration{}}
		const seldom = 2 * time.Minute // for the two days that pass
		n := start(t, u, setup{store: s, change: func(c *app.Config) {
			withHistory(10, 1<<20)(c)
			c.Freshness.PollInterval, c.Lease = seldom, 2*seldom
		}})
		pass(time.Second)
		for _, flag := range []string{"flag-1", "flag-2"} {
			u.put(key, time.Now(), flag)
			pass(2 * seldom)
		}
		names, least, before := s.told()
		if before != 2*2 { // that of the document, and that of the list: a keeper waits for each
			t.Errorf("%d calls for two changes, want two for each, however long the history is", before)
		}
		want := []string{"history/0/" + string(key), "history/1/" + string(key), "history/" + string(key)}
		slices.Sort(want)
		if !slices.Equal(names, want) || least < 7*24*time.Hour {
			t.Errorf("%v last at least %s, want %v", names, least, want)
		}
		pass(25 * time.Hour)
		if _, _, calls := s.told(); calls < before+3 || calls > before+9 {
			t.Errorf("%d calls in a day, want each state kept once or twice", calls-before)
		}
		n.configure()
		pass(time.Minute)
		_, _, after := s.told()
		pass(25 * time.Hour)
		if _, _, calls := s.told(); calls != after {
			t.Error("the history of an environment that is not served is kept")
		}
	})
}

// Where a store has one user, the history of an environment goes with the environment.
func TestHistoryGoesWithItsEnvironment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "zero")
		store := alone{handle(t, sharedmemory.New())}
		n := start(t, u, setup{store: store, environments: environments(key, "other"), change: withHistory(2, 1<<20)})
		pass(time.Second)
		publishAll(u, "flag-1")
		states := []string{"history/" + string(key), "history/0/" + string(key)}
		for _, name := range states {
			if _, _, err := store.GetState(t.Context(), name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		n.configure("other")
		pass(time.Minute)
		for _, name := range states {
			if value, _, err := store.GetState(t.Context(), name); !errors.Is(err, ports.ErrNotFound) {
				t.Errorf("%s is left: %q, %v", name, value, err)
			}
		}
	})
}
