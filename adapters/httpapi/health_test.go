package httpapi_test

import (
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
)

func TestHealth(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 890_000_000, time.FixedZone("", 3600))
	for _, test := range []struct {
		name      string
		readiness app.Readiness
		status    int
		body      string
	}{
		{"fresh", app.Readiness{Report: domain.Report{State: domain.Fresh, LastUpdate: at}}, 200,
			`{"status":"ok","reason":null,"last_successful_update":"2026-03-04T04:06:07.89Z"}`},
		{"missing", app.Readiness{Report: domain.Report{State: domain.Missing}}, 503,
			`{"status":"error","reason":"environment document(s) not updated.","last_successful_update":null}`},
		{"stale", app.Readiness{Report: domain.Report{State: domain.Stale, LastUpdate: at}}, 503,
			`{"status":"error","reason":"environment document(s) stale.","last_successful_update":"2026-03-04T04:06:07.89Z"}`},
		{"draining", app.Readiness{Report: domain.Report{State: domain.Fresh, LastUpdate: at}, Draining: true}, 503,
			`{"status":"error","reason":"shutting down.","last_successful_update":"2026-03-04T04:06:07.89Z"}`},
		{"draining without a document", app.Readiness{Report: domain.Report{State: domain.Missing}, Draining: true}, 503,
			`{"status":"error","reason":"shutting down.","last_successful_update":null}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			api := newAPI(t, func(o *httpapi.Options) { o.Query.(*query).readiness = test.readiness })
			for _, path := range []string{"/proxy/health/readiness", "/proxy/health", "/health/"} {
				want(t, ask(api, "GET", path, ""), test.status, test.body)
			}
			want(t, ask(api, "GET", "/proxy/health/liveness", ""), 200, `{"status":"ok"}`)
		})
	}
}
