// Package realtime_test shows real-time updates from end to end: an event of
// Flagsmith's stream has the proxy fetch the document, serve it, and then tell
// its own listeners.
package realtime_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

const (
	clientKey = "realtime_client_key"
	serverKey = "ser.realtime_server_key"
	first     = "2026-01-02T03:04:05.000000Z"
	second    = "2026-01-02T03:04:06.500000Z"
)

func environment(updatedAt, value string) fakeflagsmith.Environment {
	return fakeflagsmith.Environment{ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: fmt.Appendf(nil,
		`{"api_key":%q,"name":"n","updated_at":%q,"project":{"segments":[]},"feature_states":[{"feature":{"id":1,"name":"a","type":"STANDARD"},"enabled":true,"feature_state_value":%q,"django_id":1}]}`,
		clientKey, updatedAt, value)}
}

func TestAnEventIsFollowedByTheDocumentAndThenByAnEvent(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	upstream := harness.StartUpstream(t)
	config := upstream.Serve(t, environment(first, "old"))
	config["realtime_url"] = upstream.URL
	config["api_poll_frequency_seconds"] = 600 // polling must not be what brings the change
	proxy := harness.StartProxy(t, harness.Setup{Config: config})
	proxy.WaitReady(t)

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, proxy.URL+"/sse/environments/"+clientKey+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	lines := bufio.NewScanner(answer.Body)
	if !lines.Scan() || lines.Text() != ": connected" {
		t.Fatalf("the stream begins with %q", lines.Text())
	}
	awaitStream(ctx, t, upstream)
	if err := upstream.Client.PutEnvironment(ctx, environment(second, "new")); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := upstream.Client.Emit(ctx, clientKey, `{"updated_at": 1767323046.5}`); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "data: ") {
	}
	took := time.Since(began)
	if lines.Text() != `data: {"updated_at": 1767323046.5}` {
		t.Errorf("told %q", lines.Text())
	}
	// Told only after it is served.
	if body := get(ctx, t, proxy.URL+"/api/v1/flags/?feature=a"); !strings.Contains(body, `"new"`) {
		t.Errorf("served %s", body)
	}
	t.Logf("announced %v after the event", took)
	if bound := 10 * time.Second; took > bound {
		t.Errorf("announced after %v: not by the event", took)
	}
}

func get(ctx context.Context, t *testing.T, address string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Environment-Key", clientKey)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%d %s %v", answer.StatusCode, body, err)
	}
	return string(body)
}
