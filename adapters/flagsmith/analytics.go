package flagsmith

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

var _ ports.AnalyticsReporter = (*Client)(nil)

// analyticsPath is where analytics go, from the address of a version of the API.
const analyticsPath = "analytics/flags/"

// ReportCounts posts counts as one object, with the environment's client-side key
// (docs/spec/upstream.md#analytics).
func (c *Client) ReportCounts(ctx context.Context, key domain.EnvironmentKey, counts []domain.FeatureCount) error {
	content := make(map[string]int64, len(counts))
	for _, f := range counts {
		content[f.Feature] += f.Count
	}
	return c.send(ctx, analyticsReport(c.api.JoinPath(analyticsPath), key, content))
}

// evaluation is an evaluation as upstream reads it.
type evaluation struct {
	Feature  string  `json:"feature_name"`
	Identity *string `json:"identity_identifier"` // null for none: a blank one is refused
	Enabled  bool    `json:"enabled_when_evaluated"`
	Count    int64   `json:"count"`
}

// ReportEvaluations posts evaluations to version 2 of the API, which is beside
// api_url where that is version 1, with the environment's client-side key
// (docs/spec/upstream.md#analytics). The error is errors.ErrUnsupported when no
// version 2 is known or it does not have that path.
func (c *Client) ReportEvaluations(ctx context.Context, key domain.EnvironmentKey, evaluations []domain.FeatureEvaluation) error {
	address := secondVersion(c.api)
	if address == nil {
		return &ports.ReportError{Refused: true, Cause: "version 2 of the API is only known where api_url ends in /v1", Err: errors.ErrUnsupported}
	}
	content := make([]evaluation, len(evaluations))
	for i, e := range evaluations {
		content[i] = evaluation{Feature: e.Feature, Enabled: e.Enabled, Count: e.Count}
		if e.Identity != "" {
			content[i].Identity = &e.Identity
		}
	}
	err := c.send(ctx, analyticsReport(address.JoinPath(analyticsPath), key, map[string]any{"evaluations": content}))
	var failed *ports.ReportError
	if errors.As(err, &failed) && isNotThere(failed.Status) {
		failed.Err = fmt.Errorf("%w: %w", failed.Err, errors.ErrUnsupported)
	}
	return err
}

func analyticsReport(address *url.URL, key domain.EnvironmentKey, content any) report {
	return report{
		address: address,
		secret:  http.Header{environmentKeyHeader: {string(key)}},
		content: content,
		denied:  "the environment is not there any more, or api_url is not the API that it belongs to",
	}
}

// secondVersion returns the address of version 2 of the API whose version 1 is at
// api, nil unless api is the address of a version 1.
func secondVersion(api *url.URL) *url.URL {
	if path.Base(api.Path) != "v1" {
		return nil
	}
	return api.JoinPath("../v2")
}
