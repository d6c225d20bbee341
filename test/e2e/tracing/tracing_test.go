// Package tracing_test runs the proxy with a collector of traces, and looks at what
// arrives there.
package tracing_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/edge-proxy/edge-proxy/test/support/collector"
	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

const (
	clientKey = "tracing_client_key"
	serverKey = "ser.tracing_server_key"
	secret    = "a_webhook_secret"
	first     = "2026-01-02T03:04:05.000000Z"
	second    = "2026-01-02T03:04:06.500000Z"

	sampledTrace   = "0af7651916cd43dd8448eb211c80319c"
	unsampledTrace = "1bf7651916cd43dd8448eb211c80319c"
	parentSpan     = "b7ad6b7169203331"
)

func environment(updatedAt, value string) fakeflagsmith.Environment {
	return fakeflagsmith.Environment{ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: fmt.Appendf(nil,
		`{"api_key":%q,"name":"n","updated_at":%q,"project":{"segments":[]},"feature_states":[{"feature":{"id":1,"name":"a","type":"STANDARD"},"enabled":true,"feature_state_value":%q,"django_id":1}]}`,
		clientKey, updatedAt, value)}
}

// fixture is a proxy whose traces go to a collector.
type fixture struct {
	upstream  *harness.Upstream
	proxy     *harness.Proxy
	collector *collector.Collector
}

// start starts a fixture. Polling is not what brings changes, unless config says so.
func start(t *testing.T, environ map[string]string, change func(config map[string]any, upstream *harness.Upstream)) fixture {
	t.Helper()
	f := fixture{upstream: harness.StartUpstream(t), collector: collector.Start(t)}
	config := f.upstream.Serve(t, environment(first, "old"))
	config["api_poll_frequency_seconds"] = 600
	config["webhook"] = map[string]any{"secret": secret}
	if change != nil {
		change(config, f.upstream)
	}
	variables := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": f.collector.URL, "OTEL_BSP_SCHEDULE_DELAY": "20"}
	for name, value := range environ {
		variables[name] = value
	}
	f.proxy = harness.StartProxy(t, harness.Setup{Config: config, Env: variables})
	f.proxy.WaitReady(t)
	return f
}

// ask sends a request and returns the status.
func (f fixture) ask(t *testing.T, method, path, body string, header map[string]string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, f.proxy.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Environment-Key", clientKey)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

// documentRequests returns what upstream was asked for the document.
func (f fixture) documentRequests(t *testing.T) []fakeflagsmith.Request {
	t.Helper()
	requests, err := f.upstream.Requests(t.Context(), fakeflagsmith.DocumentOf(clientKey))
	if err != nil {
		t.Fatal(err)
	}
	return requests
}

// webhook calls the webhook as Flagsmith does.
func (f fixture) webhook(t *testing.T, header map[string]string) {
	t.Helper()
	const body = `{}`
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	signed := map[string]string{"X-Flagsmith-Signature": hex.EncodeToString(mac.Sum(nil))}
	for name, value := range header {
		signed[name] = value
	}
	if status := f.ask(t, http.MethodPost, "/proxy/webhook", body, signed); status != http.StatusOK {
		t.Fatalf("the webhook was answered %d", status)
	}
}

func parent(traceID string, sampled bool) map[string]string {
	flags := "00"
	if sampled {
		flags = "01"
	}
	return map[string]string{"Traceparent": "00-" + traceID + "-" + parentSpan + "-" + flags}
}

func named(name string) func(collector.Span) bool {
	return func(s collector.Span) bool { return s.Name == name }
}

// TestRequestsAreInTheTraceOfTheirCaller: a sampled request is a span of its caller's
// trace, with what it was, and nothing that a person could be known by.
func TestRequestsAreInTheTraceOfTheirCaller(t *testing.T) {
	t.Parallel()
	f := start(t, nil, nil)
	if status := f.ask(t, http.MethodGet, "/api/v1/flags/", "", parent(unsampledTrace, false)); status != http.StatusOK {
		t.Fatal(status)
	}
	f.ask(t, http.MethodGet, "/api/v1/flags/", "", nil)
	const identity = `{"identifier":"ada_lovelace","traits":[{"trait_key":"email","trait_value":"lovelace@example.com"}]}`
	if status := f.ask(t, http.MethodPost, "/api/v1/identities/?token=xyzzy", identity, parent(sampledTrace, true)); status != http.StatusOK {
		t.Fatal(status)
	}
	f.ask(t, http.MethodGet, "/nothing/here", "", parent(sampledTrace, true))
	s := f.collector.Find(t, "the span of the identity", named("POST /api/v1/identities"))
	if s.TraceID != sampledTrace || s.ParentID != parentSpan || s.Kind != trace.Span_SPAN_KIND_SERVER || s.Failed || s.Service != "edge-proxy" || s.End < s.Start {
		t.Errorf("the span: %+v", s)
	}
	for name, want := range map[string]any{
		"http.request.method": "POST", "http.route": "/api/v1/identities", "http.response.status_code": int64(200), "url.scheme": "http",
		"network.protocol.version": "1.1", "edge_proxy.cache": nil, "edge_proxy.environment": clientKey, "user_agent.original": "Go-http-client/1.1",
	} {
		if s.Attributes[name] != want {
			t.Errorf("%s is %v, want %v", name, s.Attributes[name], want)
		}
	}
	if hash, _ := s.Attributes["edge_proxy.document.hash"].(string); len(hash) != 16 {
		t.Errorf("the document's hash is %q", hash)
	}
	if took, _ := s.Attributes["edge_proxy.evaluate.duration"].(float64); took <= 0 || took > 60 {
		t.Errorf("the evaluation took %v", s.Attributes["edge_proxy.evaluate.duration"])
	}
	f.collector.Find(t, "the span of the unknown path", named("GET"))
	for _, s := range f.collector.Spans() {
		text := fmt.Sprintf("%+v", s)
		for _, private := range []string{"lovelace", "email", "example.com", "token", "xyzzy", "/nothing", serverKey} {
			if strings.Contains(text, private) {
				t.Errorf("%q is in the span %s", private, text)
			}
		}
		if s.TraceID == unsampledTrace || s.Kind == trace.Span_SPAN_KIND_SERVER && s.TraceID != sampledTrace {
			t.Errorf("a request that was not sampled is in the span %+v", s)
		}
	}
}

// TestAWebhookIsOneTraceUntilServed: from the webhook to the document that is served.
func TestAWebhookIsOneTraceUntilServed(t *testing.T) {
	t.Parallel()
	f := start(t, nil, nil)
	if err := f.upstream.PutEnvironment(t.Context(), environment(second, "new")); err != nil {
		t.Fatal(err)
	}
	f.webhook(t, parent(sampledTrace, true))
	poll := f.collector.Find(t, "the poll", func(s collector.Span) bool { return s.Name == "poll" && s.Attributes["edge_proxy.changed"] == true })
	notice := f.collector.Find(t, "the notice", named("notice of a change"))
	if notice.TraceID != sampledTrace || notice.ParentID != parentSpan || poll.TraceID != sampledTrace || !slices.Equal(poll.Links, []string{notice.SpanID}) {
		t.Errorf("the notice %+v\nthe poll %+v", notice, poll)
	}
	if poll.Attributes["edge_proxy.via"] != "webhook" || poll.Attributes["edge_proxy.environment"] != clientKey || poll.Attributes["edge_proxy.outcome"] != "ok" {
		t.Errorf("the poll %v", poll.Attributes)
	}
	for _, step := range []string{"GET environment-document", "decode", "compile", "announce", "store.put"} {
		s := f.collector.Find(t, "the step "+step, func(s collector.Span) bool { return s.Name == step && s.TraceID == sampledTrace })
		if s.ParentID != poll.SpanID || s.Start < poll.Start || s.End > poll.End {
			t.Errorf("the step %+v is not in the poll %+v", s, poll)
		}
	}
	fetch := f.collector.Find(t, "the request", named("GET environment-document"))
	requests := f.documentRequests(t)
	want := "00-" + fetch.TraceID + "-" + fetch.SpanID + "-01"
	if !slices.ContainsFunc(requests, func(r fakeflagsmith.Request) bool { return r.Header.Get("Traceparent") == want }) {
		t.Errorf("upstream was not sent traceparent %s", want)
	}
}

// TestAStreamsEventCausesATracedPoll is the same for an event of upstream's stream.
func TestAStreamsEventCausesATracedPoll(t *testing.T) {
	t.Parallel()
	f := start(t, nil, func(config map[string]any, u *harness.Upstream) { config["realtime_url"] = u.URL })
	wait.Until(t, 30*time.Second, "the proxy's own stream", func() bool {
		n, err := f.upstream.Listeners(t.Context(), clientKey)
		return err == nil && n > 0
	})
	if err := f.upstream.PutEnvironment(t.Context(), environment(second, "new")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.upstream.Emit(t.Context(), clientKey, `{"updated_at": 1767323046.5}`); err != nil {
		t.Fatal(err)
	}
	poll := f.collector.Find(t, "the poll", func(s collector.Span) bool { return s.Name == "poll" && s.Attributes["edge_proxy.via"] == "stream" })
	notice := f.collector.Find(t, "the notice", named("notice of a change"))
	if !slices.Contains(poll.Links, notice.SpanID) || poll.TraceID != notice.TraceID || notice.Kind != trace.Span_SPAN_KIND_CONSUMER {
		t.Errorf("the notice %+v\nthe poll %+v", notice, poll)
	}
}

// TestScheduledPollsAreTracedIfTheyMatter: with a ratio of 1, the poll that changed
// something and the one that failed arrive, and those between do not.
func TestScheduledPollsAreTracedIfTheyMatter(t *testing.T) {
	t.Parallel()
	f := start(t, nil, func(config map[string]any, _ *harness.Upstream) {
		config["api_poll_frequency_seconds"] = 0.1
		config["tracing"] = map[string]any{"ratio": 1}
	})
	loaded := f.collector.Find(t, "the first poll", named("poll"))
	if loaded.Attributes["edge_proxy.changed"] != true || loaded.ParentID != "" || loaded.Attributes["edge_proxy.via"] != "poll" {
		t.Errorf("the first poll: %+v", loaded)
	}
	wait.Until(t, 30*time.Second, "some polls that change nothing", func() bool { return len(f.documentRequests(t)) > 5 })
	if err := f.upstream.Fail(t.Context(), fakeflagsmith.EveryDocument, fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: 503, Times: 1}); err != nil {
		t.Fatal(err)
	}
	failed := f.collector.Find(t, "the failed poll", func(s collector.Span) bool { return s.Name == "poll" && s.Failed })
	if failed.Attributes["edge_proxy.outcome"] != "server_error" {
		t.Errorf("the failed poll: %v", failed.Attributes)
	}
	polls := 0
	for _, s := range f.collector.Spans() {
		if s.Name == "poll" {
			polls++
		}
	}
	if requests := len(f.documentRequests(t)); polls >= requests-3 {
		t.Errorf("%d polls are traced, of %d: those without a change too", polls, requests)
	}
}

// TestSamplingByVariables tries the standard variables.
func TestSamplingByVariables(t *testing.T) {
	t.Parallel()
	t.Run("all", func(t *testing.T) {
		t.Parallel()
		f := start(t, map[string]string{"OTEL_TRACES_SAMPLER": "always_on", "OTEL_SERVICE_NAME": "flags", "OTEL_EXPORTER_OTLP_HEADERS": "X-Token=1"}, nil)
		f.ask(t, http.MethodGet, "/api/v1/flags/", "", parent(unsampledTrace, false))
		s := f.collector.Find(t, "the request", named("GET /api/v1/flags"))
		if s.Service != "flags" || s.TraceID != unsampledTrace {
			t.Errorf("the span: %+v", s)
		}
		if h := f.collector.Headers(); h[0].Get("X-Token") != "1" {
			t.Errorf("headers of the exporter: %v", h[0])
		}
	})
	t.Run("slow and failed ones", func(t *testing.T) {
		t.Parallel()
		f := start(t, nil, func(config map[string]any, _ *harness.Upstream) {
			config["tracing"] = map[string]any{"slow_seconds": 0.000000001}
		})
		f.ask(t, http.MethodGet, "/api/v1/flags/", "", parent(unsampledTrace, false))
		if s := f.collector.Find(t, "the request", named("GET /api/v1/flags")); s.TraceID != unsampledTrace {
			t.Errorf("the span: %+v", s)
		}
	})
	for name, variables := range map[string]map[string]string{
		"switched off": {"OTEL_SDK_DISABLED": "true"},
		"no exporter":  {"OTEL_TRACES_EXPORTER": "none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, variables, nil)
			f.ask(t, http.MethodGet, "/api/v1/flags/", "", parent(sampledTrace, true))
			f.webhook(t, parent(sampledTrace, true))
			f.proxy.Signal(t, syscall.SIGTERM)
			f.proxy.Wait(t, 20*time.Second)
			if spans := f.collector.Spans(); len(spans) > 0 {
				t.Errorf("%d spans have arrived", len(spans))
			}
		})
	}
	t.Run("a wrong sampler", func(t *testing.T) {
		t.Parallel()
		config := harness.StartUpstream(t).Serve(t, environment(first, "old"))
		result := harness.Run(t, harness.Setup{Config: config, Env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_SAMPLER": "jaeger_remote"}})
		if result.Code != 2 || !strings.Contains(result.Stderr, "OTEL_TRACES_SAMPLER must be one of always_off, always_on") {
			t.Errorf("exit code %d, %s", result.Code, result.Stderr)
		}
	})
}

// TestTheLastTracesAreSentAtTheEnd: what has not been sent when the proxy stops.
func TestTheLastTracesAreSentAtTheEnd(t *testing.T) {
	t.Parallel()
	f := start(t, map[string]string{"OTEL_BSP_SCHEDULE_DELAY": "3600000"}, nil)
	f.ask(t, http.MethodGet, "/api/v1/flags/", "", parent(sampledTrace, true))
	f.proxy.Signal(t, syscall.SIGTERM)
	f.proxy.Wait(t, 20*time.Second)
	f.collector.Find(t, "the request", named("GET /api/v1/flags"))
}

// TestACollectorThatIsAway: requests are answered as before, and the log says so once.
func TestACollectorThatIsAway(t *testing.T) {
	t.Parallel()
	f := start(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_TIMEOUT": "200"}, nil)
	for range 50 {
		if status := f.ask(t, http.MethodGet, "/api/v1/flags/", "", parent(sampledTrace, true)); status != http.StatusOK {
			t.Fatal(status)
		}
	}
	f.proxy.WaitEvent(t, 30*time.Second, "traces_not_sent")
}
