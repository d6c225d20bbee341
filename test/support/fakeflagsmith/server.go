package fakeflagsmith

import (
	"maps"
	"net/http"
	"sync"
)

// Server is a fake Flagsmith API. It is an [http.Handler]; its other methods
// drive it and read what it saw. All methods are safe for concurrent use.
type Server struct {
	mux *http.ServeMux

	mu           sync.Mutex
	environments map[string]*environment // by client-side key
	byServerKey  map[string]*environment
	scripts      map[Target][]Failure
	journal      *journal
	discovery    Discovery
	usage        usageLedger
	streams      map[string]map[*listener]struct{} // by client-side key
	done         chan struct{}                     // closed by Reset and Close: ends all that hangs or streams
	closed       bool
}

// New returns a Server that knows no environment: every key is answered 403
// until [Server.PutEnvironment] adds one.
func New() *Server {
	s := &Server{mux: http.NewServeMux()}
	s.clear()
	s.routeAPI()
	s.routeControl()
	return s
}

// ServeHTTP answers API and control requests.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mux.ServeHTTP(w, r)
}

// Reset brings the server back to the state of a new one. Answers that hang
// are cut off and streams end.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	close(s.done)
	s.clear()
}

// Close cuts off answers that hang and ends streams, now and from now on, so
// that an http.Server in front of this one can shut down. Calls after the first
// do nothing.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	close(s.done)
}

// clear empties the state. The caller holds s.mu or is the only one to know s.
func (s *Server) clear() {
	s.environments = map[string]*environment{}
	s.byServerKey = map[string]*environment{}
	s.scripts = map[Target][]Failure{}
	s.journal = newJournal()
	s.discovery = Discovery{}
	s.usage = newUsageLedger()
	s.streams = map[string]map[*listener]struct{}{}
	s.done = make(chan struct{})
}

// Counters returns what each target was asked so far. A target that was never
// asked is absent.
func (s *Server) Counters() map[Target]Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	counters := make(map[Target]Counters, len(s.journal.counters))
	for target, c := range s.journal.counters {
		copied := *c
		copied.Statuses = maps.Clone(c.Statuses)
		counters[target] = copied
	}
	return counters
}

// Requests returns the recorded requests of target, oldest first; of every
// target when it is empty. The newest [JournalSize] are kept.
func (s *Server) Requests(target Target) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.journal.of(target)
}
