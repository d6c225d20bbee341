package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

const noteName = "discovered-environments"

// directory is what a proxy key opens.
type directory struct {
	mu    sync.Mutex
	list  []domain.EnvironmentKeys
	err   error
	asked []time.Time
}

func (d *directory) Discover(context.Context) ([]domain.EnvironmentKeys, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, time.Now())
	if d.err != nil {
		return nil, d.err
	}
	list := slices.Clone(d.list)
	for i := range list {
		list[i].Discovered = true
		list[i].Server = slices.Clone(list[i].Server)
		slices.Reverse(list[i].Server) // the order means nothing
	}
	slices.Reverse(list)
	return list, nil
}

func (d *directory) put(list []domain.EnvironmentKeys) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list, d.err = list, nil
}

func (d *directory) fail(status int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = &ports.FetchError{Doing: "discovering environments", Status: status, Cause: "a cause"}
}

func (d *directory) recover() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = nil
}

func (d *directory) since(at time.Time) []time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.asked), func(t time.Time) bool { return t.Before(at) })
}

// discovering is a world in which upstream has documents of keys and lists them.
func discovering(keys ...domain.EnvironmentKey) (*upstream, *directory) {
	u := newUpstream()
	for _, key := range keys {
		u.put(key, time.Now(), string(key))
	}
	return u, &directory{list: environments(keys...)}
}

func TestDiscoveredEnvironmentsAreServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, d := discovering("a", "b")
		n := start(t, u, setup{discoverer: d, opens: func(n *node) { n.isState(t, domain.Missing) }})
		pass(time.Second)
		n.isState(t, domain.Fresh)
		for _, key := range []string{"a", "b"} {
			if n.flag(domain.EnvironmentKey(key)) != key || !n.knows(key) || !n.knows("ser."+key) {
				t.Errorf("%s is not served", key)
			}
			for _, r := range u.of(domain.EnvironmentKey(key)) {
				if !r.discovered {
					t.Errorf("a request for %s does not tell that it was discovered", key)
				}
			}
		}
		u.put("c", time.Now(), "c")
		list := environments("b", "c")
		list[0].Server = []domain.Credential{credential("ser.rotated", 0)}
		asked := len(u.of("b"))
		d.put(list)
		for !n.knows("c") {
			pass(100 * time.Millisecond)
		}
		if n.knows("a") || n.knows("ser.a") || n.knows("ser.b") || !n.knows("ser.rotated") {
			t.Error("the list is not applied as a whole")
		}
		if n.flag("b") != "b" || n.flag("c") != "c" {
			t.Errorf("%q and %q are served", n.flag("b"), n.flag("c"))
		}
		n.isState(t, domain.Fresh)
		if late := len(u.of("b")) - asked; late > 1 {
			t.Errorf("%d fetches of b meanwhile", late)
		}
		pass(time.Minute)
		if last := u.of("b"); last[len(last)-1].server != "ser.rotated" {
			t.Errorf("fetched with %s", last[len(last)-1].server)
		}
		n.isState(t, domain.Fresh)
		d.put(nil) // nothing at all, and upstream means it
		pass(interval)
		if n.knows("b") || n.knows("c") {
			t.Error("environments that are no longer listed are served")
		}
		n.isState(t, domain.Missing)
	})
}

func TestDiscoveryIsAskedOncePerInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, d := discovering("a")
		n := start(t, u, setup{discoverer: d})
		pass(time.Hour)
		if asked := len(d.since(time.Time{})); asked < 360 || asked > 362 {
			t.Errorf("asked %d times in an hour", asked)
		}
		if logged := n.log.named("environments_changed"); len(logged) != 1 {
			t.Errorf("a list that stays the same changes environments: %v", logged)
		}
		n.apply(func(c *app.Config) { c.Freshness.PollInterval = time.Minute })
		began := time.Now()
		pass(0)
		if asked := len(d.since(began)); asked != 1 {
			t.Errorf("asked %d times at once, with what may be another proxy key", asked)
		}
		pass(time.Hour)
		if asked := len(d.since(began)); asked < 60 || asked > 62 {
			t.Errorf("asked %d times in an hour at an interval of a minute", asked)
		}
		d.fail(503)
		pass(10 * time.Minute)
		began = time.Now()
		pass(time.Hour)
		if asked := len(d.since(began)); asked < 30 || asked > 50 {
			t.Errorf("asked %d times in an hour without an answer", asked)
		}
		d.recover()
		pass(2 * time.Minute)
		n.isState(t, domain.Fresh)
	})
}

func TestAFailedDiscoveryChangesNothing(t *testing.T) {
	for name, status := range map[string]int{"away": 0, "a fault": 500, "the proxy key is refused": 403, "no proxy key": 401, "no list": 200} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u, d := discovering("a", "b")
				n := start(t, u, setup{discoverer: d})
				pass(time.Minute)
				d.fail(status)
				failing := time.Now()
				pass(time.Minute)
				n.isState(t, domain.Fresh) // within the grace, 70 s
				pass(21 * time.Second)
				n.isState(t, domain.Stale)
				if last := n.Readiness().LastUpdate; last.After(failing) || last.Before(failing.Add(-interval)) {
					t.Errorf("the last update was at %v, want that of the last discovery before %v", last, failing)
				}
				pass(time.Hour)
				for _, key := range []string{"a", "b"} {
					if n.flag(domain.EnvironmentKey(key)) != key || !n.knows(key) || !n.knows("ser."+key) {
						t.Errorf("%s is not served any more", key)
					}
				}
				if polls := u.since("a", time.Now().Add(-time.Minute)); len(polls) < 5 {
					t.Errorf("%d polls in a minute: documents are not kept fresh", len(polls))
				}
				if !n.Snapshot().Complete() {
					t.Error("a failed discovery makes a complete list incomplete")
				}
				logged := n.log.named("error_discovering_environments")
				if len(logged) == 0 || logged[0].level != slog.LevelError || logged[0].with["cause"] != "a cause" || logged[0].with["effect"] == "" {
					t.Errorf("logged %v", logged)
				}
				d.recover()
				pass(2*interval + time.Second)
				n.isState(t, domain.Fresh)
			})
		})
	}
}

func TestConfiguredEnvironmentsStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, d := discovering("both", "listed", "own")
		listed := environments("both", "listed")
		listed[0].Server = []domain.Credential{credential("ser.discovered", 0)}
		listed = append(listed, domain.EnvironmentKeys{Client: "thief", Server: []domain.Credential{credential("ser.own", 0)}})
		d.put(listed)
		d.fail(403)
		n := start(t, u, setup{environments: environments("own", "both"), discoverer: d})
		pass(time.Minute)
		if n.flag("own") != "own" || n.flag("both") != "both" {
			t.Error("configured environments wait for discovery")
		}
		if n.Snapshot().Complete() {
			t.Error("before the first list, keys that it may bring are refused")
		}
		n.isState(t, domain.Missing) // of what else there is nothing is known
		d.recover()
		pass(2 * interval)
		n.isState(t, domain.Fresh)
		if !n.Snapshot().Complete() {
			t.Error("after the first list, unknown keys are not refused")
		}
		for key, want := range map[string]domain.EnvironmentKey{
			"ser.own": "own", "ser.both": "both", "ser.discovered": "both", "ser.listed": "listed", "listed": "listed",
		} {
			if entry, ok := n.Snapshot().Lookup(key); !ok || entry.Key != want {
				t.Errorf("%s leads to %q, want %s", key, entry.Key, want)
			}
		}
		if n.knows("thief") {
			t.Error("an environment is served whose only key is a configured environment's")
		}
		for _, r := range slices.Concat(u.of("own"), u.of("both")) {
			if r.discovered || r.server != "ser."+string(r.key) {
				t.Errorf("%+v: it is configured", r)
			}
		}
		d.put(nil)
		pass(2 * interval)
		if n.knows("listed") || n.knows("ser.discovered") || n.flag("own") != "own" || n.flag("both") != "both" {
			t.Error("an empty list takes what is configured, or leaves what is not")
		}
		n.isState(t, domain.Fresh)
	})
}

func TestTheFirstListIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, d := discovering("own")
		d.put(environments("listed"))
		d.fail(503)
		n := start(t, u, setup{environments: environments("own"), discoverer: d})
		pass(time.Minute)
		d.recover()
		pass(2 * interval)
		n.isState(t, domain.Missing) // upstream does not have its document yet
		u.put("listed", time.Now(), "listed")
		pass(2 * interval)
		n.isState(t, domain.Fresh)
	})
}

func TestKeysExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, d := discovering("a", "b", "c")
		list := environments("a", "b", "c")
		list[0].Server = append(list[0].Server, credential("ser.soon", 95*time.Second))
		list[1].Server = []domain.Credential{credential("ser.last", 95*time.Second)}
		list[2].Server = []domain.Credential{credential("ser.expired", -time.Second)}
		d.put(list)
		n := start(t, u, setup{discoverer: d})
		pass(94 * time.Second)
		if !n.knows("ser.soon") || !n.knows("ser.last") || n.knows("c") || n.knows("ser.expired") {
			t.Error("keys do not count until they expire, or an environment without any is served")
		}
		pass(time.Second)
		if n.knows("ser.soon") || n.knows("ser.last") || !n.knows("ser.a") {
			t.Error("expired keys authenticate")
		}
		pass(interval)
		if n.flag("a") != "a" || n.knows("b") {
			t.Error("a is not served, or b is, which has no key left")
		}
		n.isState(t, domain.Fresh)
		for _, r := range u.of("a") {
			if r.server != "ser.a" {
				t.Errorf("fetched with %s, which expires sooner", r.server)
			}
		}
	})
}

func TestARestartWhileUpstreamIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, d := discovering("a", "b")
		list := environments("a", "b")
		list[0].Server = append(list[0].Server, credential("ser.short", 5*time.Minute))
		d.put(list)
		b := sharedmemory.New()
		n := start(t, u, setup{discoverer: d, store: handle(t, b)})
		pass(time.Minute)
		if err := n.end(); err != nil {
			t.Fatal(err)
		}
		told := n.Readiness().LastUpdate.Truncate(time.Microsecond) // stores keep no more of a time
		value, _, err := handle(t, b).GetState(t.Context(), noteName)
		if err != nil || bytes.Contains(value, []byte("ser.")) || !bytes.Contains(value, []byte(`"version":1`)) {
			t.Errorf("noted is %s, %v", value, err)
		}

		var atOnce string
		u.script(down)
		d.fail(0)
		since := time.Now()
		n = start(t, u, setup{discoverer: d, store: handle(t, b), opens: func(n *node) { atOnce = n.flag("a") + n.flag("b") }})
		pass(0)
		if atOnce != "ab" {
			t.Errorf("%q is served when the listener opens", atOnce)
		}
		for _, key := range []string{"a", "b"} {
			if n.flag(domain.EnvironmentKey(key)) != key || !n.knows(key) || !n.knows("ser."+key) {
				t.Errorf("%s is not served", key)
			}
		}
		if !n.knows("ser.short") || n.knows("ser.other") {
			t.Error("other keys authenticate than before")
		}
		n.isState(t, domain.Fresh)
		if last := n.Readiness().LastUpdate; !last.Truncate(time.Microsecond).Equal(told) {
			t.Errorf("last updated at %v, want %v as before the restart", last, told)
		}
		pass(5 * time.Minute)
		n.isState(t, domain.Stale)
		if n.knows("ser.short") {
			t.Error("a key authenticates that has expired")
		}
		if fetched := len(u.since("a", since)); fetched != 0 {
			t.Errorf("%d fetches without a key", fetched)
		}
		if failed := n.log.named("error_fetching_document"); len(failed) != 0 {
			t.Errorf("logged %v", failed)
		}
		u.script(nil)
		d.recover()
		for len(u.since("a", since)) == 0 {
			if time.Since(since) > 10*time.Minute {
				t.Fatal("nothing is fetched once discovery is back")
			}
			pass(time.Second)
		}
		if asked := d.since(time.Now().Add(-time.Second)); len(asked) != 1 {
			t.Error("fetching waits for something else than discovery")
		}
		n.isState(t, domain.Fresh)
	})
}

func TestAnEnvironmentDroppedWhileTheProxyWasDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, d := discovering("a", "b")
		b := sharedmemory.New()
		n := start(t, u, setup{discoverer: d, store: alone{handle(t, b)}})
		pass(time.Minute)
		if err := n.end(); err != nil {
			t.Fatal(err)
		}
		d.put(environments("b"))
		n = start(t, u, setup{discoverer: d, store: alone{handle(t, b)}})
		pass(time.Second)
		if n.knows("a") || n.flag("b") != "b" {
			t.Error("what was dropped meanwhile is served, or the rest is not")
		}
		if keys := stored(t, handle(t, b)); !slices.Equal(keys, []domain.EnvironmentKey{"b"}) {
			t.Errorf("stored is %v", keys)
		}
	})
}

// alone says of a store that its records belong to this process.
type alone struct{ ports.Store }

func (alone) Exclusive() bool { return true }

func TestNotesThatCannotBeRead(t *testing.T) {
	digest := strings.Repeat("ab", 32)
	for name, value := range map[string]string{
		"no JSON": "ser", "null": "null", "another value": "[]", "nothing": "", "an object": "{}",
		"of a later version":  `{"version":2,"confirmed_at":"2000-01-01T00:00:00Z","environments":[]}`,
		"without a time":      `{"version":1,"environments":[]}`,
		"without a list":      `{"version":1,"confirmed_at":"2000-01-01T00:00:00Z"}`,
		"of another type":     `{"version":1,"confirmed_at":"2000-01-01T00:00:00Z","environments":{}}`,
		"with a blank key":    `{"version":1,"confirmed_at":"2000-01-01T00:00:00Z","environments":[{"client_side_key":"","server_side_keys":[]}]}`,
		"with a short digest": `{"version":1,"confirmed_at":"2000-01-01T00:00:00Z","environments":[{"client_side_key":"a","server_side_keys":[{"sha256":"abcd"}]}]}`,
		"with no digest":      `{"version":1,"confirmed_at":"2000-01-01T00:00:00Z","environments":[{"client_side_key":"a","server_side_keys":[{"sha256":"` + digest[1:] + `g"}]}]}`,
		"with a wrong expiry": `{"version":1,"confirmed_at":"2000-01-01T00:00:00Z","environments":[{"client_side_key":"a","server_side_keys":[{"sha256":"` + digest + `","expires_at":"soon"}]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := sharedmemory.New()
				s := handle(t, b)
				if _, err := s.PutState(t.Context(), noteName, []byte(value), ""); err != nil {
					t.Fatal(err)
				}
				u, d := discovering("a")
				n := start(t, u, setup{discoverer: d, store: handle(t, b)})
				pass(time.Second)
				if n.flag("a") != "a" {
					t.Error("it keeps discovery from working")
				}
				logged := n.log.named("discovered_environments_unreadable")
				if len(logged) != 1 || logged[0].level != slog.LevelWarn {
					t.Errorf("logged %v", logged)
				}
				if aside, _, err := s.GetState(t.Context(), noteName+".unreadable"); err != nil || string(aside) != value {
					t.Errorf("set aside is %s, %v", aside, err)
				}
				if now, _, err := s.GetState(t.Context(), noteName); err != nil || !strings.Contains(string(now), `"client_side_key":"a"`) {
					t.Errorf("noted is %s, %v", now, err)
				}
			})
		})
	}
}

func TestNotesFromOtherNodes(t *testing.T) {
	note := func(at time.Time) []byte {
		return []byte(`{"version":1,"confirmed_at":"` + at.UTC().Format(time.RFC3339Nano) + `","environments":[{"client_side_key":"foreign","server_side_keys":[{"sha256":"` + strings.Repeat("ab", 32) + `","expires_at":null}]}]}`)
	}
	leave := func(t *testing.T, b *sharedmemory.Backend, value []byte) {
		t.Helper()
		s := handle(t, b)
		_, version, err := s.GetState(t.Context(), noteName)
		if err != nil && !errors.Is(err, ports.ErrNotFound) {
			t.Fatal(err)
		}
		if _, err := s.PutState(t.Context(), noteName, value, version); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("older than the own list", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u, d := discovering("a")
			b := sharedmemory.New()
			n := start(t, u, setup{discoverer: d, store: handle(t, b)})
			pass(time.Minute)
			d.fail(503)
			leave(t, b, note(time.Now().Add(-time.Hour)))
			pass(time.Minute)
			if n.knows("foreign") || !n.knows("a") {
				t.Error("it takes the place of the newer list")
			}
		})
	})
	t.Run("newer than the last note, older than the own list", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u, d := discovering("a")
			b := sharedmemory.New()
			n := start(t, u, setup{discoverer: d, store: handle(t, b)})
			var noted time.Time
			unnoted := func() bool { // upstream has sent a list since the last note
				value, _, err := handle(t, b).GetState(t.Context(), noteName)
				var last struct {
					ConfirmedAt time.Time `json:"confirmed_at"`
				}
				if err != nil || json.Unmarshal(value, &last) != nil {
					t.Fatalf("the note is %s, %v", value, err)
				}
				noted = last.ConfirmedAt
				return len(d.since(noted.Add(2*time.Second))) > 0
			}
			pass(time.Minute)
			for i := 0; !unnoted(); i++ {
				if i == 60 {
					t.Fatal("each list is noted")
				}
				pass(time.Second)
			}
			received := d.since(noted)[len(d.since(noted))-1]
			d.fail(503)
			leave(t, b, note(noted.Add(time.Second)))
			pass(interval)
			if n.knows("foreign") || !n.knows("a") {
				t.Error("it takes the place of the newer list")
			}
			pass(time.Until(received.Add(interval + 31*time.Second)))
			n.isState(t, domain.Stale)
			leave(t, b, note(noted.Add(2*time.Second))) // by a clock that is behind
			pass(2 * interval)
			if !n.knows("foreign") {
				t.Error("a note that was made since this node last looked is passed over")
			}
		})
	})
	t.Run("with an environment twice", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			one := `{"client_side_key":"twice","server_side_keys":[{"sha256":"` + strings.Repeat("ab", 32) + `","expires_at":null}]}`
			other := strings.ReplaceAll(one, "ab", "cd")
			u, d := discovering("a")
			d.fail(503)
			b := sharedmemory.New()
			leave(t, b, []byte(`{"version":1,"confirmed_at":"2000-01-01T00:00:00Z","environments":[`+one+`,`+other+`]}`))
			n := start(t, u, setup{discoverer: d, store: handle(t, b)})
			pass(time.Second)
			if keys := n.Snapshot().Keys(); len(keys) != 1 || len(keys[0].Server) != 2 {
				t.Errorf("it is served as %v", keys)
			}
			d.recover()
			pass(2 * interval)
			if n.knows("twice") || n.flag("a") != "a" {
				t.Error("it is not followed by what upstream says")
			}
		})
	})
	t.Run("from a clock that is ahead", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u, d := discovering()
			u.put("foreign", time.Now(), "foreign")
			d.fail(503)
			b := sharedmemory.New()
			leave(t, b, note(time.Now().Add(time.Hour)))
			// Only to have the document confirmed without pause.
			n := start(t, u, setup{environments: environments("foreign"), discoverer: d, store: handle(t, b)})
			pass(30 * time.Second)
			n.isState(t, domain.Fresh)
			pass(time.Minute)
			n.isState(t, domain.Stale)
		})
	})
}

func TestADamagedNote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, d := discovering("a")
		n := start(t, u, setup{discoverer: d, store: &damagedNote{Store: handle(t, sharedmemory.New())}})
		pass(time.Minute)
		if n.flag("a") != "a" || len(n.log.named("discovered_environments_unreadable")) != 1 {
			t.Errorf("%q is served, logged %v", n.flag("a"), n.log.named("discovered_environments_unreadable"))
		}
		n.isState(t, domain.Fresh)
	})
}

type damagedNote struct{ ports.Store }

func (damagedNote) GetState(context.Context, string) ([]byte, ports.Version, error) {
	return nil, "", ports.ErrCorrupt
}

func TestTheNoteIsWrittenSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, d := discovering("a")
		s := &counted{Store: handle(t, sharedmemory.New())}
		n := start(t, u, setup{discoverer: d, store: s, change: func(c *app.Config) { c.Freshness.PollInterval = time.Second }})
		pass(10 * time.Minute)
		if writes := s.writes(); writes < 30 || writes > 41 {
			t.Errorf("%d writes in ten minutes in which nothing changed", writes)
		}
		before := s.writes()
		d.put(environments("a", "b"))
		u.put("b", time.Now(), "b")
		pass(2 * time.Second)
		if s.writes() == before {
			t.Error("a change waits to be noted")
		}
		n.isState(t, domain.Fresh)
	})
}

func TestAFleetDiscovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, d := discovering("a", "b")
		b := sharedmemory.New()
		cut := &directory{list: d.list}
		one := start(t, u, setup{name: "n1", discoverer: d, store: handle(t, b)})
		two := start(t, u, setup{name: "n2", discoverer: cut, store: handle(t, b)})
		pass(time.Minute)
		polls := u.since("a", time.Now().Add(-time.Minute))
		if len(polls) > 9 {
			t.Errorf("%d polls in a minute by two nodes", len(polls))
		}
		cut.fail(0) // the second node's way to upstream is broken
		u.script(func(node string, key domain.EnvironmentKey, n int) error {
			if node == "n2" {
				return down(node, key, n)
			}
			return nil
		})
		u.put("c", time.Now(), "c")
		list := environments("b", "c")
		list[0].Server = append(list[0].Server, credential("ser.new", 0))
		d.put(list)
		pass(4 * interval)
		for _, n := range []*node{one, two} {
			if n.knows("a") || !n.knows("ser.c") || !n.knows("ser.new") || n.flag("b") != "b" || n.flag("c") != "c" {
				t.Errorf("%q and %q are served, a: %v", n.flag("b"), n.flag("c"), n.knows("a"))
			}
		}
		pass(10 * time.Minute)
		one.isState(t, domain.Fresh)
		two.isState(t, domain.Fresh) // as the other node's discovery works
		if err := one.end(); err != nil {
			t.Fatal(err)
		}
		u.script(nil) // but discovery stays broken
		alone := time.Now()
		pass(3 * time.Minute)
		two.isState(t, domain.Stale)
		if !two.knows("ser.b") || two.flag("c") != "c" {
			t.Error("the environments are gone")
		}
		if b, c := len(u.since("b", alone)), len(u.since("c", alone)); b < 15 || c != 0 {
			t.Errorf("%d fetches with a key from before, want one each interval; %d of an environment whose key it never had", b, c)
		}
	})
}

// A node is answered late, with what upstream had when it asked: it does not note that
// in the place of what another node asked for and noted since.
func TestALateListIsNotNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, d := discovering("a", "b")
		b := sharedmemory.New()
		late := &lateDirectory{directory: d}
		start(t, u, setup{name: "n1", discoverer: late, store: handle(t, b)})
		pass(time.Second)
		start(t, u, setup{name: "n2", discoverer: d, store: handle(t, b)})
		pass(time.Minute)
		d.put(environments("a", "b", "c"))
		late.drop(environments("b"))
		dropped := false
		for range 2 * interval / (100 * time.Millisecond) {
			pass(100 * time.Millisecond)
			value, _, err := handle(t, b).GetState(t.Context(), noteName)
			if err != nil {
				t.Fatal(err)
			}
			listed := bytes.Contains(value, []byte(`"a"`))
			if dropped && listed {
				t.Fatal("what was dropped is noted again")
			}
			dropped = dropped || !listed
		}
		if !dropped {
			t.Error("what was dropped is noted still")
		}
	})
}

// lateDirectory is a directory whose next answer arrives late, when the list is
// another one already.
type lateDirectory struct {
	*directory
	next atomic.Pointer[[]domain.EnvironmentKeys]
}

func (d *lateDirectory) drop(next []domain.EnvironmentKeys) { d.next.Store(&next) }

func (d *lateDirectory) Discover(ctx context.Context) ([]domain.EnvironmentKeys, error) {
	list, err := d.directory.Discover(ctx)
	if next := d.next.Swap(nil); next != nil {
		d.put(*next)
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return list, err
}

func TestDiscoveryWithoutAStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, d := discovering("a")
		b := sharedmemory.New()
		var back atomic.Bool
		s := &shaky{Store: handle(t, b), fails: func() error {
			if !back.Load() {
				return ports.ErrUnavailable
			}
			return nil
		}}
		n := start(t, u, setup{discoverer: d, store: s})
		pass(time.Minute)
		if n.flag("a") != "a" {
			t.Error("it is not served")
		}
		n.isState(t, domain.Fresh)
		back.Store(true)
		pass(time.Minute)
		if _, _, err := handle(t, b).GetState(t.Context(), noteName); err != nil {
			t.Errorf("the list is not noted once the store is back: %v", err)
		}
	})
}

// TestAStoreThatComesBackWithoutPollers sees that a store is found to be back also
// where no keeper polls, which would find out: none is known yet, or all wait for
// keys.
func TestAStoreThatComesBackWithoutPollers(t *testing.T) {
	noted := func(t *testing.T) (*upstream, *directory, *sharedmemory.Backend) {
		u, d := discovering("a")
		b := sharedmemory.New()
		n := start(t, u, setup{discoverer: d, store: handle(t, b)})
		pass(time.Minute)
		if err := n.end(); err != nil {
			t.Fatal(err)
		}
		return u, d, b
	}
	gone := func(t *testing.T, b *sharedmemory.Backend) (s ports.Store, away *atomic.Bool) {
		away = &atomic.Bool{}
		return &shaky{Store: handle(t, b), fails: func() error {
			if away.Load() {
				return ports.ErrUnavailable
			}
			return nil
		}}, away
	}
	t.Run("away at the start, as upstream is", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u, d, b := noted(t)
			u.script(down)
			d.fail(503)
			s, away := gone(t, b)
			away.Store(true)
			n := start(t, u, setup{discoverer: d, store: s})
			pass(time.Minute)
			if n.knows("a") {
				t.Fatal("the test's store is not away")
			}
			away.Store(false)
			pass(3 * interval)
			if !n.knows("ser.a") || n.flag("a") != "a" {
				t.Error("what the store has is not known although it is back")
			}
		})
	})
	t.Run("away for a while, with keys that are known by digests", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			u, d, b := noted(t)
			cut := &directory{}
			cut.fail(0) // the second node's way to upstream is broken
			s, away := gone(t, b)
			start(t, u, setup{name: "n1", discoverer: d, store: handle(t, b)})
			n := start(t, u, setup{name: "n2", discoverer: cut, store: s})
			pass(time.Minute)
			away.Store(true)
			pass(20 * time.Second)
			away.Store(false)
			u.put("a", time.Now(), "changed")
			pass(time.Minute)
			if n.flag("a") != "changed" {
				t.Errorf("%q is served: the store is not followed any more", n.flag("a"))
			}
			n.isState(t, domain.Fresh)
		})
	})
}

// TestANodeThatCannotDiscoverStaysReady looks at readiness all the time, with as
// little grace as there is: that of a single environment.
func TestANodeThatCannotDiscoverStaysReady(t *testing.T) {
	for name, c := range map[string]struct {
		interval time.Duration
		behind   time.Duration // the other node's clock
		settles  time.Duration // as long as it may take the node to turn to the other's notes
	}{
		"often":                   {interval: interval},
		"a clock that is behind":  {interval: interval, behind: time.Hour},
		"a clock that is ahead":   {interval: interval, behind: -time.Hour},
		"seldom":                  {interval: time.Minute, settles: 2 * time.Minute},
		"seldom, and it is later": {interval: time.Minute, settles: 2 * time.Minute, behind: -time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u, d := discovering("a")
				cut := &directory{list: d.list}
				b := sharedmemory.New()
				change := func(config *app.Config) {
					config.Freshness.PollInterval, config.Lease = c.interval, 2*c.interval
				}
				clock := func() time.Time { return time.Now().Add(-c.behind) }
				one := start(t, u, setup{name: "n1", discoverer: d, store: handle(t, b), now: clock, change: change})
				two := start(t, u, setup{name: "n2", discoverer: cut, store: handle(t, b), change: change})
				pass(5 * time.Minute)
				cut.fail(0)
				pass(c.settles)
				unready := 0
				for range 3600 {
					pass(time.Second)
					if two.Readiness().State != domain.Fresh {
						unready++
					}
				}
				if unready > 0 {
					t.Errorf("it is not ready for %d seconds of an hour, although the other node discovers", unready)
				}
				if err := one.end(); err != nil {
					t.Fatal(err)
				}
				pass(4 * time.Minute)
				two.isState(t, domain.Stale)
			})
		})
	}
}
