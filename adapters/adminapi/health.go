package adminapi

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/edge-proxy/edge-proxy/app"
)

// getHealth answers that the process can answer.
func (a *API) getHealth(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok\n") }

// getReadiness answers whether the node should get traffic. With the parameter verbose
// it lists what was looked at.
func (a *API) getReadiness(w http.ResponseWriter, r *http.Request) {
	s := a.app.Status()
	status, verdict := http.StatusOK, "ok\n"
	if s.Readiness.State != app.Ready {
		status, verdict = http.StatusServiceUnavailable, "not ready: "+string(s.Readiness.State)+"\n"
	}
	if !r.URL.Query().Has("verbose") {
		text(w, status, verdict)
		return
	}
	var out strings.Builder
	for _, e := range s.Environments {
		fmt.Fprintf(&out, "%s environment %s: %s\n", sign(e.State == app.EnvironmentFresh), e.Key, stateOf(s, e))
	}
	fmt.Fprintf(&out, "%s serving: %s\n", sign(s.Readiness.State != app.NodeDraining), map[bool]string{true: "draining", false: "ok"}[s.Readiness.State == app.NodeDraining])
	out.WriteString(verdict)
	text(w, status, out.String())
}

// getReadinessOf answers whether one environment's document is fresh.
func (a *API) getReadinessOf(w http.ResponseWriter, r *http.Request) {
	s := a.app.Status()
	e, ok := environment(w, s, r.PathValue("environment"))
	if !ok {
		return
	}
	status := http.StatusOK
	if e.State != app.EnvironmentFresh {
		status = http.StatusServiceUnavailable
	}
	text(w, status, stateOf(s, e)+"\n")
}

func sign(well bool) string {
	if well {
		return "[+]"
	}
	return "[-]"
}

// stateOf returns the state of an environment in words.
func stateOf(s app.Status, e app.EnvironmentStatus) string {
	if e.Confirmed.IsZero() {
		return string(e.State) + ", never confirmed"
	}
	words := fmt.Sprintf("%s, confirmed %s ago", e.State, span(s.At.Sub(e.Confirmed)))
	if s.Limit > 0 {
		words += ", limit " + span(s.Limit)
	}
	return words
}
