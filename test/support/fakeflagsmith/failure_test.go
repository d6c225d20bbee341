package fakeflagsmith_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

func (f *fixture) script(t *testing.T, target fakeflagsmith.Target, steps ...fakeflagsmith.Failure) {
	t.Helper()
	if err := f.Fail(target, steps...); err != nil {
		t.Fatal(err)
	}
}

func TestScriptRunsStepByStep(t *testing.T) {
	f := startWithDocument(t)
	f.script(t, fakeflagsmith.DocumentOf(clientKey),
		fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 503, Times: 2, RetryAfter: "7"},
		fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 429, Times: 1},
		fakeflagsmith.Failure{Kind: fakeflagsmith.FailNotModified, Times: 1},
	)
	for i, want := range []int{503, 503, 429, 304, 200, 200} {
		response, _ := must(t)(f.fetch(t))
		if response.StatusCode != want {
			t.Errorf("request %d: got %d, want %d", i, response.StatusCode, want)
		}
		if got := response.Header.Get("Retry-After"); (got == "7") != (want == 503) {
			t.Errorf("request %d: Retry-After %q", i, got)
		}
	}
}

func TestStepWithoutTimesLastsUntilReplaced(t *testing.T) {
	f := startWithDocument(t)
	f.script(t, fakeflagsmith.DocumentOf(clientKey), fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 500})
	for range 5 {
		if response, _ := must(t)(f.fetch(t)); response.StatusCode != 500 {
			t.Fatalf("got %d", response.StatusCode)
		}
	}
	f.script(t, fakeflagsmith.DocumentOf(clientKey))
	if response, _ := must(t)(f.fetch(t)); response.StatusCode != 200 {
		t.Errorf("after the script was taken away: %d", response.StatusCode)
	}
}

func TestEveryDocumentIsTheScriptOfLastResort(t *testing.T) {
	f := startWithDocument(t)
	f.script(t, fakeflagsmith.EveryDocument, fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 502})
	f.script(t, fakeflagsmith.DocumentOf(clientKey), fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 404, Times: 1})
	for i, want := range []int{404, 502, 502} {
		if response, _ := must(t)(f.fetch(t)); response.StatusCode != want {
			t.Errorf("request %d: got %d, want %d", i, response.StatusCode, want)
		}
	}
}

func TestPageThatBreaks(t *testing.T) {
	f := startWithDocument(t, func(e *fakeflagsmith.Environment) { e.PageSize = 1 })
	f.script(t, fakeflagsmith.DocumentOf(clientKey), fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 500, Page: 3})
	at := documentPath
	for page, want := range []int{200, 200, 500} {
		response, _ := must(t)(f.do(t, http.MethodGet, at, "", "X-Environment-Key", serverKey))
		if response.StatusCode != want {
			t.Fatalf("page %d: got %d, want %d", page+1, response.StatusCode, want)
		}
		if want == 200 {
			at = nextLink(t, response)
		}
	}
}

func TestWrongBodies(t *testing.T) {
	f := startWithDocument(t)
	for _, tt := range []struct{ body, contentType, want string }{
		{"[]", "", "application/json"},
		{"null", "", "application/json"},
		{"<html>", "text/html", "text/html"},
		{"", "", "application/json"},
	} {
		f.script(t, fakeflagsmith.DocumentOf(clientKey), fakeflagsmith.Failure{Kind: fakeflagsmith.FailBody, Body: tt.body, ContentType: tt.contentType, Times: 1})
		response, body := must(t)(f.fetch(t))
		if response.StatusCode != 200 || body != tt.body || response.Header.Get("Content-Type") != tt.want {
			t.Errorf("got %d %q as %q, want %q as %q", response.StatusCode, body, response.Header.Get("Content-Type"), tt.body, tt.want)
		}
	}
}

func TestTruncation(t *testing.T) {
	f := startWithDocument(t)
	f.script(t, fakeflagsmith.DocumentOf(clientKey),
		fakeflagsmith.Failure{Kind: fakeflagsmith.FailTruncatedBody, Times: 1},
		fakeflagsmith.Failure{Kind: fakeflagsmith.FailTruncatedGzip, Times: 1},
	)
	response, body, err := f.fetch(t)
	if !errors.Is(err, io.ErrUnexpectedEOF) || response.StatusCode != 200 || len(body) == 0 || len(body) >= len(document) {
		t.Errorf("truncated body: %d bytes, %v", len(body), err)
	}
	_, body = must(t)(f.fetch(t, "Accept-Encoding", "gzip"))
	if text, err := gunzip(body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("truncated gzip: %q, %v", text, err)
	}
}

func TestHang(t *testing.T) {
	f := startWithDocument(t)
	f.script(t, fakeflagsmith.DocumentOf(clientKey), fakeflagsmith.Failure{Kind: fakeflagsmith.FailHang})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := f.doWithin(ctx, t, http.MethodGet, documentPath, "", "X-Environment-Key", serverKey); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	wait.Until(t, patience, "the request is counted as one without a status", func() bool {
		c := f.Counters()[fakeflagsmith.DocumentOf(clientKey)]
		return c.Statuses[0] == 1 && c.InFlight == 0
	})
}

func TestResetEndsHangs(t *testing.T) {
	f := startWithDocument(t)
	f.script(t, fakeflagsmith.DocumentOf(clientKey), fakeflagsmith.Failure{Kind: fakeflagsmith.FailHang})
	failed := make(chan error, 1)
	go func() {
		_, _, err := f.fetch(t)
		failed <- err
	}()
	wait.Until(t, patience, "the request arrived", func() bool { return f.Counters()[fakeflagsmith.DocumentOf(clientKey)].InFlight == 1 })
	f.Reset()
	if err := <-failed; err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if len(f.Counters()) != 0 {
		t.Errorf("after a reset: %v", f.Counters())
	}
}

func TestDrip(t *testing.T) {
	f := startWithDocument(t)
	const interval = 5 * time.Millisecond
	f.script(t, fakeflagsmith.DocumentOf(clientKey), fakeflagsmith.Failure{Kind: fakeflagsmith.FailDrip, Chunk: 20, Interval: interval})
	began := time.Now()
	response, body := must(t)(f.fetch(t))
	if response.StatusCode != 200 || body != document {
		t.Errorf("got %d %q", response.StatusCode, body)
	}
	if took := time.Since(began); took < time.Duration(len(document)/20)*interval {
		t.Errorf("dripped within %s", took)
	}
}

func TestReset(t *testing.T) {
	f := startWithDocument(t)
	f.script(t, fakeflagsmith.DocumentOf(clientKey), fakeflagsmith.Failure{Kind: fakeflagsmith.FailReset})
	if _, _, err := f.fetch(t); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}

func TestRedirects(t *testing.T) {
	t.Run("chain", func(t *testing.T) {
		f := startWithDocument(t)
		f.script(t, fakeflagsmith.DocumentOf(clientKey), fakeflagsmith.Failure{Kind: fakeflagsmith.FailRedirect, Status: 307, Hops: 3, Times: 1})
		at, hops := documentPath, 0
		for {
			response, body := must(t)(f.do(t, http.MethodGet, at, "", "X-Environment-Key", serverKey))
			if response.StatusCode == http.StatusOK {
				if body != document {
					t.Errorf("at the end of the chain: %q", body)
				}
				break
			}
			if response.StatusCode/100 != 3 || hops > 3 {
				t.Fatalf("hop %d: %d", hops, response.StatusCode)
			}
			hops++
			at = response.Header.Get("Location")
		}
		if hops != 3 {
			t.Errorf("%d hops", hops)
		}
	})
	t.Run("endless", func(t *testing.T) {
		f := startWithDocument(t)
		f.script(t, fakeflagsmith.DocumentOf(clientKey), fakeflagsmith.Failure{Kind: fakeflagsmith.FailRedirect, Hops: -1, Times: 1})
		at := documentPath
		for range 50 {
			response, _ := must(t)(f.do(t, http.MethodGet, at, "", "X-Environment-Key", serverKey))
			if response.StatusCode != http.StatusFound {
				t.Fatalf("got %d", response.StatusCode)
			}
			at = response.Header.Get("Location")
		}
	})
	t.Run("elsewhere", func(t *testing.T) {
		f := startWithDocument(t)
		f.script(t, fakeflagsmith.DocumentOf(clientKey), fakeflagsmith.Failure{Kind: fakeflagsmith.FailRedirect, Location: "http://other.example/x"})
		response, _ := must(t)(f.fetch(t))
		if response.StatusCode != http.StatusFound || response.Header.Get("Location") != "http://other.example/x" {
			t.Errorf("got %d to %q", response.StatusCode, response.Header.Get("Location"))
		}
	})
}

func TestLinkElsewhere(t *testing.T) {
	f := startWithDocument(t)
	f.script(t, fakeflagsmith.DocumentOf(clientKey), fakeflagsmith.Failure{Kind: fakeflagsmith.FailLink, Location: "http://other.example/x"})
	response, body := must(t)(f.fetch(t))
	if nextLink(t, response) != "http://other.example/x" || body != document {
		t.Errorf("got %q with %q", response.Header.Get("Link"), body)
	}
}

func TestRefusedFailures(t *testing.T) {
	fake := fakeflagsmith.New()
	for name, step := range map[string]fakeflagsmith.Failure{
		"no kind":           {},
		"unknown kind":      {Kind: "sulk"},
		"no status":         {Kind: fakeflagsmith.FailStatus},
		"informational":     {Kind: fakeflagsmith.FailStatus, Status: 101},
		"redirect with 200": {Kind: fakeflagsmith.FailRedirect, Status: 200},
		"link to nowhere":   {Kind: fakeflagsmith.FailLink},
		"negative times":    {Kind: fakeflagsmith.FailHang, Times: -1},
	} {
		if err := fake.Fail(fakeflagsmith.EveryDocument, step); err == nil || !strings.HasPrefix(err.Error(), "fakeflagsmith: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
