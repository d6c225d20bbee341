package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
)

// traceRecorder is a Traces that samples requests with a traceparent and keeps failed ones.
type traceRecorder struct{ served []httpapi.TracedRequest }

func (r *traceRecorder) Sampled(h http.Header) bool             { return len(h["Traceparent"]) > 0 }
func (r *traceRecorder) Keeps(status int, _ time.Duration) bool { return status >= 400 }
func (r *traceRecorder) Served(t httpapi.TracedRequest) string {
	r.served = append(r.served, t)
	return "trace"
}

// last returns the last request that was traced.
func (r *traceRecorder) last(t *testing.T) httpapi.TracedRequest {
	t.Helper()
	if len(r.served) == 0 {
		t.Fatal("nothing was traced")
	}
	return r.served[len(r.served)-1]
}

// tracing returns an API whose requests are recorded, with the cache of identities.
func tracing(t *testing.T) (http.Handler, *traceRecorder) {
	t.Helper()
	recorder := &traceRecorder{}
	return newAPI(t, func(o *httpapi.Options) {
		o.Traces, o.Now = recorder, ticking()
		o.IdentitiesCache = httpapi.Cache{Use: true, MaxSize: 10}
	}), recorder
}

const sampledParent = "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// do answers a request and returns the status.
func answerStatus(h http.Handler, r *http.Request) int {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

func TestSpansHaveCacheAndEvaluation(t *testing.T) {
	api, recorder := tracing(t)
	identity := func(headers ...string) *http.Request {
		return request("POST", "/api/v1/identities/", `{"identifier":"ada"}`, append(headers, "X-Environment-Key: "+clientKey, "Content-Type: application/json", sampledParent)...)
	}
	for i, want := range []string{"miss", "miss", "hit"} { // an identity is kept when it is asked for again
		if status := answerStatus(api, identity()); status != http.StatusOK {
			t.Fatal(status)
		}
		got := recorder.last(t)
		if got.Cache != want || (got.Evaluated > 0) != (want == "miss") || got.Flag != nil || got.Route != "/api/v1/identities" {
			t.Errorf("request %d: %+v, want %s", i+1, got, want)
		}
	}
	answerStatus(api, identity("If-None-Match: *"))
	if got := recorder.last(t); got.Status != http.StatusNotModified || got.Cache != "304" || got.Evaluated != 0 {
		t.Errorf("a client that has the answer: %+v", got)
	}
	answerStatus(api, request("GET", "/api/v1/flags/", "", "X-Environment-Key: "+clientKey, sampledParent))
	if got := recorder.last(t); got.Cache != "" || got.Evaluated != 0 {
		t.Errorf("flags: %+v", got)
	}
	before := len(recorder.served)
	answerStatus(api, request("GET", "/api/v1/flags/", "", "X-Environment-Key: "+clientKey))
	if len(recorder.served) != before {
		t.Errorf("a request that is not sampled is traced: %+v", recorder.last(t))
	}
	answerStatus(api, request("GET", "/api/v1/flags/", "", "X-Environment-Key: unknown"))
	if got := recorder.last(t); got.Status != http.StatusUnauthorized {
		t.Errorf("a failed request that is not sampled: %+v", got)
	}
}

func TestSpansHaveTheFlagOfOFREP(t *testing.T) {
	api, recorder := tracing(t)
	ask := func(path, body string) httpapi.TracedRequest {
		t.Helper()
		answerStatus(api, request("POST", path, body, "X-Environment-Key: "+serverKey, "Content-Type: application/json", sampledParent))
		return recorder.last(t)
	}
	for _, tt := range []struct {
		context string
		want    httpapi.TracedFlag
	}{
		{`{"context":{}}`, httpapi.TracedFlag{Key: "checkout", Variant: "default", Reason: "default"}},
		{`{"context":{"targetingKey":"ada","plan":"premium"}}`, httpapi.TracedFlag{Key: "checkout", Variant: "segment-override", Reason: "targeting_match"}},
		{`{"context":{"targetingKey":"chosen"}}`, httpapi.TracedFlag{Key: "checkout", Variant: "identity-override", Reason: "disabled"}},
	} {
		got := ask(ofrepFlags+"/checkout", tt.context)
		if got.Flag == nil || *got.Flag != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.context, got.Flag, tt.want)
		}
		if evaluates := strings.Contains(tt.context, "targetingKey"); (got.Evaluated > 0) != evaluates {
			t.Errorf("%s: evaluated in %v", tt.context, got.Evaluated)
		}
	}
	// What a client made up is not in the span.
	for _, path := range []string{ofrepFlags + "/made_up", ofrepFlags} {
		if got := ask(path, `{"context":{"targetingKey":"ada"}}`); got.Flag != nil {
			t.Errorf("%s: %+v", path, got.Flag)
		}
	}
}
