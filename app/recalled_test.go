package app_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// The age of what a node recalls from a store, a document and a list of environments, stays
// right when the wall clock is set: it is measured by the monotonic clock, as that of what
// upstream sent. Bubbles of testing/synctest have no monotonic clock, so this test runs in none.
func TestTheAgeOfWhatIsRecalledIsMonotonic(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		discovers bool
		ago       time.Duration // when upstream was asked before, by the wall clock
	}{
		"a document":               {ago: time.Hour},
		"a document of the future": {ago: -time.Hour},
		"a list":                   {discovers: true, ago: time.Hour},
		"a list of the future":     {discovers: true, ago: -time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, d := discovering(key)
			b := sharedmemory.New()
			run := func(ahead time.Duration) *node {
				s := setup{store: handle(t, b), now: func() time.Time { return time.Now().Add(ahead) }, change: func(c *app.Config) { c.DrainDelay = 0 }}
				if tt.discovers {
					s.discoverer = d
				}
				return start(t, u, s)
			}
			first := run(-tt.ago)
			wait.Until(t, time.Minute, "the document is stored", func() bool { _, err := handle(t, b).Get(t.Context(), key); return err == nil })
			if err := first.end(); err != nil {
				t.Fatal(err)
			}
			u.script(down)
			d.fail(503)
			began := time.Now()
			second := run(0)
			wait.Until(t, time.Minute, "the document is recalled", func() bool { return !second.Readiness().LastUpdate.IsZero() })
			at := second.Readiness().LastUpdate
			if at == at.Round(0) { // which takes the monotonic reading away
				t.Errorf("it was confirmed at %v, without a reading of the monotonic clock", at)
			}
			want := began.Add(-max(0, tt.ago))
			if at.Before(want.Add(-time.Minute)) || at.After(want.Add(time.Minute)) {
				t.Errorf("it was confirmed at %v, want %v", at, want)
			}
		})
	}
}

// A node whose clock is wrong knows what upstream's shows once upstream has answered.
func TestUpstreamNow(t *testing.T) {
	for _, ahead := range []time.Duration{0, time.Hour, -time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream()
			u.put(key, time.Now(), "a")
			n := start(t, u, setup{now: func() time.Time { return time.Now().Add(ahead) }})
			pass(interval)
			if off := time.Until(n.UpstreamNow()).Abs(); off > time.Second { // Date has whole seconds
				t.Errorf("with a clock %s ahead: %s from what upstream's shows", ahead, off)
			}
		})
	}
}
