package logging_test

import (
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/logging"
)

// named is a request of which everything is known.
var named = logging.AccessRecord{
	RemoteAddr: "127.0.0.1:5000", Method: "GET", Path: "/api/v1/flags/", HTTPVersion: "1.1", Status: 200, Duration: 1234567, Bytes: 42,
	Environment: "client", RequestID: `a "b"`, TraceID: "4bf92f3577b34da6a3ce929d0e0e4736", UserAgent: "agent\x1b/1\n",
}

func accessLine(t *testing.T, o logging.Options, r logging.AccessRecord) string {
	t.Helper()
	var out output
	o.Stdout, o.EnableAccessLog, o.Now = &out, true, fixed(noon)
	l := open(t, o)
	l.Access(r)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestAccessLinesNameTheRequestInJSON(t *testing.T) {
	got := object(t, accessLine(t, logging.Options{Format: "json"}, named))
	for name, want := range map[string]any{
		"environment": "client", "request_id": `a "b"`, "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "user_agent": "agent\x1b/1\n", "bytes": 42.0,
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	for _, name := range []string{"environment", "request_id", "trace_id", "user_agent"} {
		if _, there := object(t, accessLine(t, logging.Options{Format: "json"}, request))[name]; there {
			t.Errorf("%s is there though nothing is known", name)
		}
	}
}

// TestAnEventMayHaveTheNameOfAnAttribute: the name was allowed before the attribute was
// there.
func TestAnEventMayHaveTheNameOfAnAttribute(t *testing.T) {
	line := accessLine(t, logging.Options{Format: "json", EventFieldName: "user_agent"}, named)
	got := object(t, line)
	if got["user_agent_"] != "agent\x1b/1\n" || !strings.Contains(got["user_agent"].(string), "GET /api/v1/flags/") || strings.Count(line, `"user_agent"`) != 1 {
		t.Errorf("got %s", line)
	}
}

func TestTheTextOfAccessLinesStays(t *testing.T) {
	bare := named
	bare.Environment, bare.RequestID, bare.TraceID, bare.UserAgent = "", "", "", ""
	for _, o := range []logging.Options{{Format: "generic"}, {Override: override(t, `{"formatters":{"own":{"format":"%(message)s"}},"handlers":{"default":{"formatter":"own"}}}`)}} {
		if a, b := accessLine(t, o, named), accessLine(t, o, bare); a != b {
			t.Errorf("%s is not %s", a, b)
		}
	}
}

func TestKeysInWhatNamesARequestAreMasked(t *testing.T) {
	for _, r := range []logging.AccessRecord{{Environment: secret}, {RequestID: secret}, {TraceID: secret}, {UserAgent: "x" + secret}} {
		if line := accessLine(t, logging.Options{Format: "json"}, r); strings.Contains(line, secret[4:12]) {
			t.Errorf("not masked: %s", line)
		}
	}
}
