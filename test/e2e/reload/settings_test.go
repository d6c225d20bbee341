package reload_test

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestLogLevelAndFormat(t *testing.T) {
	t.Parallel()
	logs := t.TempDir()
	w := start(t, object{"logging": object{"log_level": "INFO"}}, nil)
	changed(t, w.reload(t, object{"logging": object{"log_level": "DEBUG"}}, reloaded), "logging.log_level")
	w.hangup(t, unchanged) // of level DEBUG
	changed(t, w.reload(t, nil, reloaded), "logging.log_level")
	before := len(w.events(unchanged))
	w.Signal(t, syscall.SIGHUP)
	changed(t, w.reload(t, object{"logging": object{"enable_access_log": true}}, reloaded), "logging.enable_access_log")
	if len(w.events(unchanged)) != before {
		t.Error("a line of level DEBUG is logged at INFO")
	}
	w.flags(t, clientKey)
	w.eventually(t, "the access log", func() bool { return strings.Contains(w.Stdout(), `"path":"/api/v1/flags/"`) })

	// To a file, and back.
	file := filepath.Join(logs, "proxy.log")
	override := object{"handlers": object{"f": object{"class": "logging.FileHandler", "filename": file, "formatter": "json"}}, "root": object{"handlers": []any{"f"}}}
	w.write(t, w.with(object{"logging": object{"override": override}}))
	w.Signal(t, syscall.SIGHUP)
	w.eventually(t, "the log goes to a file", func() bool {
		text, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(text), reloaded)
	})
	changed(t, w.reload(t, nil, reloaded), "logging.override")

	// The other format is not JSON, so its line is searched as text.
	w.write(t, w.with(object{"logging": object{"log_format": "generic"}}))
	w.Signal(t, syscall.SIGHUP)
	w.eventually(t, "a line of the other format", func() bool { return strings.Contains(w.Stdout(), "INFO     "+reloaded+" trigger=SIGHUP") })
}

func (w *world) webhook(t *testing.T, secret string) int {
	t.Helper()
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("{}"))
	response, _ := w.ask(t, http.MethodPost, "/proxy/webhook", "{}", "X-Flagsmith-Signature: "+hex.EncodeToString(mac.Sum(nil)))
	return response.StatusCode
}

func TestSettingsOfTheHTTPInterface(t *testing.T) {
	t.Parallel()
	w := start(t, nil, nil)
	asked, stop := w.clients(t)
	origin := func() string {
		response, _ := w.ask(t, http.MethodGet, "/api/v1/flags/", "", "X-Environment-Key: "+clientKey, "Origin: https://app.example")
		return response.Header.Get("Access-Control-Allow-Origin")
	}
	large := func() int {
		response, _ := w.ask(t, http.MethodPost, "/api/v1/identities/", `{"identifier":"`+strings.Repeat("x", 3000)+`"}`, "X-Environment-Key: "+clientKey, "Content-Type: application/json")
		return response.StatusCode
	}
	if origin() != "*" || large() != http.StatusOK || w.webhook(t, "hook-secret-1") != http.StatusNotFound {
		t.Error("the proxy does not begin as it should")
	}
	on := object{
		"allow_origins": []any{"https://app.example"}, "endpoint_caches": object{"identities": object{"use_cache": true, "cache_max_size": 10}},
		"server": object{"max_body_bytes": 2000, "proxy_headers": true}, "webhook": object{"secret": "hook-secret-1"},
	}
	changed(t, w.reload(t, on, reloaded),
		"allow_origins", "endpoint_caches.identities.use_cache", "endpoint_caches.identities.cache_max_size", "server.proxy_headers", "server.max_body_bytes", "webhook.secret")
	w.during(t, asked)
	if got := origin(); got != "https://app.example" {
		t.Errorf("allowed origin %q", got)
	}
	if got := large(); got != http.StatusRequestEntityTooLarge {
		t.Errorf("a large body is answered %d", got)
	}
	if got := w.webhook(t, "hook-secret-1"); got != http.StatusOK {
		t.Errorf("the webhook answers %d", got)
	}
	on["webhook"] = object{"secret": "hook-secret-2"}
	changed(t, w.reload(t, on, reloaded), "webhook.secret")
	if old, recent := w.webhook(t, "hook-secret-1"), w.webhook(t, "hook-secret-2"); old != http.StatusUnauthorized || recent != http.StatusOK {
		t.Errorf("the webhook answers %d with its old secret and %d with its new one", old, recent)
	}
	w.reload(t, nil, reloaded)
	if origin() != "*" || large() != http.StatusOK || w.webhook(t, "hook-secret-2") != http.StatusNotFound {
		t.Error("the proxy is not as it was")
	}
	stop()
}

func TestPollSettings(t *testing.T) {
	t.Parallel()
	w := start(t, nil, nil)
	before := w.polls(t, clientKey)
	changed(t, w.reload(t, object{"api_poll_frequency_seconds": 0.1, "api_poll_timeout_seconds": 2, "api_poll_concurrency": 2}, reloaded),
		"api_poll_frequency_seconds", "api_poll_timeout_seconds", "api_poll_concurrency", "store.lease_seconds")
	w.eventually(t, "more polls", func() bool { return w.polls(t, clientKey) >= before+5 })
	changed(t, w.reload(t, nil, reloaded),
		"api_poll_frequency_seconds", "api_poll_timeout_seconds", "api_poll_concurrency", "store.lease_seconds")
	if got := w.flags(t, clientKey); got != http.StatusOK {
		t.Errorf("flags: %d", got)
	}
}

func TestDocumentLimitIsLive(t *testing.T) {
	t.Parallel()
	w := start(t, object{"max_document_bytes": 1 << 20}, nil)
	w.reload(t, object{"max_document_bytes": 1024, "api_poll_frequency_seconds": 0.1}, reloaded)
	// It is small enough still.
	before := w.polls(t, clientKey)
	w.eventually(t, "polls", func() bool { return w.polls(t, clientKey) > before+2 })
	if n := len(w.events("error_fetching_document")); n != 0 {
		t.Errorf("%d failures of fetching", n)
	}
}

// A stream that began under one set of options goes on under the next, and ends
// with the proxy.
func TestStreamsGoOn(t *testing.T) {
	t.Parallel()
	w := start(t, object{"webhook": object{"secret": "hook-secret-1"}}, nil)
	response, err := (&http.Client{Transport: &http.Transport{}}).Get(w.URL + "/sse/environments/" + clientKey + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := make(chan string, 100)
	go func() { // ends with the stream
		defer close(lines)
		for s := bufio.NewScanner(response.Body); s.Scan(); {
			lines <- s.Text()
		}
	}()
	await := func(part string) {
		t.Helper()
		limit := time.After(patience)
		for {
			select {
			case line, open := <-lines:
				if !open {
					t.Fatalf("the stream ended before %q", part)
				}
				if strings.Contains(line, part) {
					return
				}
			case <-limit:
				t.Fatalf("no %q", part)
			}
		}
	}
	await("connected")
	changed(t, w.reload(t, object{"webhook": object{"secret": "hook-secret-2"}, "allow_origins": []any{"https://app.example"}}, reloaded), "allow_origins", "webhook.secret")
	newer := strings.Replace(string(document(clientKey)), "2026-01-02", "2026-02-03", 1)
	w.put(t, newer)
	if got := w.webhook(t, "hook-secret-2"); got != http.StatusOK {
		t.Fatalf("the webhook answers %d", got)
	}
	await("environment_updated")
	w.Signal(t, syscall.SIGTERM)
	if code := w.Wait(t, patience); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for range lines { // until its end
	}
}

// Limits apply, change and end while the proxy runs, and what is refused is logged.
func TestLimits(t *testing.T) {
	t.Parallel()
	w := start(t, nil, nil)
	flags := func(key string) *http.Response {
		response, _ := w.ask(t, http.MethodGet, "/api/v1/flags/", "", "X-Environment-Key: "+key, "Origin: https://app.example")
		return response
	}
	many := func(key string) (last *http.Response) {
		for range 4 {
			last = flags(key)
		}
		return last
	}
	if got := many(clientKey); got.StatusCode != http.StatusOK {
		t.Errorf("without a limit: %s", got.Status)
	}
	changed(t, w.reload(t, object{"server": object{"limits": object{"requests_per_second_per_key": 1, "burst_per_key": 2}}}, reloaded),
		"server.limits.requests_per_second_per_key", "server.limits.burst_per_key")
	got := many(clientKey)
	if got.StatusCode != http.StatusTooManyRequests || got.Header.Get("Retry-After") != "1" || got.Header.Get("RateLimit-Policy") != `"key";q=2;w=2` ||
		got.Header.Get("RateLimit") != `"key";r=0;t=1` || got.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("beyond the rate: %s, %v", got.Status, got.Header)
	}
	if got := many(serverKey); got.StatusCode != http.StatusOK {
		t.Errorf("a server-side key: %s", got.Status)
	}
	if refused := w.events("requests_refused"); len(refused) != 1 || refused[0].Text("reason") != "rate_limited" {
		t.Errorf("logged %v", refused)
	}
	changed(t, w.reload(t, object{"server": object{"deny": []any{"127.0.0.0/8", "::1"}}}, reloaded),
		"server.limits.requests_per_second_per_key", "server.limits.burst_per_key", "server.deny")
	if got := flags(clientKey); got.StatusCode != http.StatusForbidden || got.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("from a denied address: %s, %v", got.Status, got.Header)
	}
	for _, path := range []string{"/proxy/health/liveness", "/proxy/health/readiness"} {
		if response, _ := w.ask(t, http.MethodGet, path, ""); response.StatusCode != http.StatusOK {
			t.Errorf("%s from a denied address: %s", path, response.Status)
		}
	}
	changed(t, w.reload(t, nil, reloaded), "server.deny")
	if got := many(clientKey); got.StatusCode != http.StatusOK {
		t.Errorf("without limits again: %s", got.Status)
	}
}

// The list of load balancers that may name their clients changes while the proxy runs, and
// what they name decides who may ask.
func TestProxyProtocol(t *testing.T) {
	t.Parallel()
	w := start(t, object{"server": object{"deny": []any{"203.0.113.0/24"}}, "logging": object{"enable_access_log": true}}, nil)
	as := func(client string) int {
		t.Helper()
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(conn, "PROXY TCP4 %s 198.51.100.1 1234 443\r\nGET /api/v1/flags/ HTTP/1.1\r\nHost: x\r\nX-Environment-Key: %s\r\n\r\n", client, clientKey)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	if got := as("192.0.2.7"); got != http.StatusBadRequest {
		t.Errorf("while nobody is listed: %d", got)
	}
	listed := object{"server": object{"deny": []any{"203.0.113.0/24"}, "proxy_protocol_from": []any{"127.0.0.0/8"}}, "logging": object{"enable_access_log": true}}
	changed(t, w.reload(t, listed, reloaded), "server.proxy_protocol_from")
	if got := as("192.0.2.7"); got != http.StatusOK {
		t.Errorf("an allowed client: %d", got)
	}
	w.eventually(t, "the client in the access log", func() bool { return strings.Contains(w.Stdout(), `"remote_addr":"192.0.2.7:1234"`) })
	if got := as("203.0.113.7"); got != http.StatusForbidden {
		t.Errorf("a denied client: %d", got)
	}
	if got := w.flags(t, clientKey); got != http.StatusOK {
		t.Errorf("without a header: %d", got)
	}
}
