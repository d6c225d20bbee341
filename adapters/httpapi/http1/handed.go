package http1

import (
	"net"
	"sync"
)

// handed is the listener by which connections get to the http.Server.
type handed struct {
	conns chan net.Conn
	ended chan struct{}
	once  sync.Once
}

func newHanded() *handed {
	return &handed{conns: make(chan net.Conn), ended: make(chan struct{})}
}

// pass hands a connection on, or closes it when the http.Server has ended.
func (h *handed) pass(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.ended:
		_ = c.Close()
	}
}

// Accept implements net.Listener.
func (h *handed) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.ended:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handed) Close() error {
	h.once.Do(func() { close(h.ended) })
	return nil
}

// Addr implements net.Listener. What it returns is for nobody.
func (h *handed) Addr() net.Addr { return handedAddr{} }

type handedAddr struct{}

func (handedAddr) Network() string { return "http1" }
func (handedAddr) String() string  { return "http1" }

// replayed is a connection that begins with what was read of it before, and with
// how that ended.
type replayed struct {
	net.Conn
	read []byte
	err  error // told from then on; nil: the connection is read on
}

// Read implements net.Conn. Like the connection's own it may be called by one
// goroutine at a time.
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

// NetConn returns the connection that is replayed, as that of tls.Conn does.
func (c *replayed) NetConn() net.Conn { return c.Conn }

// CloseWrite tells the client that nothing more comes. net/http asks for it by
// this name, to let a client read an answer that it interrupts.
func (c *replayed) CloseWrite() error {
	if closer, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return closer.CloseWrite()
	}
	return nil
}
