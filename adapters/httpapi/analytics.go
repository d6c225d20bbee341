package httpapi

import (
	"net/http"

	"github.com/uptrace/bunrouter"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
)

// The paths of analytics.
const (
	analyticsPath   = "/api/v1/analytics/flags"
	evaluationsPath = "/api/v2/analytics/flags"
)

// Analytics receives what applications report about their use of features. It is called
// by concurrent requests, must not wait for upstream, and keeps none of the memory it
// is given.
type Analytics interface {
	AddCounts(key domain.EnvironmentKey, counts []domain.FeatureCount)
	AddEvaluations(key domain.EnvironmentKey, evaluations []domain.FeatureEvaluation)
}

var (
	errAnalyticsUndeclared = refused(http.StatusBadRequest, "bad_request", "send the body with Content-Type: application/json").as(badBody)
	errCountsBody          = refused(http.StatusBadRequest, "bad_request", "the body must be a JSON object of counts by feature name").as(badBody)
	errEvaluationsBody     = refused(http.StatusBadRequest, "bad_request", `the body must be a JSON object with the list "evaluations"`).as(badBody)
)

// postCounts accepts counts by feature name (docs/spec/upstream.md#analytics). They are added
// to those of the environment, whichever of its keys the request has.
func (a *API) postCounts(w http.ResponseWriter, r bunrouter.Request) error {
	s := a.scratches.Get().(*scratch)
	defer a.recycle(s)
	entry, body, err := a.analyticsRequest(w, r.Request, s)
	if err != nil {
		return err
	}
	counts, err := decodeCounts(body, entry.Environment.Program)
	if err != nil {
		return err
	}
	a.o.Analytics.AddCounts(entry.Key, counts)
	w.Header()["Content-Length"] = noLength
	w.WriteHeader(http.StatusOK)
	return nil
}

// postEvaluations accepts evaluations with their identities (docs/spec/upstream.md#analytics).
func (a *API) postEvaluations(w http.ResponseWriter, r bunrouter.Request) error {
	s := a.scratches.Get().(*scratch)
	defer a.recycle(s)
	entry, body, err := a.analyticsRequest(w, r.Request, s)
	if err != nil {
		return err
	}
	evaluations, err := decodeEvaluations(body, entry.Environment.Program)
	if err != nil {
		return err
	}
	a.o.Analytics.AddEvaluations(entry.Key, evaluations)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// noLength is the Content-Length of an answer without a body.
var noLength = []string{"0"}

// analyticsRequest returns the environment that a report is about, and the body. The
// document must have arrived, because it says which features exist.
func (a *API) analyticsRequest(w http.ResponseWriter, r *http.Request, s *scratch) (app.Entry, string, error) {
	entry, err := a.environment(r)
	if err != nil {
		return app.Entry{}, "", err
	}
	body, err := a.readBody(w, r, s)
	if err == nil && !declaredJSON(r.Header["Content-Type"]) {
		err = errAnalyticsUndeclared
	}
	return entry, body, err
}
