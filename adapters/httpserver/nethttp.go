package httpserver

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// netHTTP is an http.Server without the fast path. Like the fast path, and unlike an
// http.Server alone, it does not wait on shutdown for the first request of connections
// on which nothing has arrived.
type netHTTP struct {
	*http.Server
	slots *slots // nil: connections are not limited

	mu      sync.Mutex
	closing bool
	silent  map[*silentConn]struct{} // connections on which nothing has arrived
}

// Serve is http.Server's, and is called once.
func (s *netHTTP) Serve(l net.Listener) error {
	s.silent = map[*silentConn]struct{}{}
	return s.Server.Serve(silentListener{l, s})
}

// Shutdown is http.Server's.
func (s *netHTTP) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	for c := range s.silent {
		_ = c.Conn.Close()
	}
	s.mu.Unlock()
	return s.Server.Shutdown(ctx)
}

// add adds a connection to the silent ones. It closes the connection when the server
// is closing.
func (s *netHTTP) add(c *silentConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent[c] = struct{}{}
	if s.closing {
		_ = c.Conn.Close()
	}
}

func (s *netHTTP) remove(c *silentConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.silent, c)
}

// silentListener makes each connection a silentConn.
type silentListener struct {
	net.Listener
	server *netHTTP
}

// Accept implements net.Listener.
func (l silentListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &silentConn{wrapped: wrapped{conn}, slot: l.server.slots.take(conn), server: l.server}
	l.server.add(c)
	return c, nil
}

// silentConn is a connection that is silent until its first byte arrives.
type silentConn struct {
	wrapped
	slot   *slot    // freed by Close
	server *netHTTP // nil once a byte has arrived
}

// Read implements net.Conn. It is not safe for concurrent use.
func (c *silentConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.server != nil {
		c.server.remove(c)
		c.server = nil
	}
	return n, err
}

// Close implements net.Conn.
func (c *silentConn) Close() error {
	err := c.Conn.Close()
	c.slot.free()
	return err
}

// connSlot returns the slot of the connection.
func (c *silentConn) connSlot() *slot { return c.slot }
