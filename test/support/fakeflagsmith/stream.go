package fakeflagsmith

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// listenerBuffer is how many events may wait for one listener; a test that
// emits more before they are read loses the rest, as on a real stream.
const listenerBuffer = 64

// listener is one open stream.
type listener struct {
	events chan string
	end    chan struct{} // closed by EndStreams
}

// Emit sends the event environment_updated with the given data (usually
// {"updated_at": …}) to the open streams of a client-side key, and returns how
// many there were.
func (s *Server) Emit(clientKey, data string) int {
	var event strings.Builder
	event.WriteString("event: environment_updated\n")
	for line := range strings.SplitSeq(data, "\n") {
		fmt.Fprintf(&event, "data: %s\n", line)
	}
	event.WriteString("\n")

	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.streams[clientKey] {
		select {
		case l.events <- event.String():
		default:
		}
	}
	return len(s.streams[clientKey])
}

// Listeners returns how many streams of a client-side key are open.
func (s *Server) Listeners(clientKey string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.streams[clientKey])
}

// EndStreams ends the open streams of a client-side key; clients may come back.
func (s *Server) EndStreams(clientKey string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.streams[clientKey] {
		close(l.end)
		delete(s.streams[clientKey], l)
	}
}

// serveStream answers GET /sse/environments/{key}/stream.
func (s *Server) serveStream(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	target := StreamOf(key)
	if s.hasScript(target) || !s.knowsClientKey(key) {
		s.serve(w, r, endpoint{target: target, answer: func([]byte) answer {
			return detail(http.StatusNotFound, "Not found.")
		}})
		return
	}

	l := &listener{events: make(chan string, listenerBuffer), end: make(chan struct{})}
	s.mu.Lock()
	journal := s.journal
	record := journal.begin(Request{
		Target: target, Time: time.Now(), Method: r.Method, URI: r.URL.RequestURI(), Host: r.Host, Header: r.Header.Clone(),
	})
	journal.answered(record, http.StatusOK)
	if s.streams[key] == nil {
		s.streams[key] = map[*listener]struct{}{}
	}
	s.streams[key][l] = struct{}{}
	streams, done := s.streams, s.done
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(streams[key], l)
		journal.end(record)
		s.mu.Unlock()
	}()

	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusOK)
	out := http.NewResponseController(w)
	_ = out.Flush()
	for {
		select {
		case event := <-l.events:
			if _, err := fmt.Fprint(w, event); err != nil {
				return
			}
			_ = out.Flush()
		case <-l.end:
			return
		case <-done:
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (s *Server) hasScript(target Target) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.scripts[target]) > 0
}
