package flagsmith_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// posted is a report as it came.
type posted struct {
	path, body string
	header     http.Header
}

// receiver answers reports with a status and keeps them.
func receiver(t *testing.T, status int) (*httptest.Server, *[]posted) {
	t.Helper()
	got := &[]posted{}
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost {
			t.Errorf("%s %s, %v", r.Method, r.URL, err)
		}
		*got = append(*got, posted{r.URL.Path, string(body), r.Header})
		w.WriteHeader(status)
	}), got
}

func batch() domain.UsageBatch {
	return domain.UsageBatch{Key: "0f0e", Rows: []domain.UsageRow{
		{Environment: "client", Resource: domain.ResourceFlags, Count: 3},
		{Environment: "client", Resource: domain.ResourceEnvironmentDocument, Count: 1},
	}}
}

// reportError returns err as what it must be, and sees that it tells no secret.
func reportError(t *testing.T, err error) *ports.ReportError {
	t.Helper()
	var report *ports.ReportError
	if !errors.As(err, &report) {
		t.Fatalf("%v is a %T, want a ReportError", err, err)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		noSecrets(t, e.Error())
	}
	return report
}

func TestReportUsage(t *testing.T) {
	t.Parallel()
	s, got := receiver(t, http.StatusOK)
	if err := client(t, s.URL+"/api/v1/").ReportUsage(t.Context(), batch()); err != nil {
		t.Fatal(err)
	}
	if len(*got) != 1 {
		t.Fatalf("%d reports", len(*got))
	}
	p := (*got)[0]
	if p.path != "/api/v1/proxy/usage/" || p.body != `[{"client_side_key":"client","resource":"flags","count":3},{"client_side_key":"client","resource":"environment-document","count":1}]` {
		t.Errorf("got %s %s", p.path, p.body)
	}
	for name, want := range map[string]string{"X-Proxy-Key": proxyKey, "Idempotency-Key": "0f0e", "Content-Type": "application/json", "User-Agent": "edge-proxy/1.2.3", "X-Environment-Key": ""} {
		if p.header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, p.header.Get(name), want)
		}
	}
}

func TestReportAnalytics(t *testing.T) {
	t.Parallel()
	s, got := receiver(t, http.StatusNoContent)
	c := client(t, s.URL+"/sub/api/v1")
	if err := c.ReportCounts(t.Context(), "client", []domain.FeatureCount{{Feature: "b<", Count: 2}, {Feature: "a", Count: 1}, {Feature: "a", Count: 4}}); err != nil {
		t.Fatal(err)
	}
	if err := c.ReportEvaluations(t.Context(), "client", []domain.FeatureEvaluation{{Feature: "a", Identity: "me", Enabled: true, Count: 2}, {Feature: "a", Count: 1}}); err != nil {
		t.Fatal(err)
	}
	if len(*got) != 2 {
		t.Fatalf("%d reports", len(*got))
	}
	for i, want := range []posted{
		{path: "/sub/api/v1/analytics/flags/", body: `{"a":5,"b<":2}`},
		{path: "/sub/api/v2/analytics/flags/", body: `{"evaluations":[{"feature_name":"a","identity_identifier":"me","enabled_when_evaluated":true,"count":2},{"feature_name":"a","identity_identifier":null,"enabled_when_evaluated":false,"count":1}]}`},
	} {
		var gotBody, wantBody any
		if json.Unmarshal([]byte((*got)[i].body), &gotBody) != nil || json.Unmarshal([]byte(want.body), &wantBody) != nil ||
			(*got)[i].path != want.path || !reflect.DeepEqual(gotBody, wantBody) {
			t.Errorf("got %s %s", (*got)[i].path, (*got)[i].body)
		}
		if h := (*got)[i].header; h.Get("X-Environment-Key") != "client" || h.Get("X-Proxy-Key") != "" {
			t.Errorf("header %v", h)
		}
	}
}

func TestReportsByStatus(t *testing.T) {
	t.Parallel()
	for status, refused := range map[int]bool{
		200: false, 201: false, 202: false, 204: false, 304: false,
		400: true, 401: true, 403: true, 404: true, 409: true, 413: true, 422: true, 429: false, 500: false, 502: false, 503: false,
	} {
		s, _ := receiver(t, status)
		err := client(t, s.URL).ReportUsage(t.Context(), batch())
		if status < 300 {
			if err != nil {
				t.Errorf("%d: %v", status, err)
			}
			continue
		}
		if r := reportError(t, err); r.Status != status || r.Refused != refused {
			t.Errorf("%d is reported as %+v", status, r)
		}
	}
}

func TestEvaluationsThatNobodyTakes(t *testing.T) {
	t.Parallel()
	evaluations := []domain.FeatureEvaluation{{Feature: "a", Count: 1}}
	s, got := receiver(t, http.StatusNotFound)
	for _, address := range []string{s.URL + "/api/v1", s.URL + "/flags"} {
		err := client(t, address).ReportEvaluations(t.Context(), "client", evaluations)
		if r := reportError(t, err); !r.Refused || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if len(*got) != 1 {
		t.Errorf("%d requests, want none where version 2 is not known", len(*got))
	}
	other, _ := receiver(t, http.StatusForbidden)
	if err := client(t, other.URL+"/api/v1").ReportEvaluations(t.Context(), "client", evaluations); errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("403 is reported as %v", err)
	}
}

func TestReportsWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	})
	if r := reportError(t, client(t, s.URL).ReportUsage(t.Context(), batch())); r.Status != 0 || r.Refused {
		t.Errorf("told as %+v", r)
	}
	hanging := make(chan struct{})
	slow := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-hanging
	})
	t.Cleanup(func() { close(hanging) })
	hurried := client(t, slow.URL, func(o *flagsmith.Options) { o.Timeout = 50 * time.Millisecond })
	if r := reportError(t, hurried.ReportUsage(t.Context(), batch())); r.Status != 0 || r.Refused || !strings.Contains(r.Error(), "50ms") {
		t.Errorf("told as %v", r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client(t, slow.URL).ReportUsage(ctx, batch()); !errors.Is(err, context.Canceled) {
		t.Errorf("told as %v", err)
	}
}

func TestReportsAndRedirects(t *testing.T) {
	t.Parallel()
	target, got := receiver(t, http.StatusOK)
	for status, follows := range map[int]bool{301: true, 302: true, 303: false, 307: true, 308: true} {
		*got = nil
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/moved" {
				target.Config.Handler.ServeHTTP(w, r)
				return
			}
			http.Redirect(w, r, "/moved", status)
		})
		err := client(t, s.URL).ReportUsage(t.Context(), batch())
		if (err == nil) != follows || len(*got) == 1 != follows {
			t.Errorf("%d: %v, %d arrived", status, err, len(*got))
		}
		if follows && ((*got)[0].header.Get("Idempotency-Key") != "0f0e" || !strings.HasPrefix((*got)[0].body, "[{")) {
			t.Errorf("%d: got %v", status, (*got)[0])
		}
	}
	*got = nil
	elsewhere := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target.URL+"/moved", http.StatusTemporaryRedirect)
	})
	r := reportError(t, client(t, elsewhere.URL).ReportUsage(t.Context(), batch()))
	if r.Refused || len(*got) != 0 {
		t.Errorf("another origin got %v, told as %v", *got, r)
	}
}

func TestNewIdempotencyKey(t *testing.T) {
	t.Parallel()
	if a, b := flagsmith.NewIdempotencyKey(), flagsmith.NewIdempotencyKey(); a == b || len(a) != 36 {
		t.Errorf("%q and %q", a, b)
	}
}
