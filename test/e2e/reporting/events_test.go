package reporting_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

const eventsPath = "/v1/events"

// eventsConfig is that of a proxy which forwards events to w every interval.
func (w world) eventsConfig(interval float64) map[string]any {
	c := w.config()
	c["events"] = map[string]any{"url": w.URL, "flush_interval_seconds": interval}
	return c
}

// named returns events with the given names, as an SDK writes them or nearly so.
func named(names ...string) []string {
	events := make([]string, len(names))
	for i, name := range names {
		events[i] = fmt.Sprintf(`{"event":%q, "timestamp":%d,"metadata":{"n":1.50,"<é>":"\u00e9"}}`, name, time.Now().UnixMilli())
	}
	return events
}

// numbered returns n names.
func numbered(prefix string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint(prefix, "-", i)
	}
	return names
}

// post sends events to the proxy with a key, and returns the status.
func post(t *testing.T, p *harness.Proxy, key string, events []string, change ...func(*http.Request)) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+eventsPath, strings.NewReader(`{"events":[`+strings.Join(events, ",")+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Environment-Key", key)
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("Flagsmith-SDK-User-Agent", "flagsmith-python-sdk/6.3.0")
	for _, f := range change {
		f(request)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// accepted posts events, which have to be accepted.
func accepted(t *testing.T, p *harness.Proxy, names ...string) {
	t.Helper()
	if status := post(t, p, "one", named(names...)); status != http.StatusAccepted {
		t.Fatalf("events are answered %d", status)
	}
}

// taken returns how often upstream has answered that it has taken each event, by name.
func (w world) taken(t *testing.T) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, r := range w.requests(t, fakeflagsmith.Events) {
		if r.Status != http.StatusAccepted {
			continue
		}
		var body struct{ Events []struct{ Event string } }
		if err := json.Unmarshal([]byte(r.Body), &body); err != nil {
			t.Fatalf("%s: %v", r.Body, err)
		}
		for _, e := range body.Events {
			counts[e.Event]++
		}
	}
	return counts
}

// tried reports whether upstream has seen an event, whatever it answered. The proxy
// stores events before it sends them.
func (w world) tried(t *testing.T, name string) bool {
	t.Helper()
	return slices.ContainsFunc(w.requests(t, fakeflagsmith.Events), func(r fakeflagsmith.Request) bool {
		return strings.Contains(r.Body, `"event":"`+name+`"`)
	})
}

// takesEach waits until upstream has taken all of the events, and fails the test when
// it took one twice, or others.
func (w world) takesEach(t *testing.T, names ...string) {
	t.Helper()
	var got map[string]int
	changed := w.more(t, fakeflagsmith.Events)
	wait.Until(t, patience, "all events", func() bool {
		if !changed() {
			return false
		}
		got = w.taken(t)
		return !slices.ContainsFunc(names, func(name string) bool { return got[name] == 0 })
	})
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	for name, n := range got {
		if n != 1 || !wanted[name] {
			t.Errorf("event %s was taken %d times", name, n)
		}
	}
}

func TestEventsReachAnUpstreamThatFailsAtFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "two")
	p := start(t, w.eventsConfig(0.3), "one", "two")
	w.fail(t, fakeflagsmith.Events,
		fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 503, RetryAfter: "1", Times: 2},
		fakeflagsmith.Failure{Kind: fakeflagsmith.FailReset, Times: 1},
		fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 429, Times: 1})
	accepted(t, p, "a", "b")
	if status := post(t, p, serverKey("one"), named("c")); status != http.StatusAccepted {
		t.Errorf("with a server-side key: %d", status)
	}
	compressed := func(r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(text)
		_ = z.Close()
		r.Header.Set("Content-Encoding", "gzip")
		r.Body, r.ContentLength = io.NopCloser(&b), int64(b.Len())
	}
	if status := post(t, p, "two", named("d"), compressed); status != http.StatusAccepted {
		t.Errorf("compressed: %d", status)
	}
	w.takesEach(t, "a", "b", "c", "d")
	stop(t, p)
	w.takesEach(t, "a", "b", "c", "d")
	keys := map[string]string{}
	for _, r := range w.requests(t, fakeflagsmith.Events) {
		keys[r.Header.Get("X-Environment-Key")] += r.Body
		if r.URI != eventsPath || r.Header.Get("Flagsmith-SDK-User-Agent") != "flagsmith-python-sdk/6.3.0" || !strings.Contains(r.Body, `"metadata":{"n":1.50,"<é>":"\u00e9"}}`) {
			t.Errorf("%s as %v: %s", r.URI, r.Header, r.Body)
		}
	}
	for key, name := range map[string]string{"one": "a", serverKey("one"): "c", "two": "d"} {
		if !strings.Contains(keys[key], `"event":"`+name+`"`) {
			t.Errorf("event %s did not come with its key", name)
		}
	}
}

func TestEventsOfARestartWithBbolt(t *testing.T) {
	t.Parallel()
	for name, kill := range map[string]bool{"killed": true, "stopped": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "one")
			c := w.eventsConfig(0.2)
			c["store"] = map[string]any{"url": "bolt://" + filepath.Join(t.TempDir(), "documents.db")}
			p := start(t, c, "one")
			accepted(t, p, "taken")
			w.takesEach(t, "taken")
			w.fail(t, fakeflagsmith.Events, fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 503})
			waiting := numbered("waiting", 2500)
			for part := range slices.Chunk(waiting, 500) {
				accepted(t, p, part...)
			}
			if status := post(t, p, serverKey("one"), named("secret")); status != http.StatusAccepted {
				t.Fatal(status)
			}
			changed := w.more(t, fakeflagsmith.Events)
			wait.Until(t, patience, "what waits is stored", func() bool {
				return changed() && w.tried(t, waiting[len(waiting)-1]) && w.tried(t, "secret")
			})
			if kill {
				p.Kill(t)
			} else {
				stop(t, p)
			}
			w.fail(t, fakeflagsmith.Events)
			next := start(t, c, "one")
			w.takesEach(t, append([]string{"taken", "secret"}, waiting...)...)
			stop(t, next)
			w.takesEach(t, append([]string{"taken", "secret"}, waiting...)...)
			if strings.Contains(p.Output()+next.Output(), serverKey("one")) {
				t.Error("a server-side key is in the log")
			}
		})
	}
}

func TestOnePoisonedEventDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	p := start(t, w.eventsConfig(0.2), "one")
	good := numbered("good", 300)
	accepted(t, p, slices.Concat(good[:123], []string{fakeflagsmith.PoisonedEvent}, good[123:])...)
	w.takesEach(t, good...)
	wait.Until(t, patience, "the loss is logged", func() bool {
		return slices.ContainsFunc(p.Events(), func(e harness.Event) bool { return e.Named("events_dropped") && e["events"] == 1.0 })
	})
	accepted(t, p, "later")
	w.takesEach(t, append(good, "later")...)
	stop(t, p)
}

func TestAnEndlessSupplyOfEvents(t *testing.T) {
	t.Parallel()
	const size = 1000 // of an event, at least
	large := func(names []string) []string {
		events := named(names...)
		for i, e := range events {
			events[i] = strings.TrimSuffix(e, "}}") + `,"text":"` + strings.Repeat("x", size) + `"}}`
		}
		return events
	}
	w := newWorld(t, "one")
	c := w.eventsConfig(0.2)
	c["events"].(map[string]any)["max_queue_bytes"] = 1 << 20
	p := start(t, c, "one")
	w.fail(t, fakeflagsmith.Events, fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 503})
	var taken []string
	turnedAway := 0
	for n := range 100 {
		names := numbered(fmt.Sprint("batch-", n), 30)
		switch status := post(t, p, "one", large(names)); status {
		case http.StatusAccepted:
			taken = append(taken, names...)
		case http.StatusServiceUnavailable:
			turnedAway += len(names)
		default:
			t.Fatalf("answered %d", status)
		}
	}
	if len(taken) == 0 || len(taken) > 1<<20/size {
		t.Errorf("%d events of 3000 fit into a mebibyte", len(taken))
	}
	wait.Until(t, patience, "the number of those turned away", func() bool {
		logged := 0.0
		for _, e := range p.Events() {
			if n, ok := e["events"].(float64); ok && e.Named("events_turned_away") {
				logged += n
			}
		}
		return int(logged) == turnedAway
	})
	w.fail(t, fakeflagsmith.Events)
	w.takesEach(t, taken...)
	accepted(t, p, "last")
	w.takesEach(t, append(taken, "last")...)
	stop(t, p)
}

func TestTheLastEventsAreSentAtShutdown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	p := start(t, w.eventsConfig(3600), "one")
	accepted(t, p, "a", "b")
	stop(t, p)
	w.takesEach(t, "a", "b")
}

func TestEventsSwitchedOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	c := w.config()
	c["events"] = map[string]any{"url": ""}
	p := start(t, c, "one")
	for _, path := range []string{"/v1/events", "/v1/events/", "/api/v1/events", "/api/v1/events/"} {
		if status, body := ask(t, http.MethodPost, p.URL+path, `{"events":[]}`, "one"); status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}
