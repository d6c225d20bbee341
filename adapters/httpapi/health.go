package httpapi

import (
	"net/http"
	"time"

	"github.com/uptrace/bunrouter"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

const livenessPath = "/proxy/health/liveness"

// getLiveness answers that the process can answer.
func (a *API) getLiveness(w http.ResponseWriter, r bunrouter.Request) error {
	return a.writeJSON(w, r.Request, http.StatusOK, []byte(`{"status":"ok"}`))
}

// getReadiness answers whether the proxy should get traffic (docs/spec/behaviour.md#readiness).
func (a *API) getReadiness(w http.ResponseWriter, r bunrouter.Request) error {
	readiness := a.query.Readiness()
	reason := ""
	switch {
	case readiness.Draining:
		reason = "shutting down."
	case readiness.State == domain.Missing:
		reason = "environment document(s) not updated."
	case readiness.State == domain.Stale:
		reason = "environment document(s) stale."
	}
	status, body := http.StatusOK, []byte(`{"status":"ok","reason":null,"last_successful_update":`)
	if reason != "" {
		status, body = http.StatusServiceUnavailable, jsonscan.AppendString([]byte(`{"status":"error","reason":`), reason)
		body = append(body, `,"last_successful_update":`...)
	}
	if at := readiness.LastUpdate; at.IsZero() {
		body = append(body, "null"...)
	} else {
		body = append(at.UTC().AppendFormat(append(body, '"'), time.RFC3339Nano), '"')
	}
	return a.writeJSON(w, r.Request, status, append(body, '}'))
}
