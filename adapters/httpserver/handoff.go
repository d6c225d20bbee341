package httpserver

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// handoff is the listener through which connections reach the http.Server.
type handoff struct {
	conns chan net.Conn
	ended chan struct{}
	once  sync.Once
}

func newHandoff() *handoff {
	return &handoff{conns: make(chan net.Conn), ended: make(chan struct{})}
}

// pass hands a connection over. It closes the connection when the http.Server has
// ended.
func (h *handoff) pass(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.ended:
		_ = c.Close()
	}
}

// Accept implements net.Listener.
func (h *handoff) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.ended:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handoff) Close() error {
	h.once.Do(func() { close(h.ended) })
	return nil
}

// Addr implements net.Listener. Nothing uses the address.
func (h *handoff) Addr() net.Addr { return &net.UnixAddr{Name: "handoff", Net: "unix"} }

// replayed is a connection that first returns the bytes that were read from it
// before, and then the error that reading ended with.
type replayed struct {
	wrapped
	slot *slot // freed by Close
	read []byte
	err  error // nil: reading goes on from Conn

	// Why the connection ends, as far as its calls show. net/http reads and writes at the
	// same time.
	reading, writing atomic.Uint32 // endings
	aborted          atomic.Bool   // net/http ends the read under way
	begun            atomic.Bool   // something was read since the last write
}

// Read implements net.Conn. It is not safe for concurrent use, like that of Conn.
func (c *replayed) Read(p []byte) (int, error) {
	switch {
	case len(c.read) > 0:
		c.begun.Store(true)
		n := copy(p, c.read)
		if c.read = c.read[n:]; len(c.read) == 0 {
			c.read = nil
		}
		return n, nil
	case c.err != nil:
		c.reading.Store(uint32(endingOf(c.err, endTimeout)))
		return 0, c.err
	}
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.begun.Store(true)
	}
	why, late := endUnknown, endIdle
	if c.begun.Load() {
		late = endTimeout
	}
	if err != nil && !(c.aborted.Load() && errors.Is(err, os.ErrDeadlineExceeded)) {
		why = endingOf(err, late)
	}
	c.reading.Store(uint32(why))
	return n, err
}

// SetReadDeadline implements net.Conn. net/http ends a read by a time long past.
func (c *replayed) SetReadDeadline(t time.Time) error {
	c.aborted.Store(!t.IsZero() && time.Since(t) > time.Hour)
	return c.Conn.SetReadDeadline(t)
}

// Write implements net.Conn. An answer with an error that net/http makes itself is the
// last one, and the only sign of what was wrong with the request.
func (c *replayed) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.begun.Store(false)
	switch status, isHead := bytes.CutPrefix(p, []byte("HTTP/1.")); {
	case err != nil:
		c.writing.Store(uint32(endingOf(err, endTimeout)))
	case isHead && len(status) > 2 && status[2] == '4':
		c.writing.Store(uint32(endError))
		if bytes.HasPrefix(status[2:], []byte("431")) {
			c.slot.slots.counters.headsTooLarge.Add(1)
		}
	case isHead:
		c.writing.Store(uint32(endUnknown))
	}
	return n, err
}

// Close implements net.Conn.
func (c *replayed) Close() error {
	for _, why := range []ending{ending(c.reading.Load()), ending(c.writing.Load())} {
		if why != endUnknown {
			c.slot.because(why)
		}
	}
	err := c.Conn.Close()
	c.slot.free()
	return err
}

// replayedTLS is a replayed connection on which TLS is spoken. net/http asks it for the
// state, and does not try HTTP/2 by prior knowledge on it.
type replayedTLS struct {
	*replayed
	secured *tls.Conn
}

// ConnectionState returns that of the TLS connection.
func (c *replayedTLS) ConnectionState() tls.ConnectionState { return c.secured.ConnectionState() }

// wrapped is a connection below another one.
type wrapped struct{ net.Conn }

// NetConn returns the connection below, as tls.Conn's does.
func (c wrapped) NetConn() net.Conn { return c.Conn }

// CloseWrite closes the writing side of the connection. net/http calls it, so that
// a client can read an answer that came before the end of its request.
func (c wrapped) CloseWrite() error {
	if closer, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return closer.CloseWrite()
	}
	return nil
}
