package httpserver

import (
	"errors"
	"net"
	"net/http"
	"os"
	"sync/atomic"
)

// Stats are counts since the start, and what there is now, for metrics. The maps belong
// to the receiver.
type Stats struct {
	// Active is how many requests are being received or answered. Requests on connections
	// that handlers took over are not among them.
	Active int64
	// Accepted is how many connections were accepted, and Closed how many of them ended,
	// by reason: peer, idle, drain, timeout, refused, error.
	Accepted int64
	Closed   map[string]int64
	// Open is how many connections are open, those that handlers took over included, and
	// HTTP2 how many of them speak HTTP/2.
	Open, HTTP2 int64
	// HandedOver is how many connections left the fast path, by what made them.
	HandedOver map[string]int64
	// HeadsTooLarge is how many requests were refused because of the size of their heads.
	HeadsTooLarge int64
}

// ending is why a connection ended.
type ending uint32

const (
	endUnknown ending = iota
	endPeer           // the client closed it, or asked for that
	endIdle           // nothing came for the time that it may be idle
	endDrain          // the server shuts down or drains
	endTimeout        // the client was too slow
	endRefused        // it was beyond the limit of connections
	endError          // the server gave it up: not HTTP, or a failure
	numEndings = iota
)

// String returns the reason as Stats has it.
func (e ending) String() string {
	return [numEndings]string{endUnknown: "", endPeer: "peer", endIdle: "idle", endDrain: "drain", endTimeout: "timeout", endRefused: "refused", endError: "error"}[e]
}

// endingOf returns why a connection ends whose reading or writing failed with err. late
// is what it means that the time for it was over.
func endingOf(err error, late ending) ending {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return late
	case errors.Is(err, net.ErrClosed): // by Shutdown or Close
		return endDrain
	default: // the end, or a reset
		return endPeer
	}
}

// handover is why a connection is handed over to the http.Server.
type handover uint32

const (
	noHandover   handover = iota
	fastPathOff           // all are
	overHTTP2             // the client speaks HTTP/2
	unusual               // another version, spelling or form than plain requests have
	headTooLarge          // for the fast path, which takes smaller ones than the limit
	bodyTooLarge          // likewise
	noMemory              // there was no memory for the body
	incomplete            // the request did not arrive in time, or as a whole
	numHandovers = iota
)

// String returns the reason as Stats has it.
func (h handover) String() string {
	return [numHandovers]string{
		noHandover: "", fastPathOff: "fast_path_off", overHTTP2: "http2", unusual: "unusual", headTooLarge: "large_head", bodyTooLarge: "large_body",
		noMemory: "no_memory", incomplete: "incomplete",
	}[h]
}

// counters count what Stats reports of the server as a whole. They are safe for concurrent
// use; the zero value is ready. Nothing of it is on the path of a plain request.
type counters struct {
	accepted      atomic.Int64
	closed        [numEndings]atomic.Int64
	http2         atomic.Int64 // open connections
	handedOver    [numHandovers]atomic.Int64
	headsTooLarge atomic.Int64
	active        atomic.Int64 // requests that the http.Server serves
}

// Stats returns the counts. It looks at each connection, under a lock that is taken when
// one is opened or closed.
func (s *Server) Stats() Stats {
	c := &s.slots.counters
	stats := Stats{
		Active: c.active.Load() + s.front.busy(), Accepted: c.accepted.Load(), HTTP2: c.http2.Load(), HeadsTooLarge: c.headsTooLarge.Load(),
		Closed: make(map[string]int64, numEndings), HandedOver: make(map[string]int64, numHandovers),
	}
	stats.Open = stats.Accepted
	for e := endUnknown + 1; e < numEndings; e++ {
		n := c.closed[e].Load()
		stats.Closed[e.String()] = n
		stats.Open -= n
	}
	for h := noHandover + 1; h < numHandovers; h++ {
		stats.HandedOver[h.String()] = c.handedOver[h].Load()
	}
	return stats
}

// busy returns how many connections have a request that is being read or answered.
func (s *front) busy() (n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		if c.state.Load() == busy {
			n++
		}
	}
	return n
}

// counted returns a handler for the http.Server that counts the requests that it serves.
func (c *counters) counted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.active.Add(1)
		defer c.active.Add(-1)
		h.ServeHTTP(w, r)
	})
}
