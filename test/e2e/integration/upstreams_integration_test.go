//go:build integration

package integration_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/origin"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// upstream is a kind of Flagsmith API.
type upstream struct {
	name string
	// pageSize is how many identity overrides are on a page; 0: there are no pages.
	pageSize int
	// conditional: what did not change is answered 304, else the whole document.
	conditional bool
	// atFirst is how the first requests fail, onChange those after each change.
	atFirst, onChange []fakeflagsmith.Failure
}

func upstreams() []upstream {
	once := func(kind fakeflagsmith.FailureKind) fakeflagsmith.Failure {
		return fakeflagsmith.Failure{Kind: kind, Times: 1, Status: http.StatusServiceUnavailable}
	}
	return []upstream{
		{name: "plain"},
		{name: "paged", pageSize: 2},
		{name: "conditional", conditional: true},
		{
			name: "failing", conditional: true,
			atFirst: []fakeflagsmith.Failure{
				once(fakeflagsmith.FailStatus),
				once(fakeflagsmith.FailReset),
				once(fakeflagsmith.FailTruncatedBody),
				once(fakeflagsmith.FailNotModified),
				{Kind: fakeflagsmith.FailBody, Times: 1, Body: "<html>Sign in</html>", ContentType: "text/html"},
				once(fakeflagsmith.FailHang),
			},
			onChange: []fakeflagsmith.Failure{
				once(fakeflagsmith.FailTruncatedGzip),
				{Kind: fakeflagsmith.FailBody, Times: 1, Body: `{"api_key":`},
				once(fakeflagsmith.FailStatus),
			},
		},
	}
}

// api is an upstream that runs.
type api struct {
	*origin.Origin
	kind upstream
}

func (u upstream) start(t *testing.T) *api {
	t.Helper()
	a := &api{Origin: origin.Start(t), kind: u}
	if !u.conditional {
		a.Before(func(r *http.Request) { r.Header.Del("If-Modified-Since") })
	}
	a.fail(t, u.atFirst)
	return a
}

func (a *api) fail(t *testing.T, failures []fakeflagsmith.Failure) {
	t.Helper()
	if err := a.Fail(fakeflagsmith.EveryDocument, failures...); err != nil {
		t.Fatal(err)
	}
}

// serve makes the API serve a revision from now on.
func (a *api) serve(t *testing.T, r revision) {
	t.Helper()
	err := a.PutEnvironment(fakeflagsmith.Environment{
		ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: r.document(), PageSize: a.kind.pageSize,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// change makes the API serve a revision once it has failed as its kind does.
func (a *api) change(t *testing.T, r revision) {
	t.Helper()
	a.fail(t, a.kind.onChange)
	a.serve(t, r)
}

// polls returns the requests for the document so far, of pages the first.
func (a *api) polls() []fakeflagsmith.Request {
	var polls []fakeflagsmith.Request
	for _, r := range a.Requests(fakeflagsmith.DocumentOf(clientKey)) {
		if !strings.Contains(r.URI, "page_id=") {
			polls = append(polls, r)
		}
	}
	return polls
}

// awaitPolls waits until n more polls began. A proxy polls again only when it is
// done with the answer before, storing it included.
func (a *api) awaitPolls(t *testing.T, n int) {
	t.Helper()
	before := len(a.polls())
	wait.Until(t, patience, "polls go on", func() bool { return len(a.polls()) >= before+n })
}

// checkPolls judges how the proxy asked so far.
func (a *api) checkPolls(t *testing.T) {
	t.Helper()
	pages, unmodified := 0, 0
	for _, r := range a.Requests(fakeflagsmith.DocumentOf(clientKey)) {
		if strings.Contains(r.URI, "page_id=") {
			pages++
		}
		if r.Status == http.StatusNotModified && r.Header.Get("If-Modified-Since") != "" {
			unmodified++
		}
	}
	if paged := a.kind.pageSize > 0; paged != (pages > 0) {
		t.Errorf("%d requests for further pages", pages)
	}
	if a.kind.conditional != (unmodified > 0) {
		t.Errorf("%d conditional requests were answered 304", unmodified)
	}
}

// checkFirstPoll checks the first poll, after the first since ones, of a proxy that
// started with a document.
func (a *api) checkFirstPoll(t *testing.T, since int, held revision) {
	t.Helper()
	if !a.kind.conditional {
		return
	}
	wait.Until(t, patience, "a first poll", func() bool { return len(a.polls()) > since })
	want := held.updatedAt().Format(http.TimeFormat)
	if got := a.polls()[since].Header.Get("If-Modified-Since"); got != want {
		t.Errorf("the first poll after the start is conditional on %q, want %q", got, want)
	}
}

// base is when the first revisions of the test's environments were made.
func base() time.Time { return time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC) }
