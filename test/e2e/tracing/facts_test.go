package tracing_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/collector"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// TestSpansSayWhatTheCacheDid: a first lookup, one that found the answer, and a client that
// has it.
func TestSpansSayWhatTheCacheDid(t *testing.T) {
	t.Parallel()
	f := start(t, nil, func(config map[string]any, _ *harness.Upstream) {
		config["endpoint_caches"] = map[string]any{"identities": map[string]any{"use_cache": true}}
	})
	for _, held := range []string{"", "", "", "*"} {
		header := parent(sampledTrace, true)
		if held != "" {
			header["If-None-Match"] = held
		}
		f.ask(t, http.MethodGet, "/api/v1/identities/?identifier=ada_lovelace", "", header)
	}
	for _, cache := range []string{"miss", "hit", "304"} {
		s := f.collector.Find(t, "a span with the cache's "+cache, func(s collector.Span) bool { return s.Attributes["edge_proxy.cache"] == cache })
		if _, evaluated := s.Attributes["edge_proxy.evaluate.duration"]; evaluated != (cache == "miss") {
			t.Errorf("%s: %v", cache, s.Attributes)
		}
	}
}

// TestTheFlagOfOFREPIsAnEvent: with what the semantic conventions want of it, and nothing
// of the context.
func TestTheFlagOfOFREPIsAnEvent(t *testing.T) {
	t.Parallel()
	f := start(t, nil, nil)
	const context = `{"context":{"targetingKey":"ada_lovelace","email":"lovelace@example.com"}}`
	header := parent(sampledTrace, true)
	header["Content-Type"] = "application/json"
	if status := f.ask(t, http.MethodPost, "/ofrep/v1/evaluate/flags/a", context, header); status != http.StatusOK {
		t.Fatal(status)
	}
	f.ask(t, http.MethodPost, "/ofrep/v1/evaluate/flags/made_up", context, header)
	s := f.collector.Find(t, "the span of the flag", func(s collector.Span) bool { return len(s.Events) > 0 })
	want := map[string]any{
		"feature_flag.key": "a", "feature_flag.result.variant": "default", "feature_flag.result.reason": "static",
		"feature_flag.provider.name": "flagsmith", "feature_flag.set.id": clientKey,
	}
	if e := s.Events[0]; len(s.Events) != 1 || e.Name != "feature_flag.evaluation" || fmt.Sprint(e.Attributes) != fmt.Sprint(want) {
		t.Errorf("events %v, want %v", s.Events, want)
	}
	unknown := f.collector.Find(t, "the span of the unknown flag", func(s collector.Span) bool { return s.Attributes["http.response.status_code"] == int64(404) })
	if len(unknown.Events) > 0 {
		t.Errorf("a flag that there is not: %v", unknown.Events)
	}
	for _, s := range f.collector.Spans() {
		for _, private := range []string{"lovelace", "email", "example.com", "made_up"} {
			if text := fmt.Sprintf("%+v", s); strings.Contains(text, private) {
				t.Errorf("%q is in the span %s", private, text)
			}
		}
	}
}
