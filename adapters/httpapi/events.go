package httpapi

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/uptrace/bunrouter"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

// eventsPath is the path that SDKs post events to. It is also served below /api, for SDKs
// that were configured with the address of the API.
const eventsPath = "/v1/events"

// maxSDK is the length of the longest name of an SDK that is forwarded.
const maxSDK = 256

// Events queues the events of experiments. Accept is called concurrently. It must not
// wait for upstream and must copy what it keeps. It reports false when the queue is full.
type Events interface {
	Accept(source domain.EventSource, events []string) bool
}

// postEvents accepts events as Flagsmith does (docs/spec/today.md#events). It checks each
// event on its own and queues the valid ones.
func (a *API) postEvents(w http.ResponseWriter, r bunrouter.Request) error {
	entry, err := a.authenticate(r.Request)
	if err != nil {
		return err
	}
	contentType := r.Header["Content-Type"]
	if len(contentType) == 0 || contentType[0] == "" || !declaredJSON(contentType) {
		return plainText(w, http.StatusUnsupportedMediaType, "send the body with Content-Type: application/json")
	}
	request, ok := decompressed(r.Request)
	if !ok {
		w.Header()["Accept-Encoding"] = []string{"gzip"}
		return plainText(w, http.StatusUnsupportedMediaType, "send the body uncompressed or with Content-Encoding: gzip")
	}
	s := a.scratches.Get().(*scratch)
	defer a.recycle(s)
	body, err := a.readUpTo(a.o.MaxEventsBytes, w, request, s)
	if err != nil {
		return err
	}
	events, err := domain.ReadEvents(body, a.o.Now())
	switch {
	case errors.Is(err, jsonscan.ErrSyntax):
		return plainText(w, http.StatusBadRequest, err.Error())
	case err != nil:
		return plainText(w, http.StatusUnprocessableEntity, err.Error())
	}
	status := http.StatusBadRequest
	if len(events.Valid) > 0 {
		status = http.StatusAccepted
		source := domain.EventSource{Environment: entry.Key, SDK: sdkOf(r.Header)}
		if entry.Access == domain.ServerSide {
			source.ServerKey = domain.NewServerKey(r.Header["X-Environment-Key"][0]).Digest()
		}
		if !a.o.Events.Accept(source, events.Valid) {
			w.Header()["Retry-After"] = []string{retryAfter}
			return plainText(w, http.StatusServiceUnavailable, "the queue of events is full, try again later")
		}
	}
	return a.write(w, r.Request, status, eventsAnswer(events), 0) // never fails: the events are accepted
}

// eventsAnswer returns the body that says which events are accepted.
func eventsAnswer(events domain.Events) []byte {
	body := strconv.AppendInt([]byte(`{"accepted":`), int64(len(events.Valid)), 10)
	body = append(body, `,"rejected":[`...)
	for i, rejected := range events.Rejected {
		if i > 0 {
			body = append(body, ',')
		}
		body = strconv.AppendInt(append(body, `{"index":`...), int64(rejected.Index), 10)
		body = jsonscan.AppendString(append(body, `,"error":`...), rejected.Reason)
		body = append(body, '}')
	}
	body = append(body, ']')
	if len(events.Valid)+events.NumRejected == 0 {
		body = append(body, `,"error":"events must be non-empty"`...)
	}
	return append(body, '}')
}

// sdkOf returns the name that an SDK gives itself. It is empty if it cannot be forwarded
// in a header.
func sdkOf(h http.Header) string {
	name := h.Get("Flagsmith-SDK-User-Agent")
	if len(name) > maxSDK || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return name
}

// plainText answers with a text, as upstream does for a body that it cannot read.
func plainText(w http.ResponseWriter, status int, text string) error {
	h := w.Header()
	h["Content-Type"] = headerPlainText
	h["Content-Length"] = []string{strconv.Itoa(len(text))}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
	return nil
}

// corsOf returns the rules for requests from browsers. Events are accepted from every
// origin, as upstream does: client-side keys are public, and the answer reveals nothing.
func (a *API) corsOf(r *http.Request) *cors {
	if a.o.Events != nil && !a.cors.all && isEventsPath(r.URL.Path) {
		return &cors{all: true}
	}
	return &a.cors
}

func isEventsPath(path string) bool {
	return strings.TrimSuffix(strings.TrimPrefix(path, "/api"), "/") == eventsPath
}
