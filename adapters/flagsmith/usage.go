package flagsmith

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

var _ ports.UsageReporter = (*Client)(nil)

// usageRow is a row of a usage report as upstream reads it.
type usageRow struct {
	Environment string `json:"client_side_key"`
	Resource    string `json:"resource"`
	Count       int64  `json:"count"`
}

// ReportUsage posts a batch with the proxy key (docs/spec/upstream.md#usage).
func (c *Client) ReportUsage(ctx context.Context, b domain.UsageBatch) error {
	rows := make([]usageRow, len(b.Rows))
	for i, r := range b.Rows {
		rows[i] = usageRow{string(r.Environment), r.Resource.String(), r.Count}
	}
	return c.send(ctx, report{
		address: c.api.JoinPath("proxy/usage/"),
		secret:  http.Header{proxyKeyHeader: {c.proxyKey()}},
		header:  http.Header{"Idempotency-Key": {b.Key}},
		content: rows,
		denied:  "the proxy key is wrong, expired or deleted, or api_url is not the API that it belongs to",
	})
}

// NewIdempotencyKey returns a new key for a domain.UsageBatch, a random UUID.
func NewIdempotencyKey() string { return uuid.NewString() }
