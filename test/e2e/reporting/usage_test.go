package reporting_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

func TestUsageOfEveryResource(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "two")
	p := start(t, w.config(), "one", "two")
	flags(t, p, "one", 3)
	ask(t, http.MethodHead, p.URL+"/api/v1/flags/", "", "one")
	ask(t, http.MethodGet, p.URL+"/api/v1/flags/", "", "nobody")
	ask(t, http.MethodPost, p.URL+"/api/v1/identities/", `{"identifier":"me"}`, "two")
	ask(t, http.MethodPost, p.URL+"/ofrep/v1/evaluate/flags", `{"context":{"targetingKey":"me"}}`, "two")
	ask(t, http.MethodPost, p.URL+"/ofrep/v1/evaluate/flags/checkout", ``, "two")
	ask(t, http.MethodGet, p.URL+"/api/v1/environment-document/", "", serverKey("two"))
	ask(t, http.MethodGet, p.URL+"/api/v1/environment-document/", "", "two") // refused
	stop(t, p)
	want := map[string]int64{"one flags": 4, "two identities": 2, "two flags": 1, "two environment-document": 1}
	if got := w.usage(t); !maps.Equal(got, want) {
		t.Errorf("reported %v, want %v", got, want)
	}
	for _, r := range w.requests(t, fakeflagsmith.ProxyUsage) {
		if r.Header.Get("X-Proxy-Key") != proxyKey || len(r.Header.Get("Idempotency-Key")) != 36 {
			t.Errorf("headers %v", r.Header)
		}
	}
}

func TestConfiguredEnvironmentsAreNotReported(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	c := w.Serve(t, fakeflagsmith.Environment{ClientKey: "own", ServerKeys: []string{serverKey("own")}, Document: document("own")})
	maps.Copy(c, w.config())
	p := start(t, c, "one", "own")
	flags(t, p, "one", 2)
	flags(t, p, "own", 5)
	stop(t, p)
	if got := w.usage(t); !maps.Equal(got, map[string]int64{"one flags": 2}) {
		t.Errorf("reported %v", got)
	}
}

// TestUsageUnderLoad counts from many clients while reports arrive, fail and get
// lost after they were taken.
func TestUsageUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	c := w.config()
	c["usage_flush_interval_seconds"] = 0.1
	w.fail(t, fakeflagsmith.ProxyUsage,
		fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 503, Times: 2},
		fakeflagsmith.Failure{Kind: fakeflagsmith.FailReset, TakesEffect: true, Times: 2},
		fakeflagsmith.Failure{Kind: fakeflagsmith.FailReset, Times: 1},
		fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 429, TakesEffect: true, Times: 1},
		fakeflagsmith.Failure{Kind: fakeflagsmith.FailDelay, Delay: 1e8, Times: 3},
		fakeflagsmith.Failure{Kind: fakeflagsmith.FailReset, TakesEffect: true, Times: 1},
	)
	p := start(t, c, "one")
	const clients, each = 8, 500
	var all sync.WaitGroup
	for range clients {
		all.Go(func() { flags(t, p, "one", each) })
	}
	all.Wait()
	// At the end there are a few tries only, fewer than the failures in a row.
	wait.Until(t, patience, "a report arrives", func() bool { return len(w.requests(t, fakeflagsmith.ProxyUsage)) > 6 })
	stop(t, p)
	if got := w.usage(t)["one flags"]; got != clients*each {
		t.Errorf("%d reported, want %d", got, clients*each)
	}
	bodies := map[string]string{}
	for _, r := range w.requests(t, fakeflagsmith.ProxyUsage) {
		key := r.Header.Get("Idempotency-Key")
		if before, again := bodies[key]; again && before != r.Body {
			t.Errorf("%s was changed from %s to %s", key, before, r.Body)
		}
		bodies[key] = r.Body
	}
}

// TestThousandsOfRows sees that more rows than a report may have come in several.
func TestThousandsOfRows(t *testing.T) {
	t.Parallel()
	const rows = 1101 // of 367 environments, three each
	var environments []string
	for i := range rows / 3 {
		environments = append(environments, fmt.Sprintf("environment-%04d", i))
	}
	w := newWorld(t, environments...)
	c := w.config()
	c["api_poll_frequency_seconds"] = 3600
	p := start(t, c, environments...)
	for _, e := range environments {
		flags(t, p, e, 1)
		for _, r := range []struct{ method, path, body, key string }{
			{http.MethodPost, "/api/v1/identities/", `{"identifier":"me"}`, e},
			{http.MethodGet, "/api/v1/environment-document/", "", serverKey(e)},
		} {
			if status, body := ask(t, r.method, p.URL+r.path, r.body, r.key); status != http.StatusOK {
				t.Fatalf("%s: %d %s", r.path, status, body)
			}
		}
	}
	stop(t, p)
	if got := w.usage(t); len(got) != rows {
		t.Errorf("%d rows are reported", len(got))
	}
	for _, r := range w.requests(t, fakeflagsmith.ProxyUsage) {
		var list []fakeflagsmith.UsageRow
		if err := json.Unmarshal([]byte(r.Body), &list); err != nil || len(list) > 1000 || r.Status != 200 {
			t.Errorf("%d rows, answered %d, %v", len(list), r.Status, err)
		}
	}
}

func TestRefusedUsageIsDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	c := w.config()
	c["usage_flush_interval_seconds"] = 0.1
	w.fail(t, fakeflagsmith.ProxyUsage, fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 400, Times: 1})
	p := start(t, c, "one")
	flags(t, p, "one", 1)
	if dropped := p.WaitEvent(t, patience, "usage_dropped"); dropped.Text("level") != "error" {
		t.Errorf("logged %v", dropped)
	}
	flags(t, p, "one", 2)
	stop(t, p)
	if got := w.usage(t)["one flags"]; got != 2 {
		t.Errorf("%d reported, want 2", got)
	}
}

// TestKilled ends the proxy with SIGKILL again and again while upstream takes
// nothing, then everything.
func TestKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	path := filepath.Join(t.TempDir(), "documents.db")
	c := w.config()
	c["store"] = map[string]any{"url": "bolt://" + path}
	c["usage_flush_interval_seconds"] = 0.2
	var served, spooled int64
	for round := range 3 {
		// Upstream takes every report, and says that it did not.
		w.fail(t, fakeflagsmith.ProxyUsage, fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 503, TakesEffect: round == 1})
		p := start(t, c, "one")
		flags(t, p, "one", 20)
		served += 20
		// While a report waits, what was served is saved every interval, which is
		// how long retries are apart at most.
		tries, changed := w.tries(t), w.more(t, fakeflagsmith.ProxyUsage)
		wait.Until(t, patience, "the counts to be saved", func() bool { return changed() && w.tries(t) >= tries+5 })
		spooled = served
		flags(t, p, "one", 5)
		served += 5
		p.Kill(t)
	}
	w.fail(t, fakeflagsmith.ProxyUsage)
	last := start(t, c, "one")
	wait.Until(t, patience, "what was spooled", func() bool { return w.usage(t)["one flags"] >= spooled-10 })
	stop(t, last)
	if got := w.usage(t)["one flags"]; got > served || got < served-3*5 {
		t.Errorf("%d reported of %d served", got, served)
	}
	if content, err := os.ReadFile(path); err != nil || bytes.Contains(content, []byte(serverKey("one"))) || bytes.Contains(content, []byte(proxyKey)) {
		t.Errorf("a secret is in the store, %v", err)
	}
	reported := w.usage(t)["one flags"]
	stop(t, start(t, c, "one")) // nothing comes again
	if got := w.usage(t)["one flags"]; got != reported {
		t.Errorf("%d reported after another restart, %d before", got, reported)
	}
}

// tries returns how often the report was sent that was sent most often.
func (w world) tries(t *testing.T) (most int) {
	t.Helper()
	tries := map[string]int{}
	for _, r := range w.requests(t, fakeflagsmith.ProxyUsage) {
		key := r.Header.Get("Idempotency-Key")
		tries[key]++
		most = max(most, tries[key])
	}
	return most
}

// TestStoppedWhileUpstreamIsAway sees that what could not be reported is reported
// after a restart, all of it.
func TestStoppedWhileUpstreamIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	c := w.config()
	c["store"] = map[string]any{"url": "bolt://" + filepath.Join(t.TempDir(), "documents.db")}
	w.fail(t, fakeflagsmith.ProxyUsage, fakeflagsmith.Failure{Kind: fakeflagsmith.FailReset})
	p := start(t, c, "one")
	flags(t, p, "one", 11)
	stop(t, p)
	if !strings.Contains(p.Output(), "usage_not_reported") {
		t.Error("nothing was said of it")
	}
	w.fail(t, fakeflagsmith.ProxyUsage)
	p = start(t, c, "one")
	wait.Until(t, patience, "the report", func() bool { return w.usage(t)["one flags"] == 11 })
	flags(t, p, "one", 1)
	stop(t, p)
	if got := w.usage(t)["one flags"]; got != 12 {
		t.Errorf("%d reported, want 12", got)
	}
}

func TestEachNodeReportsItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	a, b := start(t, w.config(), "one"), start(t, w.config(), "one")
	flags(t, a, "one", 3)
	flags(t, b, "one", 4)
	stop(t, a)
	stop(t, b)
	if got := w.usage(t)["one flags"]; got != 7 {
		t.Errorf("%d reported, want 7", got)
	}
	if n := len(w.requests(t, fakeflagsmith.ProxyUsage)); n != 2 {
		t.Errorf("%d reports, want one of each node", n)
	}
}
