package app_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
)

// A drain makes the node unready until its time is over or it is ended, and serves all the
// while.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		n := start(t, u, setup{})
		pass(time.Minute)
		draining := func(want bool) {
			t.Helper()
			synctest.Wait()
			if got := n.Readiness().Draining; got != want || (n.Status().Readiness.State == app.NodeDraining) != want {
				t.Fatalf("draining %t, status %s, want %t", got, n.Status().Readiness.State, want)
			}
			n.serves(t, "a")
		}
		drain := func(d time.Duration) {
			t.Helper()
			if err := n.Drain(d); err != nil {
				t.Fatal(err)
			}
		}
		draining(false)
		if was, err := n.Undrain(); was || err != nil {
			t.Errorf("undrained without a drain: %t, %v", was, err)
		}
		drain(10 * time.Second)
		draining(true)
		pass(10*time.Second - time.Millisecond)
		draining(true)
		pass(2 * time.Millisecond)
		draining(false)
		if len(n.log.named("drain_ended")) != 1 {
			t.Error("the end was not logged")
		}

		drain(time.Second)
		pass(time.Second / 2)
		drain(time.Minute) // in place of the first
		pass(30 * time.Second)
		draining(true)
		if was, err := n.Undrain(); !was || err != nil {
			t.Errorf("undrained: %t, %v", was, err)
		}
		draining(false)
		drain(time.Hour)
		pass(time.Minute) // beyond the end of the one that was ended
		draining(true)
		if want := []string{"listen", "drain", "undrain", "drain", "drain", "undrain", "drain"}; !slices.Equal(n.input.called(), want) {
			t.Errorf("called %v, want %v", n.input.called(), want)
		}
	})
}

// A shutdown ends no drain: the node stays unready until it is gone.
func TestShutdownOfADrainedNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		n := start(t, u, setup{})
		pass(time.Minute)
		if err := n.Drain(time.Second); err != nil {
			t.Fatal(err)
		}
		n.stop()
		synctest.Wait()
		if err := n.Drain(time.Second); !errors.Is(err, app.ErrNotServing) {
			t.Errorf("drained while it shuts down: %v", err)
		}
		if _, err := n.Undrain(); !errors.Is(err, app.ErrNotServing) {
			t.Errorf("undrained while it shuts down: %v", err)
		}
		pass(2 * time.Second)
		if !n.Readiness().Draining || slices.Contains(n.input.called(), "undrain") {
			t.Errorf("draining %t, called %v", n.Readiness().Draining, n.input.called())
		}
		if err := n.end(); err != nil {
			t.Error(err)
		}
	})
}

func TestDrainBeforeServing(t *testing.T) {
	n := app.New(app.Config{}, app.Deps{Now: time.Now})
	if err := n.Drain(time.Second); !errors.Is(err, app.ErrNotServing) {
		t.Error(err)
	}
}

// A refresh says for each environment what came of it.
func TestRefreshSaysWhatCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const other = "other"
		u := newUpstream()
		u.put(key, time.Now(), "a")
		u.put(other, time.Now(), "a")
		n := start(t, u, setup{environments: environments(key, other)})
		pass(time.Minute)
		list, ok := n.Refresh(t.Context(), "")
		if !ok || len(list) != 2 || list[0].Poll == nil || list[0].Changed || list[1].Changed || list[0].Updated.IsZero() {
			t.Errorf("without a change: %t, %+v", ok, list)
		}
		pass(time.Second) // less than the interval
		changed := time.Now()
		u.put(other, changed, "b")
		list, ok = n.Refresh(t.Context(), other)
		if !ok || len(list) != 1 || list[0].Environment != other || !list[0].Changed || !list[0].Updated.Equal(changed) {
			t.Errorf("with a change: %t, %+v", ok, list)
		}
		if _, ok := n.Refresh(t.Context(), "unknown"); ok {
			t.Error("an environment that is not served was refreshed")
		}
	})
}
