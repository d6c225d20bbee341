package httpserver

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxCopied is the size in bytes up to which head and body of an answer are copied
// into one buffer. The body of a larger answer is sent from where it lies.
const maxCopied = 8 << 10

// undeclared is the length of a body whose handler declared none.
const undeclared = -1

// answer is the http.ResponseWriter of a connection. One request after another uses
// it.
type answer struct {
	conn     *conn
	header   http.Header
	now      time.Time
	ended    time.Time // when the handler was done; zero: it did not say
	isHead   bool      // the method is HEAD: the body is counted but not sent
	status   int       // 0 until the answer has begun
	length   int64     // of the body, or undeclared
	written  int64     // of the body
	last     bool      // it is the last answer on its connection
	out      []byte    // what remains to be sent
	failed   error     // the first error of sending
	hijacked bool

	// pending and kept are the headers at the beginning of the answer, and its body,
	// when the head can only be written once the body is complete. Otherwise they are
	// nil.
	pending http.Header
	kept    []byte

	fields []field     // memory of appendHead
	parts  [2][]byte   // memory of vector
	vector net.Buffers // what is being sent; a field, so that it is not allocated
}

// field is a header's name with its values.
type field struct {
	name   string
	values []string
}

func (a *answer) init(c *conn) {
	a.conn = c
	a.header = make(http.Header)
}

// begin prepares a for the next request.
func (a *answer) begin(isHead bool, now time.Time) {
	a.isHead, a.now, a.ended, a.status, a.length, a.written = isHead, now, time.Time{}, 0, undeclared, 0
	out, _ := a.conn.server.answers.Get().(*[maxCopied]byte)
	if out == nil {
		out = new([maxCopied]byte)
	}
	a.out = out[:0]
}

// end releases the memory of the answer.
func (a *answer) end() {
	if cap(a.out) == maxCopied {
		a.conn.server.answers.Put((*[maxCopied]byte)(a.out[:maxCopied]))
	}
	a.out, a.pending, a.kept = nil, nil, nil
	clear(a.header)
}

// ending returns why the connection ends with this answer.
func (a *answer) ending() ending {
	switch {
	case a.failed != nil:
		return endingOf(a.failed, endTimeout)
	case a.last && a.status < http.StatusBadRequest:
		return endPeer // its request asked for that, unless the server drains
	default: // an error that closes, an incomplete answer or a panic
		return endError
	}
}

// Arrived returns when the whole request had arrived. Handlers that measure time need not
// read the clock again.
func (a *answer) Arrived() time.Time { return a.now }

// Answered takes note that the handler was done at a time, so that the server need not
// read the clock again. The connection is idle from then on. What remains to be sent fits
// into the buffers of the system, so that the difference is only a system call.
func (a *answer) Answered(at time.Time) { a.ended = at }

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter. It ignores informational statuses.
func (a *answer) WriteHeader(status int) {
	if a.status != 0 || status < http.StatusOK {
		return
	}
	a.status = status
	if declared := a.header["Content-Length"]; len(declared) > 0 {
		length, err := strconv.ParseUint(declared[0], 10, 63)
		if err != nil {
			delete(a.header, "Content-Length")
		} else {
			a.length = int64(length)
		}
	}
	_, typed := a.header["Content-Type"]
	if bodyless(status) || a.length != undeclared && typed {
		a.appendHead(a.header)
	} else {
		a.pending = a.header.Clone()
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	if a.hijacked {
		return 0, http.ErrHijacked
	}
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if bodyless(a.status) {
		return 0, http.ErrBodyNotAllowed
	}
	a.written += int64(len(p))
	if a.length != undeclared && a.written > a.length {
		return 0, http.ErrContentLength
	}
	switch {
	case a.pending != nil:
		a.kept = append(a.kept, p...)
	case a.isHead:
	case len(a.out)+len(p) <= cap(a.out):
		a.out = append(a.out, p...)
	default:
		return a.send(p)
	}
	return len(p), nil
}

// finish sends the rest of the answer. It reports whether the connection can take
// another request.
func (a *answer) finish() bool {
	if a.hijacked {
		return false
	}
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	var body []byte
	if a.pending != nil {
		a.complete()
		a.appendHead(a.pending)
		if !a.isHead {
			body = a.kept
		}
	}
	whole := a.isHead || bodyless(a.status) || a.written == a.length
	if len(a.out)+len(body) > 0 {
		_, _ = a.send(body)
	}
	return whole && a.failed == nil && !a.last
}

// complete adds the headers that depend on the body, by net/http's rules.
func (a *answer) complete() {
	known := len(a.kept) > 0 || !a.isHead // HEAD without a written body declares nothing
	if a.length == undeclared && known {
		a.length = int64(len(a.kept))
		a.pending["Content-Length"] = []string{strconv.Itoa(len(a.kept))}
	}
	if _, typed := a.pending["Content-Type"]; !typed && len(a.kept) > 0 && len(a.pending["Content-Encoding"]) == 0 {
		a.pending["Content-Type"] = []string{http.DetectContentType(a.kept)}
	}
}

// bodyless reports whether an answer with that status has no body.
func bodyless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}

// appendHead appends the status line and the headers, sorted by name.
func (a *answer) appendHead(header http.Header) {
	out := append(a.out, "HTTP/1.1 "...)
	out = append(strconv.AppendInt(out, int64(a.status), 10), ' ')
	if text := http.StatusText(a.status); text != "" {
		out = append(out, text...)
	} else {
		out = strconv.AppendInt(append(out, "status code "...), int64(a.status), 10)
	}
	out = append(out, crlf...)
	a.fields = a.fields[:0]
	for name, values := range header {
		if !a.sends(name) {
			continue
		}
		at := len(a.fields)
		for at > 0 && a.fields[at-1].name > name {
			at--
		}
		a.fields = slices.Insert(a.fields, at, field{name, values})
	}
	for _, f := range a.fields {
		for _, value := range f.values {
			out = append(append(out, f.name...), ": "...)
			out = append(appendValue(out, value), crlf...)
		}
	}
	if _, dated := header["Date"]; !dated {
		out = append(append(append(out, "Date: "...), a.conn.server.date.at(a.now)...), crlf...)
	}
	closes := header["Connection"]
	a.last = slices.ContainsFunc(closes, func(v string) bool { return strings.EqualFold(v, "close") })
	if !a.last && a.conn.server.closing.Load() {
		a.last = true
		out = append(out, "Connection: close\r\n"...)
	}
	a.out = append(out, crlf...)
}

// sends reports whether a header of that name is sent. Like net/http it leaves out
// invalid names, and headers about a body that the status excludes.
func (a *answer) sends(name string) bool {
	switch name {
	case "Content-Length":
		return !bodyless(a.status)
	case "Content-Type":
		return a.status != http.StatusNotModified
	case "Transfer-Encoding", "":
		return false
	}
	return all(name, inName)
}

// appendValue appends a header's value without the spaces around it. Line ends in it
// become spaces.
func appendValue(dst []byte, value string) []byte {
	value = textproto.TrimString(value)
	from := len(dst)
	dst = append(dst, value...)
	if strings.IndexByte(value, '\n') >= 0 || strings.IndexByte(value, '\r') >= 0 {
		for i := from; i < len(dst); i++ {
			if dst[i] == '\n' || dst[i] == '\r' {
				dst[i] = ' '
			}
		}
	}
	return dst
}

// send sends the buffered part of the answer and then p, with one system call if the
// client accepts that much. It returns how many bytes of p were sent.
func (a *answer) send(p []byte) (int, error) {
	if a.failed != nil {
		return 0, a.failed
	}
	c := a.conn
	before, sent := int64(len(a.out)), int64(0)
	a.vector = a.parts[:0]
	for _, part := range [][]byte{a.out, p} {
		if len(part) > 0 {
			a.vector = append(a.vector, part)
		}
	}
	a.out = a.out[:0]
	a.failed = c.writes.begin(in(a.now, c.server.rest.WriteTimeout))
	for again := a.failed == nil; again; {
		var n int64
		n, a.failed = a.sendSome()
		sent += n
		again = a.failed != nil && c.writes.struckEarly(a.failed)
	}
	a.parts, a.vector = [2][]byte{}, nil // keep no reference to the body
	return int(max(sent-before, 0)), a.failed
}

// sendSome makes one call to send the vector and removes from it what was sent. A
// plain write costs less than a vectored one.
func (a *answer) sendSome() (int64, error) {
	if len(a.vector) > 1 {
		return a.vector.WriteTo(a.conn.rwc)
	}
	n, err := a.conn.rwc.Write(a.vector[0])
	a.vector[0] = a.vector[0][n:]
	return int64(n), err
}

// Hijack implements http.Hijacker. It fails once the answer has begun.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if a.hijacked {
		return nil, nil, http.ErrHijacked
	}
	if a.status != 0 {
		return nil, nil, errors.New("httpserver: the answer has begun")
	}
	c := a.conn
	if err := c.rwc.SetDeadline(time.Time{}); err != nil {
		return nil, nil, err
	}
	a.hijacked = true
	c.server.forget(c)
	read := bytes.NewReader(bytes.Clone(c.buffer[c.from:c.to]))
	taken := c.rwc
	if c.slot != nil && c.tls == nil { // with TLS, the connection below frees the slot
		taken = slotConn{wrapped{c.rwc}, c.slot}
	}
	return taken, bufio.NewReadWriter(bufio.NewReader(io.MultiReader(read, c.rwc)), bufio.NewWriter(c.rwc)), nil
}
