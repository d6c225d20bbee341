package httpserver

import (
	"bytes"
	"crypto/tls"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// minBegun is how many bytes make the beginning of a request that is not the first
// one on its connection. Like net/http, the fast path ignores fewer bytes when nothing
// follows.
const minBegun = 4

// The states of a connection.
const (
	idle    uint32 = iota // no part of a request has arrived
	busy                  // a request is being read or answered
	retired               // it is being closed by Shutdown
)

// conn is a connection on which only plain requests have arrived so far.
type conn struct {
	server *front
	raw    net.Conn  // as accepted
	rwc    net.Conn  // what requests are read from: raw, or tls
	tls    *tls.Conn // nil without TLS
	secure *TLS      // nil without TLS
	state  atomic.Uint32
	began  time.Time // of the request: when its first byte arrived, or the connection
	// arrived is when the whole request had arrived. A request that came with its first
	// byte needs no further look at the clock.
	arrived time.Time

	reads, writes deadline
	buffer        []byte // of one of the sizes of buffers
	from, to      int    // the unused bytes in buffer
	slot          *slot
	parser        parser
	body          body
	answer        answer
	handedOver    bool // to the http.Server
}

// newConn returns a conn for a connection that was accepted, on which TLS is spoken
// unless secure is nil. It does not wait for the client.
func newConn(s *front, raw net.Conn, secure *TLS) *conn {
	c := &conn{server: s, raw: raw, rwc: raw, secure: secure, slot: s.slots.take(raw)}
	if secure != nil {
		c.tls = tls.Server(slotConn{wrapped{raw}, c.slot}, secure.Config)
		c.rwc = c.tls
	}
	c.reads = deadline{set: c.rwc.SetReadDeadline}
	c.writes = deadline{set: c.rwc.SetWriteDeadline}
	if secure != nil {
		c.writes.slack = time.Second // a write that was interrupted cannot be repeated
	}
	return c
}

// retire marks the connection for closing. It reports false while a request is being
// answered.
func (c *conn) retire() bool { return c.state.CompareAndSwap(idle, retired) }

// serve answers requests until the connection ends, is handed over or taken over.
func (c *conn) serve() {
	defer c.close()
	c.began = time.Now()
	if c.tls != nil && !c.shakeHands() {
		return
	}
	c.buffer = c.server.buffers.get(maxHead)
	defer func() { c.replaceBuffer(nil) }()
	remote := ""
	if address := c.rwc.RemoteAddr(); address != nil { // nil when the client has gone already
		remote = address.String()
	}
	c.parser.init(c.slot.context(c.server.context), remote, c.tls)
	c.answer.init(c)

	due := in(c.began, c.server.headerTimeout())
	for begun, late := 1, endTimeout; c.wait(begun, due, late); begun, late = minBegun, endIdle {
		if !c.state.CompareAndSwap(idle, busy) {
			c.slot.because(endDrain)
			break
		}
		if begun < minBegun && c.tls == nil {
			switch http2, err := c.beginsHTTP2(); {
			case http2:
				c.slot.becomesHTTP2()
				c.handOver(overHTTP2, nil)
				return
			case err != nil:
				c.handOver(incomplete, err)
				return
			}
		}
		c.arrived = time.Now()
		if begun == minBegun {
			c.began = c.arrived
			c.skipLineEnds()
		}
		if c.server.noFastPath {
			c.handOver(fastPathOff, nil)
			return
		}
		if why, err := c.receive(); why != noHandover {
			c.handOver(why, err)
			return
		}
		if !c.respond() {
			break
		}
		c.shrink()
		c.state.Store(idle)
		if c.server.closing.Load() && c.retire() {
			c.slot.because(endDrain)
			break
		}
		ended := c.answer.ended
		if ended.IsZero() {
			ended = time.Now()
		}
		due = in(ended, c.server.idleTimeout())
	}
}

// close closes the connection, unless it was handed over or taken over.
func (c *conn) close() {
	if !c.handedOver && !c.answer.hijacked {
		_ = c.rwc.Close()
		c.slot.free()
	}
}

// wait waits until due for the first begun bytes of a request. It reports whether they
// arrived. late is why the connection ends when they did not in time.
func (c *conn) wait(begun int, due time.Time, late ending) bool {
	for c.to-c.from < begun {
		c.makeRoom()
		if err := c.read(due); err != nil {
			c.slot.because(endingOf(err, late))
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

// receive waits for the rest of a request that has begun. Unless the request is plain and
// complete, it returns why the connection has to be handed over; then all of the request
// is still in the buffer, and err is the error that reading ended with.
func (c *conn) receive() (why handover, err error) {
	length, late := 0, false
	for {
		var odd bool
		if length, odd = headLength(c.buffer[c.from:c.to]); length > 0 {
			break
		}
		switch {
		case odd:
			return unusual, nil
		case c.to-c.from >= maxHead:
			return headTooLarge, nil
		}
		c.makeRoom()
		if err := c.read(in(c.began, c.server.headerTimeout())); err != nil {
			return incomplete, err
		}
		late = true
	}
	switch {
	case length > maxHead:
		return headTooLarge, nil
	case !c.parser.parse(string(c.buffer[c.from : c.from+length])):
		return unusual, nil
	}
	all := int64(length) + c.parser.request.ContentLength
	if all > maxRequest {
		return bodyTooLarge, nil
	}
	for int64(c.to-c.from) < all {
		if c.to == len(c.buffer) && !c.grow() {
			return noMemory, nil
		}
		if err := c.read(in(c.began, c.server.rest.ReadTimeout)); err != nil {
			return incomplete, err
		}
		late = true
	}
	c.body = c.buffer[c.from+length : c.from+int(all)]
	c.from += int(all)
	if late {
		c.arrived = time.Now()
	}
	return noHandover, nil
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

// makeRoom makes room in the buffer for the largest head. It keeps the unused bytes.
func (c *conn) makeRoom() {
	if c.from+maxHead > len(c.buffer) {
		c.compact()
	}
}

// compact moves the unused bytes to the beginning of the buffer.
func (c *conn) compact() {
	c.from, c.to = 0, copy(c.buffer, c.buffer[c.from:c.to])
}

// grow makes room for more of a body in a full buffer. It reports false when the memory
// for that cannot be reserved. The buffer grows with the bytes that have arrived,
// whatever Content-Length says.
func (c *conn) grow() bool {
	if c.from > 0 {
		c.compact()
		return true
	}
	size := mediumBuffer
	if len(c.buffer) >= mediumBuffer {
		size = maxRequest
	}
	if !c.server.memory.Reserve(int64(size)) {
		return false
	}
	c.replaceBuffer(c.server.buffers.get(size))
	return true
}

// shrink replaces a large buffer by a small one when its unused bytes fit.
func (c *conn) shrink() {
	if len(c.buffer) > maxHead && c.to-c.from <= maxHead {
		c.replaceBuffer(c.server.buffers.get(maxHead))
	}
}

// replaceBuffer puts the unused bytes into another buffer and returns the present one to
// its pool, with its reservation.
func (c *conn) replaceBuffer(buffer []byte) {
	old := c.buffer
	c.from, c.to, c.buffer = 0, copy(buffer, old[c.from:c.to]), buffer
	if len(old) > maxHead {
		c.server.memory.Release(int64(len(old)))
	}
	c.server.buffers.put(old)
}

// handOver hands the connection over to the http.Server, with all unused bytes and with
// the error that reading ended with.
func (c *conn) handOver(why handover, err error) {
	c.slot.slots.counters.handedOver[why].Add(1)
	_ = c.rwc.SetDeadline(time.Time{})
	c.handedOver = true
	replay := &replayed{wrapped: wrapped{c.rwc}, slot: c.slot, read: bytes.Clone(c.buffer[c.from:c.to]), err: err}
	if c.tls != nil {
		c.server.handoff.pass(&replayedTLS{replay, c.tls})
		return
	}
	c.server.handoff.pass(replay)
}

// respond answers the request. It reports whether the connection can take another
// one.
func (c *conn) respond() (again bool) {
	r := &c.parser.request
	r.Body = http.NoBody
	if len(c.body) > 0 {
		r.Body = &c.body
	}
	c.answer.begin(r.Method == http.MethodHead, c.arrived)
	defer func() {
		c.answer.end()
		c.body = nil // another connection may use the buffer soon
	}()
	if again = c.handle(r) && c.answer.finish(); !again && !c.answer.hijacked {
		c.slot.because(c.answer.ending())
	}
	return again
}

// handle calls the handler. It reports whether the handler returned; it did not if it
// panicked.
func (c *conn) handle(r *http.Request) (done bool) {
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler {
			c.server.rest.ErrorLog.Printf("http: panic serving %v: %v\n%s", r.RemoteAddr, v, debug.Stack())
		}
	}()
	c.server.handler.ServeHTTP(&c.answer, r)
	return true
}
