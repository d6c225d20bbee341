package sse

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// stream writes server-sent events to a connection that it took over. One goroutine
// uses the methods that write; they report whether the listener is still there.
type stream struct {
	conn    net.Conn
	chunked bool
	events  Events
	head    []byte        // head of the answer, until begin
	gone    chan struct{} // closed when the listener has gone, or is taken for gone
	bytes   int64         // sent as events so far

	mu       sync.Mutex
	patience time.Duration // how long the listener may take to accept what it is sent
}

// take takes over the connection of w, whose answer has not begun. The stream gets
// the headers of w. It must be closed.
func take(w http.ResponseWriter, r *http.Request, events Events) (*stream, error) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("stream of events: %w", err)
	}
	tune(conn)
	s := &stream{conn: conn, chunked: r.ProtoAtLeast(1, 1), events: events, gone: make(chan struct{}), patience: patience}
	h := w.Header()
	h["Connection"] = []string{"close"}
	h["Date"] = []string{time.Now().UTC().Format(http.TimeFormat)}
	if s.chunked { // lets the listener tell the end from a broken connection
		h["Transfer-Encoding"] = []string{"chunked"}
	}
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	_ = h.Write(&head) // never fails
	head.WriteString("\r\n")
	s.head = head.Bytes()
	go s.watch() // until close
	return s, nil
}

// begin sends the head of the answer, a first comment and the first event, if there is one.
func (s *stream) begin() bool {
	head := s.head
	s.head = nil
	return s.write(s.appendEvent(head, append([]byte(": connected\n\n"), s.events.First...)))
}

// watch waits for the listener to go away. It ignores what the listener sends, up to
// maxIgnored bytes.
func (s *stream) watch() {
	defer close(s.gone)
	ignored := make([]byte, 64)
	for received := 0; received < maxIgnored; {
		n, err := s.conn.Read(ignored)
		if err != nil {
			return
		}
		received += n
	}
}

// comment sends a comment, which clients ignore.
func (s *stream) comment(text string) bool {
	return s.write(s.appendEvent(nil, []byte(": "+text+"\n\n")))
}

// updated sends the event about a document that was updated at that time, if it has one.
func (s *stream) updated(at time.Time) bool {
	event := s.events.Updated(make([]byte, 0, 160), at)
	return len(event) == 0 || s.write(s.appendEvent(nil, event))
}

// end sends the end of the answer.
func (s *stream) end() {
	if s.chunked {
		s.write([]byte("0\r\n\r\n"))
	}
}

// appendEvent appends an event in the form it has on the connection.
func (s *stream) appendEvent(dst, event []byte) []byte {
	s.bytes += int64(len(event))
	if !s.chunked {
		return append(dst, event...)
	}
	dst = append(strconv.AppendInt(dst, int64(len(event)), 16), "\r\n"...)
	return append(append(dst, event...), "\r\n"...)
}

func (s *stream) write(p []byte) bool {
	s.mu.Lock()
	_ = s.conn.SetWriteDeadline(time.Now().Add(s.patience))
	s.mu.Unlock()
	_, err := s.conn.Write(p)
	return err == nil
}

// hurry changes how long the listener may take to accept what it is sent, for the
// write under way too. It is safe for concurrent use.
func (s *stream) hurry(patience time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.patience = patience
	_ = s.conn.SetWriteDeadline(time.Now().Add(patience))
}

// close closes the connection and waits for watch to end.
func (s *stream) close() {
	_ = s.conn.Close()
	<-s.gone
}

// tune adapts a connection to a stream: a line now and then, to listeners of which
// some vanish without notice. The system gives up on a listener that it does not reach
// for patience, instead of a quarter of an hour, and buffers little. A stream also
// works where the system cannot do that.
func tune(c net.Conn) {
	if wrapped, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = wrapped.NetConn()
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	_ = errors.Join(tcp.SetWriteBuffer(sendBuffer), giveUpAfter(tcp, patience))
}

// maxIgnored is how many bytes a listener may send before it is dropped: a body that
// nobody needs, or further requests. Reading them costs more than the stream.
const maxIgnored = 64 << 10

// sendBuffer is how many bytes the system is asked to buffer for a listener that does
// not accept them. Dozens of events fit in.
const sendBuffer = 8 << 10
