package app_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

func TestAnOlderDocument(t *testing.T) {
	start0 := func(t *testing.T, u *upstream) (*node, time.Time) {
		newer := time.Now()
		u.put(key, newer, "newer")
		n := start(t, u, setup{})
		pass(time.Minute)
		return n, newer
	}
	// older makes upstream send an older document to whatever is asked.
	older := func(u *upstream, at time.Time) {
		u.putBody(key, time.Time{}, document(key, at, "older"))
	}
	t.Run("once or twice", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream()
			n, newer := start0(t, u)
			for range 3 {
				older(u, newer.Add(-time.Minute))
				pass(2 * interval) // one conditional and at most two unconditional answers
				n.serves(t, "newer")
				u.put(key, newer, "newer")
				pass(2 * interval)
			}
			n.isState(t, domain.Fresh)
			if logged := n.log.named("environment_went_back"); len(logged) != 0 {
				t.Errorf("logged %v", logged)
			}
			if logged := n.log.named("older_document_refused"); len(logged) == 0 {
				t.Error("nobody tells that older documents were refused")
			}
		})
	})
	t.Run("three times", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream()
			n, newer := start0(t, u)
			older(u, newer.Add(-time.Minute))
			pass(2 * interval)
			n.serves(t, "newer")
			pass(3 * interval)
			n.serves(t, "older")
			logged := n.log.named("environment_went_back")
			if len(logged) != 1 || logged[0].level != slog.LevelWarn || logged[0].with["client_side_key"] != string(key) {
				t.Errorf("logged %v", logged)
			}
			u.put(key, newer.Add(time.Hour), "newest")
			pass(2 * interval)
			n.serves(t, "newest")
		})
	})
	t.Run("hidden behind 304, as after the restore of a database", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream()
			n, newer := start0(t, u)
			u.put(key, newer.Add(-time.Minute), "older")
			pass(5*time.Minute + 3*interval) // the unconditional poll of every five minutes brings it up
			n.serves(t, "older")
			n.isState(t, domain.Fresh)
		})
	})
}

func TestWhatIsNoDocumentChangesNothing(t *testing.T) {
	for name, body := range map[string]string{
		"null": "null", "a list": "[]", "a number": "12", "HTML": "<html>", "nothing": "", "an empty object": "{}",
		"a document without segments": `{"api_key":"client-1","name":"x","feature_states":[],"project":{}}`,
		"a document that is cut off":  `{"api_key":"client-1","name":"x","feature_sta`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := newUpstream()
				u.put(key, time.Now(), "a")
				n := start(t, u, setup{})
				pass(time.Minute)
				u.putBody(key, time.Time{}, []byte(body))
				pass(time.Minute + interval)
				n.serves(t, "a")
				n.isState(t, domain.Stale)
				logged := n.log.named("error_fetching_document")
				if len(logged) < 4 || len(logged) > 7 {
					t.Fatalf("%d errors logged for a minute", len(logged))
				}
				with := logged[0].with
				if logged[0].level != slog.LevelError || with["client_side_key"] != string(key) || with["status"] != "200" || with["cause"] == "" || with["error"] == "" {
					t.Errorf("logged %v", logged[0])
				}
				u.put(key, time.Now(), "b")
				pass(2 * interval)
				n.serves(t, "b")
				n.isState(t, domain.Fresh)
			})
		})
	}
}

func TestProblemsAreLoggedOncePerDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		segment := `{"id":1,"name":"s","feature_states":[],"rules":[{"type":"ALL","conditions":[{"operator":"LOOKS_LIKE","property_":"x","value":"1"}],"rules":[]}]}`
		body := func(at time.Time, n int) []byte {
			text := string(document(key, at, "a"))
			return []byte(strings.Replace(text, `"segments":[]`, `"segments":[`+strings.TrimSuffix(strings.Repeat(segment+",", n), ",")+"]", 1))
		}
		u := newUpstream()
		at := time.Now()
		u.putBody(key, at, body(at, 1))
		n := start(t, u, setup{})
		pass(6 * time.Minute) // unconditional polls, too
		problems := n.log.named("environment_problem")
		if len(problems) != 1 {
			t.Fatalf("%d problems logged for a document with one", len(problems))
		}
		with := problems[0].with
		if with["client_side_key"] != string(key) || !strings.Contains(with["path"], "segments[0]") || with["problem"] == "" || with["effect"] == "" {
			t.Errorf("logged %v", with)
		}
		updated := n.log.named("environment_updated")
		if len(updated) != 1 || updated[0].level != slog.LevelDebug {
			t.Fatalf("logged %v", updated)
		}
		with = updated[0].with
		if with["client_side_key"] != string(key) || with["updated_at"] != at.UTC().Format(time.RFC3339Nano) || with["source"] != "upstream" ||
			with["bytes"] != fmt.Sprint(len(body(at, 1))) || with["features"] != "1" || with["segments"] != "1" {
			t.Errorf("logged %v", with)
		}
		at = time.Now()
		u.putBody(key, at, body(at, 30))
		pass(time.Minute)
		problems = n.log.named("environment_problem")[1:]
		if len(problems) != 11 || problems[10].with["more"] != "20" {
			t.Errorf("%d lines for a document with 30 problems, the last is %v", len(problems), problems[len(problems)-1])
		}
	})
}

func TestKeysOfDifferentEnvironmentsAreWarnedAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.putBody(key, time.Now(), document("client-2", time.Now(), "a"))
		n := start(t, u, setup{})
		pass(time.Minute)
		logged := n.log.named("environment_key_mismatch")
		if len(logged) != 1 || logged[0].with["document_api_key"] != "client-2" {
			t.Errorf("logged %v", logged)
		}
		n.serves(t, "a")
	})
}

func TestADocumentThatMakesItsPreparationPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		n := start(t, u, setup{presenter: nervous{}})
		pass(interval)
		u.put(key, time.Now(), "boo")
		pass(2 * interval)
		n.serves(t, "a")
		logged := n.log.named("error_fetching_document")
		if len(logged) == 0 || !strings.Contains(logged[0].with["error"], "boo!") || !strings.Contains(logged[0].with["stack"], "nervous") {
			t.Errorf("logged %v", logged)
		}
		u.put(key, time.Now(), "b")
		pass(2 * interval)
		n.serves(t, "b")
	})
}

type nervous struct{}

func (nervous) Present(e *app.Environment) app.Presentation {
	if e.Program.Outcomes()[0].Feature.Name == "boo" {
		panic("boo!")
	}
	return nil
}

func TestAnExpiredKeyIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "a")
		list := environments(key)
		list[0].Server[0].ExpiresAt = time.Now().Add(time.Minute)
		n := start(t, u, setup{environments: list})
		pass(2 * time.Minute)
		n.serves(t, "a")
		if after := u.since(key, list[0].Server[0].ExpiresAt); len(after) != 0 {
			t.Errorf("%d requests with an expired key", len(after))
		}
		if logged := n.log.named("error_fetching_document"); len(logged) == 0 || !strings.Contains(logged[0].with["cause"], "expired") {
			t.Errorf("logged %v", logged)
		}
	})
}

func TestRestoreFromTheStore(t *testing.T) {
	// stored opens a store that a proxy left a while ago.
	stored := func(t *testing.T, checked time.Time, body []byte, at time.Time) ports.Store {
		t.Helper()
		s := handle(t, sharedmemory.New())
		if _, err := s.Put(t.Context(), ports.Record{Key: key, Body: body, UpdatedAt: at, CheckedAt: checked}, ""); err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Run("is served before the first fetch, which is conditional", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			at := time.Now().Truncate(time.Second)
			u := newUpstream()
			u.put(key, at, "a")
			u.slow(func(domain.EnvironmentKey, int) time.Duration { return 3 * time.Second })
			checked := at.Add(-15 * time.Second)
			n := start(t, u, setup{store: stored(t, checked, document(key, at, "a"), at)})
			synctest.Wait()
			n.serves(t, "a")
			n.isState(t, domain.Fresh)
			if got := n.Readiness().LastUpdate; !got.Equal(checked) {
				t.Errorf("last update %v, want %v", got, checked)
			}
			pass(4 * time.Second)
			if requests := u.of(key); len(requests) != 1 || !requests[0].conditional {
				t.Errorf("requests %+v", requests)
			}
			if got := n.Readiness().LastUpdate; !got.Equal(at) { // when the request was sent
				t.Errorf("last update %v, want %v", got, at)
			}
		})
	})
	for _, c := range []struct {
		name    string
		checked time.Duration // ago
		want    domain.State
	}{
		{"confirmed within the grace", 40 * time.Second, domain.Fresh},
		{"confirmed too long ago", 41 * time.Second, domain.Stale},
		{"confirmed in the future, by a clock that was wrong", -24 * time.Hour, domain.Fresh},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := newUpstream()
				u.script(down)
				at := time.Now().Add(-time.Hour)
				n := start(t, u, setup{store: stored(t, time.Now().Add(-c.checked), document(key, at, "a"), at)})
				synctest.Wait()
				n.serves(t, "a")
				n.isState(t, c.want)
				pass(2 * time.Minute)
				n.serves(t, "a")
				n.isState(t, domain.Stale)
			})
		})
	}
	t.Run("what the store has is unusable", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			at := time.Now()
			u := newUpstream()
			u.put(key, at, "a")
			store := stored(t, at, []byte(`{"api_key":`), at)
			n := start(t, u, setup{store: store})
			synctest.Wait()
			n.serves(t, "a") // from upstream
			record, err := store.Get(t.Context(), key)
			if err != nil || string(record.Body) != string(document(key, at, "a")) {
				t.Errorf("the store has %q, %v", record.Body, err)
			}
			if logged := n.log.named("store_error"); len(logged) != 1 {
				t.Errorf("logged %v", logged)
			}
		})
	})
	t.Run("a store that does not answer keeps nothing waiting", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream()
			u.put(key, time.Now(), "a")
			n := start(t, u, setup{store: &shaky{Store: handle(t, sharedmemory.New()), hangs: func() bool { return true }}})
			pass(2 * time.Second)
			if steps := n.input.called(); len(steps) != 1 {
				t.Errorf("called %v, the listener is not open", steps)
			}
			pass(30 * time.Second)
			n.serves(t, "a")
			n.isState(t, domain.Fresh)
		})
	})
}

// shaky is a store that does not always answer.
type shaky struct {
	ports.Store
	fails func() error // asked before each call; may be nil
	hangs func() bool  // whether calls hang until their context ends; may be nil
}

func (s *shaky) before(ctx context.Context) error {
	if s.hangs != nil && s.hangs() {
		<-ctx.Done()
		return ctx.Err()
	}
	if s.fails != nil {
		return s.fails()
	}
	return nil
}

func (s *shaky) Get(ctx context.Context, k domain.EnvironmentKey) (ports.Record, error) {
	if err := s.before(ctx); err != nil {
		return ports.Record{}, err
	}
	return s.Store.Get(ctx, k)
}

func (s *shaky) Stat(ctx context.Context, k domain.EnvironmentKey) (ports.Record, error) {
	if err := s.before(ctx); err != nil {
		return ports.Record{}, err
	}
	return s.Store.Stat(ctx, k)
}

func (s *shaky) Put(ctx context.Context, r ports.Record, v ports.Version) (ports.Version, error) {
	if err := s.before(ctx); err != nil {
		return "", err
	}
	return s.Store.Put(ctx, r, v)
}

func (s *shaky) Touch(ctx context.Context, k domain.EnvironmentKey, v ports.Version, at time.Time) error {
	if err := s.before(ctx); err != nil {
		return err
	}
	return s.Store.Touch(ctx, k, v, at)
}

func (s *shaky) GetState(ctx context.Context, name string) ([]byte, ports.Version, error) {
	if err := s.before(ctx); err != nil {
		return nil, "", err
	}
	return s.Store.GetState(ctx, name)
}

func (s *shaky) PutState(ctx context.Context, name string, value []byte, v ports.Version) (ports.Version, error) {
	if err := s.before(ctx); err != nil {
		return "", err
	}
	return s.Store.PutState(ctx, name, value, v)
}

func (s *shaky) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
	if err := s.before(ctx); err != nil {
		return nil, err
	}
	return s.Store.TryLeases(ctx, claims, holder, ttl)
}

func (s *shaky) Leases(ctx context.Context, names []string) ([]ports.Lease, error) {
	if err := s.before(ctx); err != nil {
		return nil, err
	}
	return s.Store.Leases(ctx, names)
}

func (s *shaky) DropLeases(ctx context.Context, names []string, holder string) error {
	if err := s.before(ctx); err != nil {
		return err
	}
	return s.Store.DropLeases(ctx, names, holder)
}

func (s *shaky) Watch(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
	if err := s.before(ctx); err != nil {
		return err
	}
	watching, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() { // breaks the subscription when the store goes away
		for watching.Err() == nil {
			select {
			case <-time.After(100 * time.Millisecond):
				if s.fails != nil && s.fails() != nil || s.hangs != nil && s.hangs() {
					stop(ports.ErrUnavailable)
				}
			case <-watching.Done():
			}
		}
	}()
	err := s.Store.Watch(watching, keys, wake)
	if ctx.Err() == nil && errors.Is(context.Cause(watching), ports.ErrUnavailable) {
		return ports.ErrUnavailable
	}
	return err
}
