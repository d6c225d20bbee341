package parity_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/e2e/parity"
)

// replayer is a server that answers with the recordings themselves: against
// it, replaying has to pass, and to fail by just what is spoiled.
func replayer(t *testing.T, documents []parity.Document, spoil func(n int, status int, body []byte) (int, []byte)) *httptest.Server {
	t.Helper()
	type answer struct {
		status int
		body   []byte
	}
	answers := map[string]answer{}
	n := 0
	for _, d := range documents {
		client, err := d.ClientKey()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range d.Evaluations {
			key := client
			if e.Key == "server" {
				key = parity.ServerKey(client)
			}
			what := ""
			switch {
			case string(e.Identity) != "null":
				what = "POST " + string(e.Identity)
			case e.Feature != nil:
				what = "GET " + *e.Feature
			default:
				what = "GET "
			}
			status, body := spoil(n, e.Status, e.Response)
			answers[key+" "+what] = answer{status, body}
			n++
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		what := "GET " + r.URL.Query().Get("feature")
		if r.Method == http.MethodPost && r.URL.Path == "/api/v1/identities/" {
			what = "POST " + string(body)
		}
		found, ok := answers[r.Header.Get("X-Environment-Key")+" "+what]
		if !ok {
			http.Error(w, "never recorded", http.StatusNotImplemented)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(found.status)
		_, _ = w.Write(found.body)
	}))
	t.Cleanup(server.Close)
	return server
}

func asRecorded(_ int, status int, body []byte) (int, []byte) { return status, body }

func TestReplayOfTheRecordingsThemselves(t *testing.T) {
	some := documents(t)[:40] // TestRecordedEvaluations replays all, and passes too
	want := 0
	for _, d := range some {
		want += len(d.Evaluations)
	}
	var report parity.Report
	if err := parity.Replay(t.Context(), replayer(t, some, asRecorded).URL, some, &report); err != nil {
		t.Fatal(err)
	}
	if report.Cases() != want || report.Failed() != 0 {
		t.Errorf("%s", report.String())
	}
}

func TestReplayNoticesWhatDiffers(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(status int, body []byte) (int, []byte)
		want  string
	}{
		{"status", func(_ int, body []byte) (int, []byte) { return 201, body }, "status: want 200, got 201"},
		{"a boolean", func(status int, body []byte) (int, []byte) {
			return status, bytes.Replace(body, []byte(`"enabled":true`), []byte(`"enabled":1`), 1)
		}, "want boolean true, got integer 1"},
		{"cut off", func(status int, body []byte) (int, []byte) { return status, body[:len(body)-1] }, "no JSON"},
	}
	some := documents(t)[:3]
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := replayer(t, some, func(n, status int, body []byte) (int, []byte) {
				if n == 0 {
					return tt.spoil(status, body)
				}
				return status, body
			})
			var report parity.Report
			if err := parity.Replay(t.Context(), server.URL, some, &report); err != nil {
				t.Fatal(err)
			}
			if report.Failed() != 1 || !strings.Contains(report.String(), tt.want) || !strings.Contains(report.String(), "document 0 (env0), request 0: server key, all flags") {
				t.Errorf("want %q in %s", tt.want, report.String())
			}
		})
	}
}

func TestReplayAgainstNobody(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	var report parity.Report
	some := documents(t)[:2]
	if err := parity.Replay(t.Context(), server.URL, some, &report); err != nil {
		t.Fatal(err)
	}
	if report.Cases() == 0 || report.Failed() != report.Cases() {
		t.Errorf("%s", report.String())
	}
}

func TestReplayEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var report parity.Report
	if err := parity.Replay(ctx, "http://127.0.0.1:1", documents(t), &report); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestReportTellsTheFirstFailuresOnly(t *testing.T) {
	var report parity.Report
	report.Add("fine", nil)
	for range 25 {
		report.Add("broken", []string{"one", "two"})
	}
	text := report.String()
	if report.Cases() != 26 || report.Failed() != 25 || strings.Count(text, "broken\n    one\n    two\n") != 20 {
		t.Errorf("%d cases, %d failed: %s", report.Cases(), report.Failed(), text)
	}
	if !strings.HasPrefix(text, "26 cases, 25 failed (the first 20 are listed)\n") || strings.Contains(text, "fine") {
		t.Errorf("summary %q", text)
	}
}
