package flagsmith

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"

	"github.com/edge-proxy/edge-proxy/ports"
)

// report is a report to upstream.
type report struct {
	address *url.URL
	secret  http.Header // goes to the configured origin only, as does all of the report
	header  http.Header
	content any // written as JSON
	// denied is the likely cause where upstream does not accept the key.
	denied string
}

// send sends a report within the time-out of a request. Errors: ctx's when it
// ended; otherwise a *ports.ReportError.
func (c *Client) send(ctx context.Context, r report) error {
	err := c.post(ctx, r)
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	f := failureOf(err)
	return &ports.ReportError{Status: f.status, Refused: refuses(f.status), After: f.after, Cause: f.cause, Reached: f.reached, Err: f.err}
}

// refuses reports whether a status says that the same request is never taken: 4xx
// (docs/spec/upstream.md#usage), but for 429, after which it is taken later.
func refuses(status int) bool {
	return status >= 400 && status < 500 && status != http.StatusTooManyRequests
}

func (c *Client) post(ctx context.Context, r report) error {
	body, err := json.Marshal(r.content)
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	q := request{address: r.address, secret: r.secret, method: http.MethodPost, body: body}
	q.header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	maps.Copy(q.header, r.header)
	return c.exchange(ctx, q, func(answer *http.Response) error {
		if answer.StatusCode >= 200 && answer.StatusCode < 300 {
			drain(answer.Body)
			return nil
		}
		f := c.statusFailure(answer)
		if cause := r.causeOf(answer); cause != "" && (answer.StatusCode != http.StatusBadRequest || f.cause == "") {
			f.cause = cause
		}
		return f
	})
}

// causeOf returns the cause of a status where it differs from that of a document.
func (r report) causeOf(answer *http.Response) string {
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return r.denied
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		return "this version of Flagsmith takes no such reports, or api_url is not the address of its API"
	case http.StatusBadRequest:
		return "this version of Flagsmith takes other reports"
	case http.StatusTooManyRequests:
		return "upstream wants fewer requests" + wait(answer.Header)
	default:
		return ""
	}
}
