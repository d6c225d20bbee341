package app_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

// putMany has upstream serve a document with that number of features, the first of which is
// flag.
func (u *upstream) putMany(t *testing.T, at time.Time, flag string, features int) {
	t.Helper()
	states := []any{}
	for i := range features {
		name := flag
		if i > 0 {
			name = fmt.Sprint("feature-", i)
		}
		states = append(states, map[string]any{
			"django_id": i + 1, "enabled": true, "feature_state_value": nil, "feature": map[string]any{"id": i + 1, "name": name, "type": "STANDARD"},
		})
	}
	body, err := json.Marshal(map[string]any{
		"updated_at": at.UTC().Format(time.RFC3339Nano), "api_key": key, "name": "Test", "project": map[string]any{"segments": []any{}}, "feature_states": states,
	})
	if err != nil {
		t.Fatal(err)
	}
	u.putBody(key, at, body)
}

const holdTime = 15 * time.Minute

func guarded(mode app.GuardMode) func(*app.Config) {
	return func(c *app.Config) {
		c.DocumentGuard = app.DocumentGuard{Mode: mode, Hold: holdTime, Limits: domain.ChangeLimits{MaxRemoved: 50, MaxTurnedOff: 50, MinFeatures: 10}}
	}
}

func (n *node) heldBack() *app.HeldBack { return n.Status().Environments[0].HeldBack }

// wantReady fails unless the node is ready and the environment fresh.
func (n *node) wantReady(t *testing.T) {
	t.Helper()
	if s := n.Status(); s.Readiness.State != app.Ready || s.Environments[0].State != app.EnvironmentFresh {
		t.Errorf("%s: %s, the environment is %s", time.Now().Format(time.TimeOnly), s.Readiness.State, s.Environments[0].State)
	}
}

// TestSuspiciousDocumentIsServedWithAWarning: mode warn only reports.
func TestSuspiciousDocumentIsServedWithAWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, o := newUpstream(), newObserved()
		u.putMany(t, time.Now(), "good", 20)
		n := start(t, u, setup{observer: o, change: guarded(app.GuardWarn)})
		pass(time.Second)
		u.putMany(t, time.Now(), "poisoned", 3)
		pass(3 * interval)
		n.serves(t, "poisoned")
		if lines := n.log.named("suspicious_document"); len(lines) != 1 || lines[0].with["reason"] != "18 of 20 features removed" || lines[0].with["effect"] != "it is served" {
			t.Errorf("logged: %+v", lines)
		}
		o.do(func() {
			if o.refused[app.RefusedSuspicious] != 1 {
				t.Errorf("counted: %v", o.refused)
			}
		})
		if n.heldBack() != nil {
			t.Error("it is held back")
		}
	})
}

// TestSuspiciousDocumentIsHeldBack until upstream has offered it for long enough. The node
// stays ready meanwhile.
func TestSuspiciousDocumentIsHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, o := newUpstream(), newObserved()
		u.putMany(t, time.Now(), "good", 20)
		n := start(t, u, setup{observer: o, change: guarded(app.GuardHold)})
		pass(time.Second)
		u.putMany(t, time.Now(), "poisoned", 3)
		began := time.Now()
		for time.Since(began) < holdTime-interval {
			pass(interval)
			n.serves(t, "good")
			n.wantReady(t)
		}
		h := n.heldBack()
		if h == nil || h.Until.Sub(h.Since) != holdTime || h.Updated.IsZero() || len(h.Reasons) != 1 {
			t.Errorf("the status: %+v", h)
		}
		pass(3 * interval)
		n.serves(t, "poisoned")
		if n.heldBack() != nil || len(n.log.named("suspicious_document")) != 1 || len(n.log.named("suspicious_document_accepted")) != 1 {
			t.Errorf("afterwards: %+v, %v", n.heldBack(), n.log.named("suspicious_document"))
		}
		o.do(func() {
			if o.refused[app.RefusedSuspicious] != 1 {
				t.Errorf("counted: %v", o.refused)
			}
		})
	})
}

// TestHeldBackDocumentIsWithdrawn: the time begins again with the next offer, and what is
// right meanwhile is served at once.
func TestHeldBackDocumentIsWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		good := time.Now()
		u.putMany(t, good, "good", 20)
		n := start(t, u, setup{change: guarded(app.GuardHold)})
		pass(time.Second)
		poisoned := good.Add(time.Minute)
		for range 3 {
			u.putMany(t, poisoned, "poisoned", 3)
			pass(holdTime / 2)
			n.serves(t, "good")
			u.putMany(t, good, "good", 20)
			pass(2 * interval)
			if n.heldBack() != nil {
				t.Error("what was withdrawn is held back")
			}
		}
		u.putMany(t, poisoned, "poisoned", 3)
		pass(2 * interval)
		u.putMany(t, time.Now(), "mended", 21)
		pass(2 * interval)
		n.serves(t, "mended")
		n.wantReady(t)
		if n.heldBack() != nil {
			t.Error("what was withdrawn is held back")
		}
	})
}

// TestReleaseLeavesOffersOfOtherDocuments: a node that no longer holds a document back does
// not undo what another has noted of another document meanwhile.
func TestReleaseLeavesOffersOfOtherDocuments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.putMany(t, time.Now(), "good", 20)
		n := start(t, u, setup{store: handle(t, b), change: guarded(app.GuardHold)})
		pass(time.Second)
		u.putMany(t, time.Now(), "poisoned", 3)
		pass(3 * interval)
		if n.heldBack() == nil {
			t.Fatal("nothing is held back")
		}
		const digest = "00000000000000000000000000000000000000000000000000000000000000ff"
		other, name := handle(t, b), "held-back/"+string(key)
		_, version, err := other.GetState(t.Context(), name)
		if err == nil {
			now := time.Now().Format(time.RFC3339)
			_, err = other.PutState(t.Context(), name, fmt.Appendf(nil, `{"sha256":%q,"since":%q,"last":%[2]q}`, digest, now), version)
		}
		if err != nil {
			t.Fatal(err)
		}
		u.putMany(t, time.Now(), "mended", 21)
		pass(2 * interval)
		n.serves(t, "mended")
		if got, err := n.AcceptDocument(t.Context(), key); got != digest || err != nil {
			t.Errorf("accepted %q, %v; want the other node's", got, err)
		}
	})
}

// TestOperatorAcceptsOnAnyNode: whichever node is asked, all serve the document soon, and
// the nodes count the time together, whichever of them polls, also over restarts.
func TestOperatorAcceptsOnAnyNode(t *testing.T) {
	for asked := range 2 {
		synctest.Test(t, func(t *testing.T) {
			u, b := newUpstream(), sharedmemory.New()
			u.putMany(t, time.Now(), "good", 20)
			var fleet [2]*node
			for i := range fleet {
				fleet[i] = start(t, u, setup{name: fmt.Sprint("n", i), store: handle(t, b), change: guarded(app.GuardHold)})
				pass(time.Second)
			}
			if _, err := fleet[asked].AcceptDocument(t.Context(), key); !errors.Is(err, app.ErrNothingHeldBack) {
				t.Errorf("before there is one: %v", err)
			}
			u.putMany(t, time.Now(), "poisoned", 3)
			pass(3 * interval)
			var held *app.HeldBack
			for _, n := range fleet {
				n.serves(t, "good")
				if h := n.heldBack(); h != nil {
					held = h
				}
			}
			digest, err := fleet[asked].AcceptDocument(t.Context(), key)
			if err != nil || held == nil || digest != hex.EncodeToString(held.Digest[:]) {
				t.Fatalf("accepted %q, %v; held back %+v", digest, err, held)
			}
			pass(time.Second)
			for _, n := range fleet {
				n.serves(t, "poisoned")
				n.wantReady(t)
			}
			pass(2 * interval)
			if _, err := fleet[asked].AcceptDocument(t.Context(), key); !errors.Is(err, app.ErrNothingHeldBack) {
				t.Errorf("afterwards: %v", err)
			}
			if _, err := fleet[asked].AcceptDocument(t.Context(), "nobody"); !errors.Is(err, app.ErrUnknownEnvironment) {
				t.Errorf("an unknown environment: %v", err)
			}
		})
	}
}

// TestHoldTimeIsShared: nodes that poll in turns count the time together, and so does a
// node that was restarted.
func TestHoldTimeIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, b := newUpstream(), sharedmemory.New()
		u.putMany(t, time.Now(), "good", 20)
		n := start(t, u, setup{name: "n0", store: handle(t, b), change: guarded(app.GuardHold)})
		pass(time.Second)
		u.putMany(t, time.Now(), "poisoned", 3)
		for i := 1; i <= 3; i++ {
			pass(holdTime / 4)
			n.serves(t, "good")
			if err := n.end(); err != nil {
				t.Fatal(err)
			}
			n = start(t, u, setup{name: fmt.Sprint("n", i), store: handle(t, b), change: guarded(app.GuardHold)})
		}
		pass(holdTime/4 + 3*interval)
		n.serves(t, "poisoned")
	})
}

// TestAcceptedOfferIsForOneDocument: the next suspicious document is held back again.
func TestAcceptedOfferIsForOneDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.putMany(t, time.Now(), "good", 100)
		n := start(t, u, setup{change: guarded(app.GuardHold)})
		pass(time.Second)
		u.putMany(t, time.Now(), "first", 40)
		pass(2 * interval)
		if _, err := n.AcceptDocument(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		n.serves(t, "first")
		u.putMany(t, time.Now(), "second", 3)
		pass(6 * interval)
		n.serves(t, "first")
		c := n.config
		c.DocumentGuard.Mode = app.GuardOff
		n.Apply(c)
		pass(2 * interval)
		n.serves(t, "second")
	})
}
