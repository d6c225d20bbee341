package flagsmith

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// sdkHeader is where an SDK names itself.
	sdkHeader = "Flagsmith-SDK-User-Agent"
	// maxReceipt bounds the answer to events, in bytes.
	maxReceipt = 1 << 20
	// maxReason bounds the part of it that is logged.
	maxReason = 200
)

// EventSender sends the events of experiments to an events API of Flagsmith. Make it
// with NewEventSender. It is safe for concurrent use.
type EventSender struct{ client *Client }

var _ ports.EventSender = (*EventSender)(nil)

// NewEventSender returns the sender to the API at o.APIURL (events.url), which may be on
// another host than the documents. Keys are sent to that origin only. It makes no
// connection. Its errors are those of New.
func NewEventSender(o Options) (*EventSender, error) {
	client, err := New(o)
	if err != nil {
		return nil, err
	}
	return &EventSender{client}, nil
}

// Close closes the connections that are kept open.
func (s *EventSender) Close() { s.client.Close() }

// SendEvents implements ports.EventSender. It sends the events byte for byte.
func (s *EventSender) SendEvents(ctx context.Context, b ports.EventBatch) (ports.EventReceipt, error) {
	key := string(b.Environment)
	if !b.ServerKey.IsZero() {
		key = b.ServerKey.Reveal()
	}
	q := request{
		address: s.client.api.JoinPath("v1/events"), method: http.MethodPost, body: eventsBody(b.Events),
		header: http.Header{"Content-Type": {"application/json; charset=utf-8"}, "Accept": {"application/json"}},
		secret: http.Header{environmentKeyHeader: {key}},
	}
	if b.SDK != "" {
		q.header.Set(sdkHeader, b.SDK)
	}
	var receipt ports.EventReceipt
	err := s.client.exchange(ctx, q, func(answer *http.Response) error {
		if answer.StatusCode >= 200 && answer.StatusCode < 300 {
			receipt = receiptOf(answer.Body, key)
			return nil
		}
		f := s.client.statusFailure(answer)
		if answer.StatusCode != http.StatusBadRequest || f.cause == "" {
			f.cause = causeOfEvents(answer)
		}
		return f
	})
	if err == nil {
		return receipt, nil
	}
	if ended := ctx.Err(); ended != nil {
		return ports.EventReceipt{}, ended
	}
	f := failureOf(err).about("events.url")
	report := &ports.ReportError{Status: f.status, After: f.after, Cause: f.cause, Err: f.err}
	report.Refused, report.Divisible = refusesEvents(f.status)
	return ports.EventReceipt{}, report
}

// eventsBody returns the body of a request with the events.
func eventsBody(events []string) []byte {
	return []byte(`{"events":[` + strings.Join(events, ",") + "]}")
}

// receiptOf reads the answer to a batch that upstream has accepted. An answer that cannot
// be read rejects nothing.
func receiptOf(body io.Reader, key string) ports.EventReceipt {
	text, _ := io.ReadAll(io.LimitReader(body, maxReceipt))
	var answer struct {
		Rejected []struct {
			Error string `json:"error"`
		} `json:"rejected"`
	}
	if json.Unmarshal(text, &answer) != nil || len(answer.Rejected) == 0 {
		return ports.EventReceipt{}
	}
	reason := answer.Rejected[0].Error
	if len(reason) > maxReason || strings.Contains(reason, key) {
		reason = ""
	}
	return ports.EventReceipt{Rejected: len(answer.Rejected), Reason: reason}
}

// refusesEvents reports whether a status refuses the batch for good, and whether
// upstream may accept parts of it.
func refusesEvents(status int) (refused, divisible bool) {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusUnsupportedMediaType:
		return true, false // a verdict on the key or the address
	case http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false, false // not a verdict
	}
	refused = status >= 400 && status < 500
	return refused, refused
}

func causeOfEvents(answer *http.Response) string {
	switch status := answer.StatusCode; status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "the environment's key is not known there: check that events.url is the events API of the Flagsmith that the environment belongs to"
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		return "events.url is not the address of an events API: correct it, or set it to \"\" to switch events off"
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusUnsupportedMediaType:
		return "this version of Flagsmith does not accept an event of this form"
	case http.StatusRequestEntityTooLarge:
		return "an event is too large for upstream"
	case http.StatusTooManyRequests:
		return "upstream wants fewer requests" + wait(answer.Header)
	default:
		return causeOfStatus(status, answer.Header)
	}
}
