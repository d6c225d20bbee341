package app_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// loud returns what was logged of an event at INFO or above.
func (j journal) loud(event string) (lines []line) {
	for _, l := range j.named(event) {
		if l.level >= slog.LevelInfo {
			lines = append(lines, l)
		}
	}
	return lines
}

func TestAnOutageIsLoggedOnceForAllEnvironments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		keys := []domain.EnvironmentKey{"a", "b", "c"}
		for _, k := range keys {
			u.put(k, time.Now(), "x")
		}
		n := start(t, u, setup{environments: environments(keys...)})
		pass(time.Minute)
		u.script(down)
		began := time.Now()
		pass(20 * time.Minute)
		logged := n.log.loud("error_fetching_document")
		if len(logged) != 4 {
			t.Fatalf("%d lines for 20 minutes, want four: at once and after 1, 5 and 15 minutes", len(logged))
		}
		for i, l := range logged {
			if l.level != slog.LevelError {
				t.Errorf("line %d is %v", i, l.level)
			}
			for _, name := range []string{"client_side_key", "error", "status", "cause", "effect", "failures", "since", "documents_age", "next_try"} {
				if l.with[name] == "" {
					t.Errorf("line %d has no %s: %v", i, name, l.with)
				}
			}
		}
		if first := logged[0].with; first["failures"] != "1" || first["environments"] != "" {
			t.Errorf("the first line is %v", first)
		}
		last := logged[3].with
		if last["environments"] != "3" || last["since"] != logged[0].with["since"] {
			t.Errorf("the last line is %v", last)
		}
		if age, err := time.ParseDuration(last["documents_age"]); err != nil || age < 15*time.Minute || age > 16*time.Minute {
			t.Errorf("documents_age %s after 15 minutes", last["documents_age"])
		}
		u.script(nil)
		pass(time.Minute)
		over := n.log.named("fetching_documents_again")
		if len(over) != 1 || over[0].level != slog.LevelInfo {
			t.Fatalf("logged of the end: %v", over)
		}
		// The first poll that fails is up to an interval after upstream began to.
		if after, err := time.ParseDuration(over[0].with["after"]); err != nil || after < 20*time.Minute-interval || after > time.Since(began) || over[0].with["failures"] == "" {
			t.Errorf("logged of the end: %v", over[0].with)
		}
		u.script(down) // a second outage is another one
		pass(30 * time.Second)
		if logged := n.log.loud("error_fetching_document"); len(logged) != 5 {
			t.Errorf("%d lines with the second outage, want 5", len(logged))
		}
	})
}

func TestADayOfAnOutageIsALineAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "x")
		u.script(down)
		n := start(t, u, setup{change: func(c *app.Config) { // a poll a minute: what is logged does not depend on it
			c.Freshness.PollInterval, c.Lease = time.Minute, 2*time.Minute
		}})
		pass(24 * time.Hour)
		if logged := n.log.loud("error_fetching_document"); len(logged) < 26 || len(logged) > 28 {
			t.Errorf("%d lines in a day, want 4 and one each hour", len(logged))
		}
	})
}

// TestAKindOfFailureIsLoggedOnceInAnOutage: failures that take turns are not new.
func TestAKindOfFailureIsLoggedOnceInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put(key, time.Now(), "x")
		u.script(func(_ string, _ domain.EnvironmentKey, n int) error {
			return &ports.FetchError{Status: 502 + n%2, Cause: "it comes and goes"}
		})
		n := start(t, u, setup{})
		pass(50 * time.Second)
		logged := n.log.loud("error_fetching_document")
		if len(logged) != 2 || logged[0].with["status"] == logged[1].with["status"] {
			t.Errorf("logged %v, want one line of each kind", logged)
		}
	})
}

// TestKindsOfFailures: failures are of one kind if they have the same status and cause, whatever
// their texts are; the text counts where there is neither.
func TestKindsOfFailures(t *testing.T) {
	for name, tt := range map[string]struct {
		failure ports.FetchError
		want    int
	}{
		"a cause":            {ports.FetchError{Cause: "nothing listens there"}, 1},
		"a status":           {ports.FetchError{Status: 502}, 1},
		"a text and no more": {ports.FetchError{}, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream()
			u.put(key, time.Now(), "x")
			u.script(func(_ string, _ domain.EnvironmentKey, n int) error {
				failure := tt.failure
				failure.Err = fmt.Errorf("connection %d was reset", n%2)
				return &failure
			})
			n := start(t, u, setup{})
			pass(50 * time.Second)
			if logged := n.log.loud("error_fetching_document"); len(logged) != tt.want {
				t.Errorf("%s: logged %v, want %d lines", name, logged, tt.want)
			}
		})
	}
}

// TestAnOutageOfSomeEnvironmentsIsOne: what upstream does not answer, or asks to try later, is one
// outage, also where it answers for others.
func TestAnOutageOfSomeEnvironmentsIsOne(t *testing.T) {
	for name, failure := range map[string]ports.FetchError{
		"no answer": {Cause: "nothing listens there"}, "429": {Status: 429}, "500": {Status: 500}, "503": {Status: 503},
	} {
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream()
			for _, k := range []domain.EnvironmentKey{"a", "b", "c"} {
				u.put(k, time.Now(), "x")
			}
			u.script(func(_ string, key domain.EnvironmentKey, _ int) error {
				if key == "a" {
					return nil
				}
				return &failure
			})
			n := start(t, u, setup{environments: environments("a", "b", "c")})
			pass(50 * time.Second)
			if logged := n.log.loud("error_fetching_document"); len(logged) != 1 {
				t.Errorf("%s: logged %v, want one line", name, logged)
			}
		})
	}
}

// TestAFaultOfOneEnvironmentIsItsOwnOutage: that one key is refused hides no other.
func TestAFaultOfOneEnvironmentIsItsOwnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		for _, k := range []domain.EnvironmentKey{"a", "b", "c"} {
			u.put(k, time.Now(), "x")
		}
		n := start(t, u, setup{environments: environments("a", "b", "c")})
		pass(time.Minute)
		u.delete("ser.a")
		u.delete("ser.b")
		pass(50 * time.Second)
		logged := n.log.loud("error_fetching_document")
		seen := map[string]bool{}
		for _, l := range logged {
			seen[l.with["client_side_key"]] = true
		}
		if len(logged) != 2 || !seen["a"] || !seen["b"] {
			t.Errorf("logged %v, want a line of each environment whose key is refused", logged)
		}
	})
}

func TestARemovedEnvironmentEndsItsOutageInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put("a", time.Now(), "x")
		n := start(t, u, setup{environments: environments("a", "gone")})
		pass(30 * time.Second)
		n.apply(func(c *app.Config) { c.Environments = environments("a") })
		pass(time.Minute)
		if over := n.log.named("fetching_documents_again"); len(over) != 0 {
			t.Errorf("logged %v", over)
		}
		if logged := n.log.loud("error_fetching_document"); len(logged) != 1 {
			t.Errorf("logged %v", logged)
		}
	})
}

func TestDiscoveryLogsAnOutageOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, d := discovering("a")
		n := start(t, u, setup{discoverer: d})
		pass(time.Minute)
		d.fail(500)
		pass(4 * time.Minute)
		logged := n.log.loud("error_discovering_environments")
		if len(logged) != 2 || logged[1].with["failures"] == "" || logged[1].with["next_try"] == "" {
			t.Errorf("logged %v, want a line at once and one after a minute", logged)
		}
		d.recover()
		pass(time.Minute)
		if over := n.log.named("discovering_environments_again"); len(over) != 1 {
			t.Errorf("logged of the end: %v", over)
		}
	})
}

func TestReadinessIsLoggedWhenItChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put("a", time.Now(), "x")
		u.put("b", time.Now(), "x")
		u.slow(func(k domain.EnvironmentKey, n int) time.Duration {
			if k == "b" && n == 1 {
				return 800 * time.Millisecond
			}
			return 0
		})
		n := start(t, u, setup{environments: environments("a", "b")})
		pass(time.Minute)
		ready := n.log.named("ready")
		if len(ready) != 1 || ready[0].level != slog.LevelInfo || ready[0].with["environments"] != "2/2" {
			t.Fatalf("logged %v", ready)
		}
		if took, err := time.ParseDuration(ready[0].with["took"]); err != nil || took < 800*time.Millisecond || took > time.Second {
			t.Errorf("took %s", ready[0].with["took"])
		}
		u.script(func(_ string, k domain.EnvironmentKey, _ int) error {
			if k == "b" {
				return &ports.FetchError{Status: 403, Cause: "the server-side key is wrong"}
			}
			return nil
		})
		pass(2 * time.Minute)
		stale := n.log.named("not_ready")
		if len(stale) != 1 || stale[0].level != slog.LevelWarn {
			t.Fatalf("logged %v", stale)
		}
		with := stale[0].with
		if with["reason"] != "stale" || with["client_side_key"] != "b" || with["limit"] != "1m10s" || with["environments"] != "2/2" || with["effect"] == "" {
			t.Errorf("logged %v", with)
		}
		if age, err := time.ParseDuration(with["age"]); err != nil || age < 70*time.Second || age > 72*time.Second {
			t.Errorf("age %s", with["age"])
		}
		u.script(nil)
		pass(time.Minute)
		ready = n.log.named("ready")
		if len(ready) != 2 || ready[1].with["after"] == "" || ready[1].with["took"] != "" {
			t.Fatalf("logged %v", ready)
		}
		pass(time.Hour)
		if all := len(n.log.named("ready")) + len(n.log.named("not_ready")); all != 3 {
			t.Errorf("%d lines, want three", all)
		}
	})
}

func TestAStartThatDoesNotSucceedIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put("a", time.Now(), "x")
		n := start(t, u, setup{environments: environments("a", "never")})
		pass(2*interval - time.Second)
		if logged := n.log.named("not_ready"); len(logged) != 0 {
			t.Errorf("logged %v while the start may still succeed", logged)
		}
		pass(time.Minute)
		logged := n.log.named("not_ready")
		if len(logged) != 1 || logged[0].with["reason"] != "missing" || logged[0].with["client_side_key"] != "never" || logged[0].with["environments"] != "1/2" {
			t.Errorf("logged %v", logged)
		}
	})
}

func TestDocumentsAreLoggedWithWhatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feature := func(name string, enabled bool) string {
			return fmt.Sprintf(`{"django_id":1,"enabled":%v,"feature":{"id":1,"name":%q,"type":"STANDARD"},"feature_state_value":null}`, enabled, name)
		}
		segment := func(id int, name, value string) string {
			return fmt.Sprintf(`{"id":%d,"name":%q,"feature_states":[],"rules":[{"type":"ALL","conditions":[{"operator":"EQUAL","property_":"x","value":%q}],"rules":[]}]}`, id, name, value)
		}
		override := func(identifier string, enabled bool) string {
			return fmt.Sprintf(`{"identifier":%q,"identity_features":[%s]}`, identifier, feature("stays", enabled))
		}
		body := func(at time.Time, features, segments, overrides []string) []byte {
			return fmt.Appendf(nil, `{"updated_at":%q,"api_key":%q,"name":"Test","project":{"segments":[%s]},"feature_states":[%s],"identity_overrides":[%s]}`,
				at.UTC().Format(time.RFC3339Nano), key, strings.Join(segments, ","), strings.Join(features, ","), strings.Join(overrides, ","))
		}
		u := newUpstream()
		u.putBody(key, time.Now(), body(time.Now(), []string{feature("stays", true), feature("turns", true), feature("goes", true)}, []string{segment(1, "s", "1"), segment(2, "same", "1")},
			[]string{override("same", true), override("turns", true), override("goes", true)}))
		n := start(t, u, setup{})
		pass(time.Minute)
		loaded := n.log.named("document_loaded")
		if len(loaded) != 1 || loaded[0].level != slog.LevelInfo {
			t.Fatalf("logged %v", loaded)
		}
		for name, want := range map[string]string{"client_side_key": string(key), "source": "upstream", "features": "3", "segments": "2", "overrides": "3"} {
			if got := loaded[0].with[name]; got != want {
				t.Errorf("document_loaded has %s=%s, want %s", name, got, want)
			}
		}
		if loaded[0].with["took"] == "" {
			t.Error("document_loaded does not say how long it took")
		}
		u.putBody(key, time.Now(), body(time.Now(), []string{feature("turns", false), feature("stays", true), feature("new", true), feature("newer", true)}, []string{segment(2, "same", "1"), segment(1, "s", "2")},
			[]string{override("same", true), override("turns", false), override("new", true), override("newer", true)}))
		pass(time.Minute)
		if loaded := n.log.named("document_loaded"); len(loaded) != 1 {
			t.Errorf("document_loaded is logged %d times", len(loaded))
		}
		updated := n.log.loud("environment_updated")
		if len(updated) != 1 {
			t.Fatalf("logged %v", updated)
		}
		for name, want := range map[string]string{"client_side_key": string(key), "features_changed": "1", "added": "2", "removed": "1", "segments_changed": "1", "identities_changed": "4"} {
			if got := updated[0].with[name]; got != want {
				t.Errorf("environment_updated has %s=%s, want %s", name, got, want)
			}
		}
		names := n.log.named("environment_difference")
		if len(names) != 1 || names[0].level != slog.LevelDebug {
			t.Fatalf("logged %v", names)
		}
		for name, want := range map[string]string{"features_changed": "[turns]", "added": "[new newer]", "removed": "[goes]", "segments_changed": "[s]"} {
			if got := names[0].with[name]; got != want {
				t.Errorf("environment_difference has %s=%s, want %s", name, got, want)
			}
		}
	})
}

// TestAnAPIThatRefusesEverybodyIsOneOutage: a gateway that answers 403 in place of the
// API is not a fault of each environment.
func TestAnAPIThatRefusesEverybodyIsOneOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		keys := []domain.EnvironmentKey{"a", "b", "c", "d"}
		for _, k := range keys {
			u.put(k, time.Now(), "x")
		}
		n := start(t, u, setup{environments: environments(keys...)})
		pass(time.Minute)
		u.script(func(string, domain.EnvironmentKey, int) error {
			return &ports.FetchError{Status: 403, Cause: "a gateway refuses"}
		})
		pass(2 * time.Minute)
		logged := n.log.loud("error_fetching_document")
		if len(logged) != 2 || logged[1].with["environments"] != "4" {
			t.Errorf("logged %v, want a line at once and one for all after a minute", logged)
		}
		u.script(nil)
		pass(time.Minute)
		if over := n.log.named("fetching_documents_again"); len(over) != 1 || over[0].with["environments"] != "4" {
			t.Errorf("logged of the end: %v", over)
		}
	})
}

// TestRefusalsAfterAnOutageAreAnotherOne: the API is back once it answers, but nothing is
// fetched again.
func TestRefusalsAfterAnOutageAreAnotherOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.put("a", time.Now(), "x")
		u.script(down)
		n := start(t, u, setup{environments: environments("a")})
		pass(30 * time.Second)
		u.script(func(string, domain.EnvironmentKey, int) error {
			return &ports.FetchError{Status: 403, Cause: "the key was revoked meanwhile"}
		})
		pass(30 * time.Second)
		if over := n.log.named("fetching_documents_again"); len(over) != 0 {
			t.Errorf("logged of the end: %v", over)
		}
		if logged := n.log.loud("error_fetching_document"); len(logged) != 2 || logged[1].with["status"] != "403" || logged[1].with["failures"] != "1" {
			t.Errorf("logged %v, want a line of each outage", logged)
		}
	})
}

// The line names the environment that was confirmed longest ago, wherever it stands in the
// configuration.
func TestNotReadyNamesTheEnvironmentThatFails(t *testing.T) {
	all := []domain.EnvironmentKey{"a", "b", "c"}
	for _, failing := range all {
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream()
			for _, k := range all {
				u.put(k, time.Now(), "x")
			}
			n := start(t, u, setup{environments: environments(all...)})
			pass(time.Minute)
			u.script(func(_ string, k domain.EnvironmentKey, _ int) error {
				if k == failing {
					return &ports.FetchError{Status: 403}
				}
				return nil
			})
			pass(3 * time.Minute)
			if logged := n.log.named("not_ready"); len(logged) != 1 || logged[0].with["client_side_key"] != string(failing) {
				t.Errorf("%s fails: logged %v", failing, logged)
			}
		})
	}
}
