package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/uptrace/bunrouter"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

const livenessPath = "/proxy/health/liveness"

// readinessPaths are the paths of readiness, of which the last two are deprecated.
var readinessPaths = []string{"/proxy/health/readiness", "/proxy/health", "/health"}

// getLiveness answers that the process can answer.
func (a *API) getLiveness(w http.ResponseWriter, r bunrouter.Request) error {
	return a.writeJSON(w, r.Request, http.StatusOK, []byte(`{"status":"ok"}`))
}

// getReadiness answers whether the proxy should get traffic (docs/spec/behaviour.md#readiness).
func (a *API) getReadiness(w http.ResponseWriter, r bunrouter.Request) error {
	readiness := a.o.Query.Readiness()
	reason := ""
	switch {
	case readiness.Draining:
		reason = "shutting down."
	case readiness.State == domain.Missing:
		reason = "environment document(s) not updated."
	case readiness.State == domain.Stale:
		reason = "environment document(s) stale."
	}
	status, body := http.StatusServiceUnavailable, []byte(`{"status":"error","reason":`)
	if reason == "" {
		status, body = http.StatusOK, []byte(`{"status":"ok","reason":`)
		reason = a.stoppedReason()
	}
	if reason == "" {
		body = append(body, "null"...)
	} else {
		body = jsonscan.AppendString(body, reason)
	}
	body = append(body, `,"last_successful_update":`...)
	if at := readiness.LastUpdate; at.IsZero() {
		body = append(body, "null"...)
	} else {
		body = append(at.UTC().AppendFormat(append(body, '"'), time.RFC3339Nano), '"')
	}
	return a.writeJSON(w, r.Request, status, append(body, '}'))
}

// stoppedReason says how many environments are answered with 403 because their
// organisations are disabled, "" for 0. The proxy is ready all the same: it
// answers about them as the Flagsmith API does.
func (a *API) stoppedReason() string {
	stopped, snapshot := 0, a.o.Query.Snapshot()
	for _, keys := range snapshot.Keys() {
		if e := snapshot.Environment(keys.Client); e != nil && e.Serving.Stopped {
			stopped++
		}
	}
	if stopped == 0 {
		return ""
	}
	return strconv.Itoa(stopped) + " environment(s) of organisations that are disabled from serving flags."
}
