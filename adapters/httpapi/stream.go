package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/uptrace/bunrouter"

	"github.com/edge-proxy/edge-proxy/domain"
)

const (
	// heartbeat is how often a stream says something when there is nothing to
	// say, so that nobody on the way takes it for dead.
	heartbeat = 20 * time.Second
	// streamPatience is how long a listener may take to accept what it is sent.
	// One that takes longer is dropped; no other one waits for it.
	streamPatience = 10 * time.Second
)

var (
	headerEventStream = []string{"text/event-stream"}
	headerNoCache     = []string{"no-cache"}
	headerUnbuffered  = []string{"no"}
)

// getStream tells a listener of each new document of an environment, once the
// document is being served (upstream, "Real time"). It is for client-side keys,
// which may be part of an address.
func (a *API) getStream(w http.ResponseWriter, r bunrouter.Request) error {
	key := r.Param("key")
	entry, known := a.query.Snapshot().Lookup(key)
	if !known || entry.Key != domain.EnvironmentKey(key) {
		return errNotFound
	}
	h := w.Header()
	h["Content-Type"] = headerEventStream
	h["Cache-Control"] = headerNoCache
	h["X-Accel-Buffering"] = headerUnbuffered // for nginx, which would hold events back
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	updates, stop := a.announcements.Listen(entry.Key)
	defer stop()
	s := eventStream{w, http.NewResponseController(w), make([]byte, 0, 96)}
	if !s.begin() {
		return nil
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for alive := true; alive; {
		select {
		case <-r.Context().Done():
			return nil
		case <-a.ending:
			return nil
		case updatedAt := <-updates:
			alive = s.updated(updatedAt)
		case <-beat.C:
			alive = s.comment("heartbeat")
		}
	}
	return nil
}

// eventStream writes server-sent events. Its methods report whether the listener
// is still there.
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	buffer  []byte
}

// begin lifts the bounds that requests have: a stream ends when one of the two
// sides goes.
func (s *eventStream) begin() bool {
	_ = s.control.SetReadDeadline(time.Time{})
	s.w.WriteHeader(http.StatusOK)
	return s.comment("connected")
}

func (s *eventStream) comment(text string) bool {
	return s.send(append(append(append(s.buffer[:0], ": "...), text...), "\n\n"...))
}

func (s *eventStream) updated(at time.Time) bool {
	if at.IsZero() { // it is new all the same
		at = time.Now()
	}
	b := append(s.buffer[:0], "event: environment_updated\ndata: {\"updated_at\": "...)
	b = strconv.AppendFloat(b, float64(at.UnixMicro())/1e6, 'f', -1, 64)
	return s.send(append(b, "}\n\n"...))
}

func (s *eventStream) send(text []byte) bool {
	_ = s.control.SetWriteDeadline(time.Now().Add(streamPatience))
	if _, err := s.w.Write(text); err != nil {
		return false
	}
	return s.control.Flush() == nil
}

// EndStreams ends all streams, now and later, so that a shutdown does not wait for
// them.
func (a *API) EndStreams() { a.endOnce.Do(func() { close(a.ending) }) }
