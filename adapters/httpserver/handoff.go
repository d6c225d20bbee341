package httpserver

import (
	"crypto/tls"
	"net"
	"sync"
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
}

// Read implements net.Conn. It is not safe for concurrent use, like that of Conn.
func (c *replayed) Read(p []byte) (int, error) {
	switch {
	case len(c.read) > 0:
		n := copy(p, c.read)
		if c.read = c.read[n:]; len(c.read) == 0 {
			c.read = nil
		}
		return n, nil
	case c.err != nil:
		return 0, c.err
	}
	return c.Conn.Read(p)
}

// Close implements net.Conn.
func (c *replayed) Close() error {
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
