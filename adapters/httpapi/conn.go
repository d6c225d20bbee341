package httpapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

const (
	// headSize is the size of net/http's buffer for what it writes: headers, and
	// the beginning of a body.
	headSize = 4 << 10
	// corkFrom is the size in bytes from which a body may not fit there.
	corkFrom = headSize - 1<<10
)

// connListener hands out the connections of a listener as *conn.
type connListener struct {
	net.Listener
	heads sync.Pool // *[headSize]byte
}

// Accept implements net.Listener.
func (l *connListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newConn(c, &l.heads), nil
}

// conn is a connection that costs net/http less: its deadlines rarely move a
// timer, and an answer that is put together of two writes leaves in one. What
// each buys is in docs/performance.md, why it is done here in docs/adr/0011.
//
// It behaves as the connection in it does. Reading, writing and setting deadlines
// may happen at once; two writes may not, nor a write while it is corked or
// uncorked.
type conn struct {
	net.Conn
	reads, writes deadline

	heads *sync.Pool
	head  *[headSize]byte // for held; nil unless the connection is corked
	held  []byte          // the first write since cork; empty when it was sent
	parts [2][]byte       // room for queue
	queue net.Buffers     // what is being sent; here because it would be allocated otherwise
}

func newConn(c net.Conn, heads *sync.Pool) *conn {
	return &conn{
		Conn: c, heads: heads, reads: deadline{apply: c.SetReadDeadline}, writes: deadline{apply: c.SetWriteDeadline},
	}
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (n int, err error) {
	for again := true; again; {
		if err := c.reads.begin(); err != nil {
			return 0, err
		}
		n, err = c.Conn.Read(p)
		again = c.reads.end(err) && n == 0
	}
	return n, err
}

// Write implements net.Conn. While the connection is corked it may hold p back.
func (c *conn) Write(p []byte) (int, error) {
	switch {
	case c.head == nil:
		return c.send(p)
	case len(c.held) == 0 && len(p) <= len(c.head):
		c.held = append(c.head[:0], p...)
		return len(p), nil
	}
	return c.sendHeld(p)
}

// cork makes a write of at most headSize bytes wait for the one after it, to be
// sent with it.
func (c *conn) cork() {
	if c.head, _ = c.heads.Get().(*[headSize]byte); c.head == nil {
		c.head = new([headSize]byte)
	}
}

// uncork sends what is still held back. When that fails the connection is closed,
// for whoever wrote it takes it for sent.
func (c *conn) uncork() {
	if len(c.held) > 0 {
		if _, err := c.send(c.held); err != nil {
			_ = c.Close()
		}
	}
	c.heads.Put(c.head)
	c.head, c.held = nil, nil
}

// send writes p now.
func (c *conn) send(p []byte) (n int, err error) {
	for again := true; again; {
		if err := c.writes.begin(); err != nil {
			return n, err
		}
		var sent int
		sent, err = c.Conn.Write(p[n:])
		n += sent
		again = c.writes.end(err)
	}
	return n, err
}

// sendHeld writes what is held back and p, with one system call if the client
// takes as much at once, and returns how much of p was written.
func (c *conn) sendHeld(p []byte) (int, error) {
	before := int64(len(c.held))
	c.parts = [2][]byte{c.held, p}
	c.queue = c.parts[:]
	c.held = nil
	var n int64
	var err error
	for again := true; again; {
		if err = c.writes.begin(); err != nil {
			break
		}
		var sent int64
		sent, err = c.queue.WriteTo(c.Conn) // takes what is sent out of the queue
		n += sent
		again = c.writes.end(err)
	}
	c.parts, c.queue = [2][]byte{}, nil // the body is not kept
	return int(max(n-before, 0)), err
}

// SetDeadline implements net.Conn, as SetReadDeadline and SetWriteDeadline do.
// An error of the connection itself may be told later, by the next Read or Write.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.reads.set(t), c.writes.set(t))
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error { return c.reads.set(t) }

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.writes.set(t) }

// CloseWrite tells the client that nothing more comes. net/http asks for it by
// this name, to let a client read an answer that it interrupts.
func (c *conn) CloseWrite() error {
	closer, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return closer.CloseWrite()
}

// connKey is the key of the connection among a request's context values.
type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// connOf returns the connection that r came on, nil when it came on another kind.
func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}

func timedOut(err error) bool { return err != nil && errors.Is(err, os.ErrDeadlineExceeded) }
