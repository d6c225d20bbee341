package resilience_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// A good document is served, then upstream fails in one of these ways for some
// polls, then it is well again and has a new document. The first is served all
// along and the next poll brings the new one. The same from the start,
// before the first document.
func TestUpstreamFailures(t *testing.T) {
	one := func(f fakeflagsmith.Failure) func(*testing.T, *world) {
		return func(t *testing.T, w *world) { w.fail(t, f) }
	}
	status := func(code int) func(*testing.T, *world) {
		return one(fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: code})
	}
	body := func(text string) func(*testing.T, *world) {
		return one(fakeflagsmith.Failure{Kind: fakeflagsmith.FailBody, Body: text})
	}
	const unusable = "api_url does not lead to a Flagsmith API"
	for _, c := range []struct {
		name   string
		fails  func(*testing.T, *world)
		status float64 // as logged, 0 for none
		cause  string  // part of what is logged
	}{
		{"401", status(401), 401, "not accepted"},
		{"403", status(403), 403, "server-side key is wrong"},
		{"404", status(404), 404, "not the address of a Flagsmith API"},
		{"429", one(fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 429, RetryAfter: "1"}), 429, "asks to wait 1 s"},
		{"500", status(500), 500, "the API has failed"},
		{"502", status(502), 502, "not available at the moment"},
		{"a redirect without end", one(fakeflagsmith.Failure{Kind: fakeflagsmith.FailRedirect, Hops: -1}), 0, "check api_url"},
		{"a redirect to another host", redirectElsewhere, 401, "where keys are not sent"},
		{"no headers in time", one(fakeflagsmith.Failure{Kind: fakeflagsmith.FailHang}), 0, "slow"},
		{"a body that comes too slowly", one(fakeflagsmith.Failure{Kind: fakeflagsmith.FailDrip, Chunk: 1, Interval: 10 * time.Millisecond}), 0, "slow"},
		{"a body that is cut off", one(fakeflagsmith.Failure{Kind: fakeflagsmith.FailTruncatedBody}), 200, "cut off"},
		{"gzip that is cut off", one(fakeflagsmith.Failure{Kind: fakeflagsmith.FailTruncatedGzip}), 200, "cut off"},
		{"a connection that is reset", one(fakeflagsmith.Failure{Kind: fakeflagsmith.FailReset}), 0, "closed before there was an answer"},
		{"an empty list", body("[]"), 200, unusable},
		{"null", body("null"), 200, unusable},
		{"a number", body("17"), 200, unusable},
		{"nothing", body(""), 200, "check api_url"},
		{"HTML", one(fakeflagsmith.Failure{Kind: fakeflagsmith.FailBody, Body: "<html>Sign in</html>", ContentType: "text/html"}), 200, "login"},
		{"a document that shrank to nothing usable", body(`{"api_key":"` + clientKey + `","name":"Test"}`), 200, unusable},
		{"JSON with something behind it", body(string(document(time.Now(), "never", 0)) + "x"), 200, unusable},
		{"a page chain that breaks on page 3", breakingChain, 500, "the API has failed"},
		{"a link to another host", linkElsewhere, 200, "configured host only"},
		{"pages in a circle", one(fakeflagsmith.Failure{Kind: fakeflagsmith.FailLink, Location: "/api/v1/environment-document/"}), 0, ""},
		{"a document that is too large", one(fakeflagsmith.Failure{Kind: fakeflagsmith.FailBody, Body: string(document(time.Now(), "never", maxDocument))}), 200, "raise max_document_bytes"},
	} {
		for _, held := range []bool{true, false} {
			name, serving := c.name+"/at the start", ""
			if held {
				name, serving = c.name+"/with a held document", "first"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.startUpstream(t)
				if held {
					w.put(t, 0, "first")
					w.startApp(t)
					wait.Until(t, patience, "the first document is served", func() bool { return w.flag() == "first" && w.state() == domain.Fresh })
				}
				c.fails(t, w)
				// Something new, which arrives if the failure is taken for an answer.
				w.put(t, time.Hour, "never")
				if !held {
					w.startApp(t)
				}
				before := len(w.log.named(t, "error_fetching_document"))
				w.waitFor(t, "three failed polls", func() bool { return len(w.log.named(t, "error_fetching_document")) >= before+3 }, serving)
				if held {
					w.waitFor(t, "staleness", func() bool { return w.state() == domain.Stale }, serving)
				} else if got := w.state(); got != domain.Missing {
					t.Errorf("state %d without a document", got)
				}
				checkError(t, w, c.status, c.cause)
				recovers(t, w, serving)
			})
		}
	}
}

// checkError looks at the last failure that was logged as an error. Most of an outage's
// failures are at DEBUG.
func checkError(t *testing.T, w *world, status float64, cause string) {
	t.Helper()
	logged := slices.DeleteFunc(w.log.named(t, "error_fetching_document"), func(line map[string]any) bool { return line["level"] != "ERROR" })
	last := logged[len(logged)-1]
	if last["level"] != "ERROR" || last["client_side_key"] != clientKey {
		t.Errorf("logged %v", last)
	}
	if got, _ := last["status"].(float64); got != status {
		t.Errorf("status %v, want %v: %v", got, status, last)
	}
	if got, _ := last["cause"].(string); !strings.Contains(got, cause) {
		t.Errorf("cause %q, want %q in it", got, cause)
	}
	if text, _ := last["error"].(string); text == "" {
		t.Errorf("no error in %v", last)
	}
}

// recovers makes upstream well again, with a new document, which the next poll
// must bring.
func recovers(t *testing.T, w *world, serving string) {
	t.Helper()
	w.put(t, 2*time.Hour, "new")
	well := len(w.fake.Requests(fakeflagsmith.DocumentOf(clientKey)))
	w.fail(t)
	w.waitFor(t, "the new document", func() bool { return w.flag() == "new" }, serving, "new")
	answered := 0
	for _, r := range w.fake.Requests(fakeflagsmith.DocumentOf(clientKey))[well:] {
		if r.Status == http.StatusOK && !strings.Contains(r.URI, "page_id") {
			answered++
		}
	}
	if answered > 2 { // one more may be under way by now
		t.Errorf("upstream sent whole documents %d times before the new document was served", answered)
	}
	w.waitFor(t, "freshness", func() bool { return w.state() == domain.Fresh }, "new")
}

// elsewhere is another host: the same machine under another name.
func elsewhere(t *testing.T) (address string, requests *atomic.Int64, sawKey *atomic.Bool) {
	t.Helper()
	requests, sawKey = &atomic.Int64{}, &atomic.Bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		for _, values := range r.Header {
			for _, value := range values {
				if strings.Contains(value, serverKey) {
					sawKey.Store(true)
				}
			}
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1), requests, sawKey
}

func redirectElsewhere(t *testing.T, w *world) {
	address, requests, sawKey := elsewhere(t)
	w.fail(t, fakeflagsmith.Failure{Kind: fakeflagsmith.FailRedirect, Status: 307, Location: address + "/api/v1/environment-document/"})
	t.Cleanup(func() {
		if requests.Load() == 0 || sawKey.Load() {
			t.Errorf("the other host got %d requests, with the key: %t", requests.Load(), sawKey.Load())
		}
	})
}

func linkElsewhere(t *testing.T, w *world) {
	address, requests, _ := elsewhere(t)
	w.fail(t, fakeflagsmith.Failure{Kind: fakeflagsmith.FailLink, Location: address + "/api/v1/environment-document/?page_id=2"})
	t.Cleanup(func() {
		if n := requests.Load(); n != 0 {
			t.Errorf("the other host got %d requests", n)
		}
	})
}

func breakingChain(t *testing.T, w *world) {
	w.pageSize = 2 // of six overrides
	w.fail(t, fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 500, Page: 3})
}

func TestUpstreamDownAtTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startApp(t)
	w.waitFor(t, "three failed polls", func() bool { return len(w.log.named(t, "error_fetching_document")) >= 3 }, "")
	if got := w.state(); got != domain.Missing {
		t.Errorf("state %d", got)
	}
	checkError(t, w, 0, "nothing listens there")
	w.startUpstream(t)
	recovers(t, w, "")
}

func TestUpstreamAwayForAWhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(t, 0, "first")
	server := httptest.NewUnstartedServer(w.fake)
	server.Listener = listen(t, w.address)
	server.Start()
	w.startApp(t)
	wait.Until(t, patience, "the first document is served", func() bool { return w.flag() == "first" })
	server.Close()
	w.waitFor(t, "staleness", func() bool { return w.state() == domain.Stale }, "first")
	w.startUpstream(t)
	recovers(t, w, "first")
}

func TestNotModifiedWithoutADocument(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startUpstream(t)
	w.put(t, 0, "never")
	w.fail(t, fakeflagsmith.Failure{Kind: fakeflagsmith.FailNotModified})
	w.startApp(t)
	w.waitFor(t, "three failed polls", func() bool { return len(w.log.named(t, "error_fetching_document")) >= 3 }, "")
	if got := w.state(); got != domain.Missing {
		t.Errorf("state %d: a 304 without a document must not confirm anything", got)
	}
	checkError(t, w, 304, "")
	for _, r := range w.fake.Requests(fakeflagsmith.DocumentOf(clientKey)) {
		if r.Header.Get("If-Modified-Since") != "" {
			t.Fatal("a request without a held document is conditional")
		}
	}
	recovers(t, w, "")
}

func TestRedirectsThatEndWell(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startUpstream(t)
	w.put(t, 0, "first")
	w.fail(t, fakeflagsmith.Failure{Kind: fakeflagsmith.FailRedirect, Hops: 5})
	w.startApp(t)
	w.waitFor(t, "the first document", func() bool { return w.flag() == "first" && w.state() == domain.Fresh }, "", "first")
	recovers(t, w, "first")
}

func TestAllPagesOrNone(t *testing.T) {
	t.Parallel()
	for _, links := range []fakeflagsmith.LinkForm{fakeflagsmith.LinkAbsolute, fakeflagsmith.LinkRelative, fakeflagsmith.LinkPlain} {
		t.Run(string(links), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.startUpstream(t)
			whole := document(w.base, "first", 0)
			w.pageSize, w.links = 2, links
			w.put(t, 0, "first")
			w.startApp(t)
			wait.Until(t, patience, "the document is served", func() bool { return w.flag() == "first" })
			if got := w.Snapshot().Environment(clientKey).Body; string(got) != string(whole) {
				t.Errorf("got  %s\nwant %s", got, whole)
			}
		})
	}
}

func TestAnOlderDocument(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T, times int) *world {
		w := newWorld(t)
		w.startUpstream(t)
		w.put(t, 0, "first")
		w.startApp(t)
		wait.Until(t, patience, "the first document is served", func() bool { return w.flag() == "first" })
		w.fail(t, fakeflagsmith.Failure{Kind: fakeflagsmith.FailBody, Times: times, Body: string(document(w.base.Add(-time.Hour), "older", 0))})
		return w
	}
	t.Run("once", func(t *testing.T) {
		t.Parallel()
		w := begin(t, 1)
		w.waitFor(t, "it is refused", func() bool { return len(w.log.named(t, "older_document_refused")) > 0 }, "first")
		recovers(t, w, "first")
		if logged := w.log.named(t, "environment_went_back"); len(logged) != 0 {
			t.Errorf("logged %v", logged)
		}
	})
	t.Run("three times", func(t *testing.T) {
		t.Parallel()
		w := begin(t, 0)
		w.waitFor(t, "it is taken", func() bool { return w.flag() == "older" }, "first", "older")
		if refused := len(w.log.named(t, "older_document_refused")); refused < 2 {
			t.Errorf("it was taken after %d refusals", refused)
		}
		logged := w.log.named(t, "environment_went_back")
		if len(logged) != 1 || logged[0]["level"] != "WARN" || logged[0]["client_side_key"] != clientKey {
			t.Errorf("logged %v", logged)
		}
		recovers(t, w, "older")
	})
}

func TestTwoChangesWithinOneSecond(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startUpstream(t)
	w.put(t, 0, "first")
	w.startApp(t)
	wait.Until(t, patience, "the first document is served", func() bool { return w.flag() == "first" })
	w.put(t, time.Minute+100*time.Millisecond, "second")
	wait.Until(t, patience, "the second document is served", func() bool { return w.flag() == "second" })
	w.put(t, time.Minute+200*time.Millisecond, "third") // the same Last-Modified
	w.waitFor(t, "the third document", func() bool { return w.flag() == "third" }, "second", "third")
}

func TestAClockThatJumps(t *testing.T) {
	t.Parallel()
	for _, jump := range []time.Duration{5 * time.Hour, -5 * time.Hour} {
		t.Run(jump.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.startUpstream(t)
			w.put(t, 0, "first")
			w.startApp(t)
			wait.Until(t, patience, "the first document is served", func() bool { return w.flag() == "first" })
			w.offset.Store(int64(jump))
			recovers(t, w, "first")
			w.offset.Store(0)
			w.put(t, 3*time.Hour, "after")
			w.waitFor(t, "the document after the clock was set right", func() bool { return w.flag() == "after" && w.state() == domain.Fresh }, "new", "after")
			w.fail(t, fakeflagsmith.Failure{Kind: fakeflagsmith.FailReset})
			w.waitFor(t, "staleness", func() bool { return w.state() == domain.Stale }, "after")
		})
	}
}
