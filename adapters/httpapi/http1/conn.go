package http1

import (
	"bytes"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"
)

const (
	// headMost is the size in bytes of the longest head of a plain request. It is
	// less than what an http.Server lets pass, whatever its MaxHeaderBytes.
	headMost = 4 << 10
	// requestMost is the size of the longest plain request.
	requestMost = 64 << 10
	// nextBegun is how many bytes begin a request that is not the first one of its
	// connection. Less is passed over when nothing follows, as net/http does.
	nextBegun = 4
)

// What goes on on a connection.
const (
	idle    uint32 = iota // no part of a request is there
	busy                  // a request is being read or answered
	retired               // it is being closed by Shutdown
)

// conn is a connection as long as what comes on it is plain.
type conn struct {
	server *Server
	rwc    net.Conn
	state  atomic.Uint32
	began  time.Time // the request: with its first byte, or with the connection

	reads, writes deadline
	buffer        []byte // either *[headMost]byte or *[requestMost]byte
	from, to      int    // what has come and was not yet used, in buffer
	parser        parser
	body          body
	answer        answer
	handedOver    bool // to the http.Server
}

func newConn(s *Server, rwc net.Conn) *conn {
	c := &conn{server: s, rwc: rwc, reads: deadline{set: rwc.SetReadDeadline}, writes: deadline{set: rwc.SetWriteDeadline}}
	remote := ""
	if address := rwc.RemoteAddr(); address != nil { // a client that has gone may have none
		remote = address.String()
	}
	c.parser.init(s.context, remote)
	c.answer.init(c)
	return c
}

// retire marks the connection as one to be closed, unless a request is being answered.
func (c *conn) retire() bool { return c.state.CompareAndSwap(idle, retired) }

// serve answers requests until the connection ends or is no longer served here.
func (c *conn) serve() {
	head, _ := c.server.heads.Get().(*[headMost]byte)
	if head == nil {
		head = new([headMost]byte)
	}
	defer c.server.heads.Put(head)
	c.buffer = head[:]
	defer c.close()

	c.began = time.Now()
	due := in(c.began, c.server.headerTimeout())
	for begun := 1; c.wait(begun, due); begun = nextBegun {
		if !c.state.CompareAndSwap(idle, busy) {
			break
		}
		if begun == nextBegun {
			c.began = time.Now()
			c.skipLineEnds()
		}
		if plain, err := c.receive(); !plain {
			c.handOver(err)
			return
		}
		if !c.respond() {
			break
		}
		c.shrink(head)
		c.state.Store(idle)
		if c.server.closing.Load() && c.retire() {
			break
		}
		due = in(time.Now(), c.server.idleTimeout())
	}
}

// close closes the connection, unless it is somebody else's by now.
func (c *conn) close() {
	if !c.handedOver && !c.answer.hijacked {
		_ = c.rwc.Close()
	}
}

// wait waits until due for the first so many bytes of a request.
func (c *conn) wait(begun int, due time.Time) bool {
	for c.to-c.from < begun {
		c.makeRoom(headMost)
		if err := c.read(due); err != nil {
			return false
		}
	}
	return true
}

// skipLineEnds passes over the line ends that some clients send after the body of a
// POST: as many of them as net/http does.
func (c *conn) skipLineEnds() {
	if c.parser.request.Method != http.MethodPost {
		return
	}
	for _, b := range c.buffer[c.from:][:nextBegun] { // as many are there
		if b != '\r' && b != '\n' {
			return
		}
		c.from++
	}
}

// read waits for more until due.
func (c *conn) read(due time.Time) error {
	if err := c.reads.begin(due); err != nil {
		return err
	}
	for {
		n, err := c.rwc.Read(c.buffer[c.to:])
		c.to += n
		if n > 0 {
			return nil // an error comes again
		}
		if err != nil && !c.reads.struckEarly(err) {
			return err
		}
	}
}

// receive waits for the rest of a request that has begun. It reports false,
// and leaves all of it in the buffer, when it is not plain or does not come to its
// end: then err is how reading ended.
func (c *conn) receive() (plain bool, err error) {
	length := 0
	for {
		var odd bool
		if length, odd = headLength(c.buffer[c.from:c.to]); length > 0 {
			break
		}
		if odd || c.to-c.from >= headMost {
			return false, nil
		}
		c.makeRoom(headMost)
		if err := c.read(in(c.began, c.server.headerTimeout())); err != nil {
			return false, err
		}
	}
	if length > headMost || !c.parser.parse(string(c.buffer[c.from:c.from+length])) {
		return false, nil
	}
	all := int64(length) + c.parser.request.ContentLength
	if all > requestMost {
		return false, nil
	}
	for int64(c.to-c.from) < all {
		c.makeRoom(int(all))
		if err := c.read(in(c.began, c.server.rest.ReadTimeout)); err != nil {
			return false, err
		}
	}
	c.body = c.buffer[c.from+length : c.from+int(all)]
	c.from += int(all)
	return true, nil
}

// headLength returns the length of the head that b begins with, 0 when its end has
// not come. It is odd when no plain head begins so.
func headLength(b []byte) (length int, odd bool) {
	if end := bytes.Index(b, []byte("\r\n\r\n")); end >= 0 {
		return end + 4, false
	}
	if len(b) > 0 && (b[0] < 'A' || b[0] > 'Z') {
		return 0, true
	}
	for at := 0; ; { // lines that end otherwise would never come to an end
		n := bytes.IndexByte(b[at:], '\n')
		if n < 0 {
			return 0, false
		}
		if at += n; at == 0 || b[at-1] != '\r' {
			return 0, true
		}
		at++
	}
}

// makeRoom makes the buffer large enough for a request of that size, of which the
// beginning is there.
func (c *conn) makeRoom(size int) {
	switch there := c.buffer[c.from:c.to]; {
	case c.from+size <= len(c.buffer):
		return
	case size <= len(c.buffer):
		copy(c.buffer, there)
	default:
		large, _ := c.server.larges.Get().(*[requestMost]byte)
		if large == nil {
			large = new([requestMost]byte)
		}
		copy(large[:], there)
		c.buffer = large[:]
	}
	c.from, c.to = 0, c.to-c.from
}

// shrink gives a large buffer back, when what is left in it fits into head.
func (c *conn) shrink(head *[headMost]byte) {
	if there := c.buffer[c.from:c.to]; len(c.buffer) == requestMost && len(there) <= headMost {
		c.from, c.to = 0, copy(head[:], there)
		c.server.larges.Put((*[requestMost]byte)(c.buffer))
		c.buffer = head[:]
	}
}

// handOver leaves the connection to the http.Server, with all that was read and how
// that ended.
func (c *conn) handOver(err error) {
	_ = c.rwc.SetDeadline(time.Time{})
	c.handedOver = true
	c.server.handed.pass(&replayed{Conn: c.rwc, read: bytes.Clone(c.buffer[c.from:c.to]), err: err})
}

// respond has the handler answer the request. It reports whether the connection
// goes on.
func (c *conn) respond() (again bool) {
	r := &c.parser.request
	r.Body = http.NoBody
	if len(c.body) > 0 {
		r.Body = &c.body
	}
	c.answer.begin(r.Method == http.MethodHead, time.Now())
	defer func() {
		c.answer.end()
		c.body = nil // the buffer may be another connection's soon
	}()
	return c.handle(r) && c.answer.finish()
}

// handle calls the handler. It reports false when that panicked.
func (c *conn) handle(r *http.Request) (done bool) {
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler {
			c.server.rest.ErrorLog.Printf("http: panic serving %v: %v\n%s", r.RemoteAddr, v, debug.Stack())
		}
	}()
	c.server.rest.Handler.ServeHTTP(&c.answer, r)
	return true
}
