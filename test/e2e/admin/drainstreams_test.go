package admin_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A drain ends streams of events, asks their listeners to reconnect, and undrain has those
// that come stay.
func TestDrainEndsStreams(t *testing.T) {
	t.Parallel()
	proxy, config, _ := acting(t)
	listen := func() *bufio.Reader {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, proxy.URL+"/sse/environments/"+clientKey+"/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := (&http.Transport{}).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = answer.Body.Close() })
		events := bufio.NewReader(answer.Body)
		if line, err := events.ReadString('\n'); err != nil || line != ": connected\n" {
			t.Fatalf("first %q, %v", line, err)
		}
		return events
	}
	// rest returns what comes until the stream ends.
	rest := func(events *bufio.Reader) string {
		t.Helper()
		var text strings.Builder
		if _, err := events.WriteTo(&text); err != nil {
			t.Errorf("the stream was cut off: %v", err)
		}
		return text.String()
	}
	before := []*bufio.Reader{listen(), listen(), listen()}
	began := time.Now()
	if got := command(t, config, "drain", "--for", "1h"); got.Code != 0 {
		t.Fatalf("drain: %+v", got)
	}
	for _, events := range append(before, listen()) {
		if got := rest(events); !strings.Contains(got, "retry: 2000\n\n") {
			t.Errorf("the stream ended with %q", got)
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("streams ended %s after the drain began, want a few seconds", took)
	}
	if got := command(t, config, "undrain"); got.Code != 0 {
		t.Fatalf("undrain: %+v", got)
	}
	stays := listen()
	ended := make(chan struct{})
	go func() { // until the test has closed the stream
		defer close(ended)
		_, _ = io.Copy(io.Discard, stays)
	}()
	select {
	case <-ended:
		t.Error("the stream ended after undrain")
	case <-time.After(6 * time.Second):
	}
}
