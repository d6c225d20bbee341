package adminapi_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestEvents(t *testing.T) {
	p := newProxy("shop")
	a := serve(t, p)
	a.get("/events").want(t, 200, `"events": []`)
	for i := range 3 {
		p.recent.Add("environment_updated", "shop", fmt.Sprintf("change %d", i))
	}
	if all := a.get("/events").json(t)["events"].([]any); len(all) != 3 {
		t.Errorf("events %v", all)
	}
	a.get("/events?since=2").want(t, 200, `"seq": 3`, `"kind": "environment_updated"`, `"environment": "shop"`, `"message": "change 2"`)
	a.get("/events?since=3").want(t, 200, `"events": []`)
	a.get("/events?since=99").want(t, 200, `"events": []`)
	for _, wrong := range []string{"-1", "x", "1e3", "99999999999999999999999"} {
		a.get("/events?since="+wrong).want(t, 400, "since must be")
	}
}

// follow opens a stream of events.
func follow(t *testing.T, ctx context.Context, url, last string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}

func TestEventsAsAStream(t *testing.T) {
	p := newProxy("shop")
	p.recent.Add("ready", "", "before")
	p.recent.Add("environment_updated", "shop", "missed")
	server := httptest.NewServer(serve(t, p))
	defer server.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	answer := follow(t, ctx, server.URL, "1")
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", answer.StatusCode, answer.Header)
	}
	lines := bufio.NewScanner(answer.Body)
	next := func(want string) {
		t.Helper()
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "data: ") {
				if !strings.Contains(lines.Text(), want) {
					t.Errorf("got %s, want %s", lines.Text(), want)
				}
				return
			}
		}
		t.Fatalf("the stream ended before %q: %v", want, lines.Err())
	}
	next(`"message":"missed"`)
	p.recent.Add("not_ready", "", "as it happens")
	next(`"seq":3`)
	stop()
	for lines.Scan() { // until it has ended
	}
}

func TestStreamsOfEventsAreBounded(t *testing.T) {
	server := httptest.NewServer(serve(t, newProxy("shop")))
	defer server.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for i := range 16 {
		if answer := follow(t, ctx, server.URL, ""); answer.StatusCode != 200 {
			t.Fatalf("stream %d: %d", i, answer.StatusCode)
		}
	}
	if answer := follow(t, ctx, server.URL, ""); answer.StatusCode != 503 || answer.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %d %v", answer.StatusCode, answer.Header)
	}
}
