package adminapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
)

const (
	// maxStreams is how many streams of events are open at one time.
	maxStreams = 16
	// heartbeat is how often a stream without events shows that it is alive.
	heartbeat = 15 * time.Second
	// streamWrite is how long a client of a stream may take for what is sent at once.
	streamWrite = 10 * time.Second
)

type eventJSON struct {
	Seq         uint64     `json:"seq"`
	At          *time.Time `json:"at"`
	Kind        string     `json:"kind"`
	Environment *string    `json:"environment"`
	Message     string     `json:"message"`
}

func eventOf(e app.Event) eventJSON {
	return eventJSON{e.Seq, moment(e.At), e.Kind, unlessEmpty(string(e.Environment)), e.Message}
}

// getEvents answers with the last events, or streams them from there on. The parameter
// since, or Last-Event-ID, is the number of the last event that the client has.
func (a *API) getEvents(w http.ResponseWriter, r *http.Request) {
	text := r.URL.Query().Get("since")
	if id := r.Header.Get("Last-Event-ID"); id != "" { // of a stream that was interrupted
		text = id
	}
	since := uint64(0)
	if text != "" {
		var err error
		if since, err = strconv.ParseUint(text, 10, 64); err != nil {
			refuse(w, http.StatusBadRequest, "since must be the number of an event, such as 17")
			return
		}
	}
	if wantsStream(r) {
		a.stream(w, r, since)
		return
	}
	events, _ := a.app.Recent().Since(since)
	list := make([]eventJSON, 0, len(events))
	for _, e := range events {
		list = append(list, eventOf(e))
	}
	answer(w, http.StatusOK, map[string][]eventJSON{"events": list})
}

// stream sends the events after since, and each further one, until the client goes away
// or the server stops.
func (a *API) stream(w http.ResponseWriter, r *http.Request, since uint64) {
	select {
	case a.streams <- struct{}{}:
		defer func() { <-a.streams }()
	default:
		w.Header().Set("Retry-After", "10")
		refuse(w, http.StatusServiceUnavailable, fmt.Sprintf("%d streams of events are open, which is the most; read /events?since= instead", maxStreams))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	alive := time.NewTicker(heartbeat)
	defer alive.Stop()
	sent := ": events of this node\n\n"
	for {
		events, more := a.app.Recent().Since(since)
		for _, e := range events {
			body, err := json.Marshal(eventOf(e))
			if err != nil { // cannot be
				return
			}
			sent += fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.Kind, body)
			since = e.Seq
		}
		if sent != "" {
			_ = control.SetWriteDeadline(time.Now().Add(streamWrite))
			if _, err := w.Write([]byte(sent)); err != nil || control.Flush() != nil {
				return
			}
		}
		sent = ""
		select {
		case <-more:
		case <-alive.C:
			sent = ":\n\n"
		case <-r.Context().Done():
			return
		}
	}
}
