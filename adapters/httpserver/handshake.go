package httpserver

import (
	"crypto/tls"
	"errors"
	"io"
	"os"
	"time"
)

// TLS says how TLS is spoken on a port.
type TLS struct {
	// Config is that of each connection. Its NextProtos, and those of the configurations
	// that its GetConfigForClient returns, are usually those of NextProtos.
	Config *tls.Config
	// Failed is called with the error of each handshake that failed, unless the server
	// ended it. It must be safe for concurrent use and may be nil.
	Failed func(err error)
}

// NextProtos returns the protocols that a Server can be asked for by ALPN, the preferred
// one first.
func NextProtos() []string { return []string{protoHTTP2, "http/1.1"} }

const protoHTTP2 = "h2"

// shakeHands does the TLS handshake, in the time in which the head of a request must
// arrive. It reports whether requests of HTTP/1.1 follow. A connection for HTTP/2 it
// hands over.
func (c *conn) shakeHands() (plain bool) {
	_ = c.tls.SetDeadline(in(c.began, c.server.headerTimeout()))
	if err := c.tls.Handshake(); err != nil {
		c.shakingFailed(err)
		return false
	}
	_ = c.tls.SetDeadline(time.Time{})
	if c.tls.ConnectionState().NegotiatedProtocol != protoHTTP2 {
		return true
	}
	if c.state.CompareAndSwap(idle, busy) {
		c.handedOver = true
		c.slot.becomesHTTP2()
		c.slot.slots.counters.handedOver[overHTTP2].Add(1)
		c.server.handoff.pass(c.tls)
	}
	return false
}

// shakingFailed reports why a handshake failed. A client that speaks HTTP without TLS is
// answered.
func (c *conn) shakingFailed(err error) {
	if c.state.Load() == retired || c.server.closing.Load() {
		c.slot.because(endDrain)
		return
	}
	why := endError
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
		why = endingOf(err, endTimeout)
	}
	c.slot.because(why)
	if c.secure.Failed != nil {
		c.secure.Failed(err)
	}
	var header tls.RecordHeaderError
	if errors.As(err, &header) && header.Conn != nil && looksLikeHTTP(header.RecordHeader) {
		_, _ = io.WriteString(header.Conn, plainOnTLS)
	}
}

// looksLikeHTTP reports whether a request can begin with those bytes.
func looksLikeHTTP(begin [5]byte) bool {
	for _, b := range begin {
		if (b < 'A' || b > 'Z') && b != ' ' && b != '/' && b != '*' {
			return false
		}
	}
	return true
}

// plainOnTLS is the answer to a request that was sent without TLS.
const plainOnTLS = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nCache-Control: no-store\r\nContent-Type: application/json\r\nContent-Length: 77\r\n\r\n" +
	`{"detail":"Bad Request: this port speaks HTTPS: begin the URL with https://"}`
