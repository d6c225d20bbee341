package httpserver

import (
	"net/http"
	"time"
)

const (
	// maxStreams is how many requests may be under way on one connection of HTTP/2. As
	// many handlers run. A client that resets requests faster than their handlers return
	// has four times as many wait; beyond that net/http closes the connection.
	maxStreams = 100
	// maxUnread is how many bytes of bodies that no handler has read are kept for one
	// connection of HTTP/2, all its requests together. It is the least that net/http
	// accepts.
	maxUnread = 64 << 10
	// maxFrame is the largest frame that is accepted, in bytes. A connection keeps a
	// buffer of the size of its largest frame.
	maxFrame = 16 << 10
	// answersTable is how many bytes of headers of answers a connection remembers to send
	// them shorter. The least that net/http accepts: nothing fits into one byte.
	answersTable = 1
	// placesOfHTTP2 is how many connections one of HTTP/2 applies as. An idle one takes
	// up to two and a half times the memory of an idle one of HTTP/1.1. A test compares
	// them.
	placesOfHTTP2 = 4
	// preface is what a client begins HTTP/2 with.
	preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)

// protocols returns what an http.Server has to serve: what ALPN chose, or without TLS
// what the client begins with.
func protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	return p
}

// limitsOfHTTP2 returns the limits that keep a connection of HTTP/2 from costing more than
// what it replaces. A client that accepts no byte for writeTimeout is cut off; without
// that limit the time-outs of its requests could not end them.
func limitsOfHTTP2(writeTimeout time.Duration) *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxConcurrentStreams:          maxStreams,
		MaxEncoderHeaderTableSize:     answersTable,
		MaxReceiveBufferPerConnection: maxUnread,
		MaxReceiveBufferPerStream:     maxUnread,
		MaxReadFrameSize:              maxFrame,
		WriteByteTimeout:              writeTimeout,
	}
}

// beginsHTTP2 waits until the first bytes of a connection show whether the client speaks
// HTTP/2 by prior knowledge. The error is that of reading; then they have not shown it.
func (c *conn) beginsHTTP2() (bool, error) {
	for {
		got := c.buffer[c.from:c.to]
		n := min(len(got), len(preface))
		switch {
		case string(got[:n]) != preface[:n]:
			return false, nil
		case n == len(preface):
			return true, nil
		}
		if err := c.read(in(c.began, c.server.headerTimeout())); err != nil {
			return false, err
		}
	}
}

// serveShared serves a request of HTTP/2, which shares its connection with others. Each
// but the first of these takes the place of a connection while it is answered.
func (s *Server) serveShared(w http.ResponseWriter, r *http.Request) {
	leave, ok := s.slots.join(r.Context())
	if !ok {
		s.overLimit.ServeHTTP(w, r)
		return
	}
	defer leave()
	s.handler.ServeHTTP(w, r)
}
