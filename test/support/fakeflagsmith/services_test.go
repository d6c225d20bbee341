package fakeflagsmith_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

func discovery() fakeflagsmith.Discovery {
	expires := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	return fakeflagsmith.Discovery{ProxyKey: "proxy-secret", Environments: []fakeflagsmith.DiscoveredEnvironment{{
		ClientKey: clientKey,
		ServerKeys: []fakeflagsmith.DiscoveredServerKey{
			{Key: serverKey, Active: true},
			{Key: "ser.old", Active: false, ExpiresAt: &expires},
		},
	}}}
}

func TestDiscovery(t *testing.T) {
	f := start(t)
	f.PutDiscovery(discovery())
	for key, want := range map[string]int{"proxy-secret": 200, "": 401, "wrong": 403} {
		response, body := must(t)(f.do(t, http.MethodGet, "/api/v1/proxy/config/", "", "X-Proxy-Key", key))
		if response.StatusCode != want {
			t.Errorf("key %q: got %d, want %d", key, response.StatusCode, want)
		}
		const list = `[{"client_side_key":"client_key","server_side_keys":[` +
			`{"key":"ser.0123456789","active":true,"expires_at":null},` +
			`{"key":"ser.old","active":false,"expires_at":"2030-01-02T03:04:05Z"}]}]`
		if want == 200 && body != list {
			t.Errorf("got  %s\nwant %s", body, list)
		}
	}
	f.PutDiscovery(fakeflagsmith.Discovery{ProxyKey: "proxy-secret"})
	if _, body := must(t)(f.do(t, http.MethodGet, "/api/v1/proxy/config/", "", "X-Proxy-Key", "proxy-secret")); body != "[]" {
		t.Errorf("an empty list is %s", body)
	}
}

func TestNoProxyKeyRefusesAll(t *testing.T) {
	f := start(t)
	if response, _ := must(t)(f.do(t, http.MethodGet, "/api/v1/proxy/config/", "", "X-Proxy-Key", "any")); response.StatusCode != 403 {
		t.Errorf("got %d", response.StatusCode)
	}
}

func TestEvents(t *testing.T) {
	f := start(t)
	if err := f.PutEnvironment(fakeflagsmith.Environment{ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	const good = `{"events":[{"event":"a"},{"event":"b"}]}`
	for _, c := range []struct {
		key, body string
		want      int
	}{
		{clientKey, good, 202}, {serverKey, good, 202}, {"", good, 401}, {"nobody", good, 403},
		{clientKey, `{"events":[]}`, 400}, {clientKey, `{"events":1}`, 422}, {clientKey, `{"events":[{"event":"a"},{"event":"poisoned"}]}`, 422},
	} {
		for _, path := range []string{"/v1/events", "/api/v1/events"} {
			if response, body := must(t)(f.do(t, http.MethodPost, path, c.body, "X-Environment-Key", c.key)); response.StatusCode != c.want {
				t.Errorf("%s as %q: got %d %s, want %d", c.body, c.key, response.StatusCode, body, c.want)
			}
		}
	}
	if n := len(f.Requests(fakeflagsmith.Events)); n != 14 {
		t.Errorf("%d requests are recorded", n)
	}
}

func TestUsage(t *testing.T) {
	f := start(t)
	f.PutDiscovery(discovery())
	post := func(idempotencyKey, body string) (int, error) {
		response, _, err := f.do(t, http.MethodPost, "/api/v1/proxy/usage/", body, "X-Proxy-Key", "proxy-secret", "Idempotency-Key", idempotencyKey)
		if err != nil {
			return 0, err
		}
		return response.StatusCode, nil
	}
	row := func(resource string, count int) string {
		return fmt.Sprintf(`{"client_side_key":"client_key","resource":%q,"count":%d}`, resource, count)
	}
	const lostAck = "the acknowledgement is lost"
	for _, tt := range []struct {
		name, key, body string
		want            int
	}{
		{"first", "1", "[" + row("flags", 3) + "," + row("identities", 1) + "]", 200},
		{"the same again", "1", "[" + row("flags", 3) + "," + row("identities", 1) + "]", 200},
		{"another", "2", "[" + row("flags", 4) + "]", 200},
		{lostAck, "3", "[" + row("flags", 10) + "]", 500},
		{"sent again", "3", "[" + row("flags", 10) + "]", 200},
		{"no idempotency key", "", "[" + row("flags", 100) + "]", 400},
		{"no list", "4", `{}`, 400},
		{"null", "5", `null`, 400},
		{"no resource", "6", `[{"client_side_key":"client_key","count":1}]`, 400},
		{"too many rows", "7", "[" + strings.Repeat(row("flags", 1)+",", 1000) + row("flags", 1) + "]", 400},
	} {
		if tt.name == lostAck {
			f.script(t, fakeflagsmith.ProxyUsage, fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 500, Times: 1, TakesEffect: true})
		}
		if got, err := post(tt.key, tt.body); err != nil || got != tt.want {
			t.Errorf("%s: got %d, %v, want %d", tt.name, got, err, tt.want)
		}
	}
	want := []fakeflagsmith.UsageRow{{ClientKey: clientKey, Resource: "flags", Count: 17}, {ClientKey: clientKey, Resource: "identities", Count: 1}}
	if got := f.Usage(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAnalytics(t *testing.T) {
	f := startWithDocument(t)
	for _, tt := range []struct {
		path, key, body string
		want            int
	}{
		{"/api/v1/analytics/flags/", clientKey, `{"checkout":3}`, 200},
		{"/api/v2/analytics/flags/", clientKey, `{"evaluations":[]}`, 204},
		{"/api/v1/analytics/flags/", "unknown", `{}`, 403},
		{"/api/v1/analytics/flags/", "", `{}`, 403},
		{"/api/v2/analytics/flags/", clientKey, `[]`, 400},
	} {
		if response, _ := must(t)(f.do(t, http.MethodPost, tt.path, tt.body, "X-Environment-Key", tt.key)); response.StatusCode != tt.want {
			t.Errorf("%s %q %s: got %d, want %d", tt.path, tt.key, tt.body, response.StatusCode, tt.want)
		}
	}
	recorded := f.Requests(fakeflagsmith.AnalyticsV1)
	if len(recorded) != 3 || recorded[0].Body != `{"checkout":3}` || recorded[0].Status != 200 || recorded[1].Status != 403 {
		t.Errorf("recorded %+v", recorded)
	}
}

func TestStream(t *testing.T) {
	f := startWithDocument(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url+"/sse/environments/"+clientKey+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := f.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := response.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("Content-Type %q", got)
	}
	if f.Listeners(clientKey) != 1 || f.Emit(clientKey, `{"updated_at": 1.5}`) != 1 || f.Emit("other", "x") != 0 {
		t.Error("the stream is not counted as one listener")
	}
	lines := bufio.NewScanner(response.Body)
	for _, want := range []string{"event: environment_updated", `data: {"updated_at": 1.5}`, ""} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("got %q (%v), want %q", lines.Text(), lines.Err(), want)
		}
	}
	f.EndStreams(clientKey)
	if lines.Scan() {
		t.Errorf("after the end: %q", lines.Text())
	}
	wait.Until(t, patience, "no listener is left", func() bool { return f.Listeners(clientKey) == 0 })
}

func TestStreamRefusals(t *testing.T) {
	f := startWithDocument(t)
	if response, _ := must(t)(f.do(t, http.MethodGet, "/sse/environments/unknown/stream", "")); response.StatusCode != 404 {
		t.Errorf("unknown key: %d", response.StatusCode)
	}
	f.script(t, fakeflagsmith.StreamOf(clientKey), fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 503, Times: 1})
	if response, _ := must(t)(f.do(t, http.MethodGet, "/sse/environments/"+clientKey+"/stream", "")); response.StatusCode != 503 {
		t.Errorf("scripted: %d", response.StatusCode)
	}
}
