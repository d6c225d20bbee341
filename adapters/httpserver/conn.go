package httpserver

import (
	"bytes"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"
)

const (
	// maxHead is the largest head of a plain request, in bytes. An http.Server
	// accepts more than that, whatever its MaxHeaderBytes.
	maxHead = 4 << 10
	// maxRequest is the largest plain request, head and body, in bytes.
	maxRequest = 64 << 10
	// minBegun is how many bytes make the beginning of a request that is not the first
	// one on its connection. Like net/http, the fast path ignores fewer bytes when
	// nothing follows.
	minBegun = 4
)

// The states of a connection.
const (
	idle    uint32 = iota // no part of a request has arrived
	busy                  // a request is being read or answered
	retired               // it is being closed by Shutdown
)

// conn is a connection on which only plain requests have arrived so far.
type conn struct {
	server *front
	rwc    net.Conn
	state  atomic.Uint32
	began  time.Time // of the request: when its first byte arrived, or the connection

	reads, writes deadline
	buffer        []byte // either *[maxHead]byte or *[maxRequest]byte
	from, to      int    // the unused bytes in buffer
	parser        parser
	body          body
	answer        answer
	handedOver    bool // to the http.Server
}

func newConn(s *front, rwc net.Conn) *conn {
	c := &conn{server: s, rwc: rwc, reads: deadline{set: rwc.SetReadDeadline}, writes: deadline{set: rwc.SetWriteDeadline}}
	remote := ""
	if address := rwc.RemoteAddr(); address != nil { // nil when the client has gone already
		remote = address.String()
	}
	c.parser.init(s.context, remote)
	c.answer.init(c)
	return c
}

// retire marks the connection for closing. It reports false while a request is being
// answered.
func (c *conn) retire() bool { return c.state.CompareAndSwap(idle, retired) }

// serve answers requests until the connection ends, is handed over or taken over.
func (c *conn) serve() {
	head, _ := c.server.heads.Get().(*[maxHead]byte)
	if head == nil {
		head = new([maxHead]byte)
	}
	defer c.server.heads.Put(head)
	c.buffer = head[:]
	defer c.close()

	c.began = time.Now()
	due := in(c.began, c.server.headerTimeout())
	for begun := 1; c.wait(begun, due); begun = minBegun {
		if !c.state.CompareAndSwap(idle, busy) {
			break
		}
		if begun == minBegun {
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

// close closes the connection, unless it was handed over or taken over.
func (c *conn) close() {
	if !c.handedOver && !c.answer.hijacked {
		_ = c.rwc.Close()
	}
}

// wait waits until due for the first begun bytes of a request. It reports whether they
// arrived.
func (c *conn) wait(begun int, due time.Time) bool {
	for c.to-c.from < begun {
		c.makeRoom(maxHead)
		if err := c.read(due); err != nil {
			return false
		}
	}
	return true
}

// skipLineEnds skips the line ends that some clients send after the body of a POST, as
// many as net/http skips.
func (c *conn) skipLineEnds() {
	if c.parser.request.Method != http.MethodPost {
		return
	}
	for _, b := range c.buffer[c.from:][:minBegun] { // wait has seen that many
		if b != '\r' && b != '\n' {
			return
		}
		c.from++
	}
}

// read waits until due for more bytes.
func (c *conn) read(due time.Time) error {
	if err := c.reads.begin(due); err != nil {
		return err
	}
	for {
		n, err := c.rwc.Read(c.buffer[c.to:])
		c.to += n
		if n > 0 {
			return nil // the next call returns an error again
		}
		if err != nil && !c.reads.struckEarly(err) {
			return err
		}
	}
}

// receive waits for the rest of a request that has begun. It reports whether the
// request is plain and complete. If not, all of it is still in the buffer, and err is
// the error that reading ended with.
func (c *conn) receive() (plain bool, err error) {
	length := 0
	for {
		var odd bool
		if length, odd = headLength(c.buffer[c.from:c.to]); length > 0 {
			break
		}
		if odd || c.to-c.from >= maxHead {
			return false, nil
		}
		c.makeRoom(maxHead)
		if err := c.read(in(c.began, c.server.headerTimeout())); err != nil {
			return false, err
		}
	}
	if length > maxHead || !c.parser.parse(string(c.buffer[c.from:c.from+length])) {
		return false, nil
	}
	all := int64(length) + c.parser.request.ContentLength
	if all > maxRequest {
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

// headLength returns the length of the head at the beginning of b, and 0 as long as
// its end has not arrived. It reports odd when no plain head can begin like that.
func headLength(b []byte) (length int, odd bool) {
	if end := bytes.Index(b, []byte("\r\n\r\n")); end >= 0 {
		return end + 4, false
	}
	if len(b) > 0 && (b[0] < 'A' || b[0] > 'Z') {
		return 0, true
	}
	for at := 0; ; { // with other line ends, the end of the head would never be found
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

// makeRoom makes the buffer large enough for a request of that size. It keeps the
// unused bytes.
func (c *conn) makeRoom(size int) {
	switch there := c.buffer[c.from:c.to]; {
	case c.from+size <= len(c.buffer):
		return
	case size <= len(c.buffer):
		copy(c.buffer, there)
	default:
		large, _ := c.server.requests.Get().(*[maxRequest]byte)
		if large == nil {
			large = new([maxRequest]byte)
		}
		copy(large[:], there)
		c.buffer = large[:]
	}
	c.from, c.to = 0, c.to-c.from
}

// shrink returns a large buffer to its pool when its unused bytes fit into head.
func (c *conn) shrink(head *[maxHead]byte) {
	if there := c.buffer[c.from:c.to]; len(c.buffer) == maxRequest && len(there) <= maxHead {
		c.from, c.to = 0, copy(head[:], there)
		c.server.requests.Put((*[maxRequest]byte)(c.buffer))
		c.buffer = head[:]
	}
}

// handOver hands the connection over to the http.Server, with all unused bytes and with
// the error that reading ended with.
func (c *conn) handOver(err error) {
	_ = c.rwc.SetDeadline(time.Time{})
	c.handedOver = true
	c.server.handoff.pass(&replayed{wrapped: wrapped{c.rwc}, read: bytes.Clone(c.buffer[c.from:c.to]), err: err})
}

// respond answers the request. It reports whether the connection can take another
// one.
func (c *conn) respond() (again bool) {
	r := &c.parser.request
	r.Body = http.NoBody
	if len(c.body) > 0 {
		r.Body = &c.body
	}
	c.answer.begin(r.Method == http.MethodHead, time.Now())
	defer func() {
		c.answer.end()
		c.body = nil // another connection may use the buffer soon
	}()
	return c.handle(r) && c.answer.finish()
}

// handle calls the handler. It reports whether the handler returned; it did not if it
// panicked.
func (c *conn) handle(r *http.Request) (done bool) {
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler {
			c.server.rest.ErrorLog.Printf("http: panic serving %v: %v\n%s", r.RemoteAddr, v, debug.Stack())
		}
	}()
	c.server.rest.Handler.ServeHTTP(&c.answer, r)
	return true
}
