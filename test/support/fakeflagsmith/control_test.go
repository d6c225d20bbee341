package fakeflagsmith_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// The client goes through HTTP and the server's methods do not: both must see
// the same server.
func TestClientDrivesTheServer(t *testing.T) {
	f := start(t)
	c := fakeflagsmith.NewClient(f.url)
	t.Cleanup(c.Close)
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const oddKey = "client/key ?é"
	check(c.PutEnvironment(ctx, fakeflagsmith.Environment{
		ClientKey: oddKey, ServerKeys: []string{serverKey, "ser.b"}, Document: []byte(document),
		PageSize: 2, Links: fakeflagsmith.LinkRelative, Delay: time.Millisecond,
	}))
	response, body := must(t)(f.fetch(t, "User-Agent", "probe/1"))
	if response.StatusCode != 200 || !strings.HasPrefix(nextLink(t, response), documentPath) || !strings.Contains(body, "é <b>") {
		t.Errorf("got %d, %q, %q", response.StatusCode, response.Header.Get("Link"), body)
	}

	check(c.Fail(ctx, fakeflagsmith.DocumentOf(oddKey), fakeflagsmith.Failure{
		Kind: fakeflagsmith.FailStatus, Status: 429, RetryAfter: "9", Times: 1, Delay: time.Millisecond,
	}))
	if response, _ := must(t)(f.fetch(t)); response.StatusCode != 429 || response.Header.Get("Retry-After") != "9" {
		t.Errorf("got %d, Retry-After %q", response.StatusCode, response.Header.Get("Retry-After"))
	}

	requests, err := c.Requests(ctx, fakeflagsmith.DocumentOf(oddKey))
	check(err)
	if len(requests) != 2 || requests[0].Header.Get("User-Agent") != "probe/1" || requests[1].Status != 429 || requests[0].URI != documentPath {
		t.Errorf("requests: %+v", requests)
	}
	wait.Until(t, patience, "the counters are complete", func() bool { return f.Counters()[fakeflagsmith.DocumentOf(oddKey)].InFlight == 0 })
	counters, err := c.Counters(ctx)
	check(err)
	if !reflect.DeepEqual(counters, f.Counters()) || counters[fakeflagsmith.DocumentOf(oddKey)].Requests != 2 {
		t.Errorf("counters: %+v, the server's own: %+v", counters, f.Counters())
	}

	check(c.PutDiscovery(ctx, discovery()))
	must(t)(f.do(t, http.MethodPost, "/api/v1/proxy/usage/", `[{"client_side_key":"client_key","resource":"flags","count":2}]`,
		"X-Proxy-Key", "proxy-secret", "Idempotency-Key", "1"))
	usage, err := c.Usage(ctx)
	check(err)
	if len(usage) != 1 || usage[0].Count != 2 {
		t.Errorf("usage: %+v", usage)
	}

	heard, err := c.Emit(ctx, oddKey, "{}")
	check(err)
	listening, err := c.Listeners(ctx, oddKey)
	check(err)
	if heard != 0 || listening != 0 {
		t.Errorf("%d heard, %d listening, nobody is there", heard, listening)
	}
	check(c.EndStreams(ctx, oddKey))
	check(c.RemoveEnvironment(ctx, oddKey))
	if response, _ := must(t)(f.fetch(t)); response.StatusCode != 403 {
		t.Errorf("after the removal: %d", response.StatusCode)
	}
	check(c.Reset(ctx))
	if len(f.Requests("")) != 0 || len(f.Usage()) != 0 {
		t.Error("a reset left something")
	}
}

func TestFailuresSurviveTheControlAPI(t *testing.T) {
	step := fakeflagsmith.Failure{
		Kind: fakeflagsmith.FailDrip, Times: 1, Page: 2, TakesEffect: true, Delay: time.Second, Status: 3, RetryAfter: "4",
		Body: "5", ContentType: "6", Location: "7", Hops: 8, Interval: time.Minute, Chunk: 10,
	}
	text, err := step.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var back fakeflagsmith.Failure
	if err := back.UnmarshalJSON(text); err != nil || back != step {
		t.Errorf("got %+v, %v from %s", back, err, text)
	}
}

func TestControlRefusals(t *testing.T) {
	f := start(t)
	for _, tt := range []struct{ method, path, body string }{
		{http.MethodPut, "/_control/environments/a?page_size=x", "{}"},
		{http.MethodPut, "/_control/environments/a?page_size=-1", "{}"},
		{http.MethodPut, "/_control/environments/a?delay=x", "{}"},
		{http.MethodPut, "/_control/environments/a?ahead=x", "{}"},
		{http.MethodPut, "/_control/environments/a?links=x", "{}"},
		{http.MethodPut, "/_control/failures", "[]"},
		{http.MethodPut, "/_control/failures?target=environments", "{"},
		{http.MethodPut, "/_control/failures?target=environments", `[{"kind":"sulk"}]`},
		{http.MethodPut, "/_control/failures?target=environments", `[{"kind":"hang","delay":"x"}]`},
		{http.MethodPut, "/_control/failures?target=environments", `[{"kind":"drip","interval":"x"}]`},
		{http.MethodPut, "/_control/proxy-config", "{"},
	} {
		response, body := must(t)(f.do(t, tt.method, tt.path, tt.body))
		if response.StatusCode != http.StatusBadRequest || !strings.Contains(body, `"error"`) {
			t.Errorf("%s %s: got %d %s", tt.path, tt.body, response.StatusCode, body)
		}
	}
	c := fakeflagsmith.NewClient(f.url)
	t.Cleanup(c.Close)
	if err := c.Fail(t.Context(), "x", fakeflagsmith.Failure{}); err == nil || !strings.Contains(err.Error(), "unknown kind") {
		t.Errorf("got %v", err)
	}
}

func TestErrorsOfTheClientNameNoKeys(t *testing.T) {
	c := fakeflagsmith.NewClient("http://127.0.0.1:1")
	t.Cleanup(c.Close)
	err := c.PutEnvironment(t.Context(), fakeflagsmith.Environment{ClientKey: "a", ServerKeys: []string{serverKey}})
	if err == nil || strings.Contains(err.Error(), serverKey) {
		t.Errorf("got %v", err)
	}
}

func TestConcurrencyIsMeasured(t *testing.T) {
	f := startWithDocument(t)
	f.script(t, fakeflagsmith.DocumentOf(clientKey), fakeflagsmith.Failure{Kind: fakeflagsmith.FailDelay, Delay: 300 * time.Millisecond})
	done := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			if _, body, err := f.fetch(t); err != nil || body != document {
				t.Errorf("got %q, %v", body, err)
			}
		}()
	}
	for range 4 {
		<-done
	}
	wait.Until(t, patience, "all four are counted", func() bool {
		c := f.Counters()[fakeflagsmith.DocumentOf(clientKey)]
		return c.Requests == 4 && c.Statuses[200] == 4 && c.InFlight == 0 && c.InFlightPeak >= 2
	})
}
