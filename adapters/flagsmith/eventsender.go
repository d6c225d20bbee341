package flagsmith

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// sdkHeader is where an SDK names itself.
	sdkHeader = "Flagsmith-SDK-User-Agent"
	// maxReceipt bounds what is read of an answer to events.
	maxReceipt = 1 << 20
	// maxReason bounds what is repeated of it.
	maxReason = 200
)

// EventSender is an events API of Flagsmith, which takes the events of experiments.
// Make it with NewEventSender. It is safe for concurrent use.
type EventSender struct{ client *Client }

var _ ports.EventSender = (*EventSender)(nil)

// NewEventSender returns the sender to the API at o.APIURL (events.url), which may be
// another host than that of the documents: keys go there, and only there. It connects
// to nothing. Errors: as New.
func NewEventSender(o Options) (*EventSender, error) {
	client, err := New(o)
	if err != nil {
		return nil, err
	}
	return &EventSender{client}, nil
}

// Close closes the connections that are kept open.
func (s *EventSender) Close() { s.client.Close() }

// SendEvents posts a batch, its events byte for byte, with the key that they came
// with. It implements ports.EventSender.
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
	receipt, err := s.post(ctx, q, key)
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

func (s *EventSender) post(ctx context.Context, q request, key string) (ports.EventReceipt, error) {
	bounded, cancel := context.WithTimeout(ctx, s.client.options.Timeout)
	defer cancel()
	answer, err := s.client.get(bounded, q)
	if err != nil {
		return ports.EventReceipt{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode >= 200 && answer.StatusCode < 300 {
		return receiptOf(answer.Body, key), nil
	}
	drain(answer.Body)
	return ports.EventReceipt{}, &failure{
		status: answer.StatusCode,
		after:  retryAfter(answer.Header),
		cause:  causeOfEvents(answer),
		err:    fmt.Errorf("upstream answered %d", answer.StatusCode),
	}
}

// eventsBody writes events as the body of one request.
func eventsBody(events []string) []byte {
	var body bytes.Buffer
	body.WriteString(`{"events":[`)
	for i, event := range events {
		if i > 0 {
			body.WriteByte(',')
		}
		body.WriteString(event)
	}
	body.WriteString("]}")
	return body.Bytes()
}

// receiptOf reads the answer to events that upstream has taken. One that cannot be
// read says nothing, for they were taken.
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

// refusesEvents reports whether a status says that the same events are never taken,
// and whether parts of them may be.
func refusesEvents(status int) (refused, divisible bool) {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true, true
	case http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false, false // nobody has judged the events
	}
	return status >= 400 && status < 500, false
}

func causeOfEvents(answer *http.Response) string {
	switch status := answer.StatusCode; status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "the environment's key is not known there: check that events.url is the events API of the Flagsmith that the environment belongs to"
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		return "events.url is not the address of an events API: correct it, or set it to \"\" where there is none"
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusUnsupportedMediaType:
		return "this version of Flagsmith takes other events"
	case http.StatusRequestEntityTooLarge:
		return "an event is too large for upstream"
	case http.StatusTooManyRequests:
		return "upstream wants fewer requests" + wait(answer.Header)
	default:
		return causeOfStatus(status, answer.Header)
	}
}
