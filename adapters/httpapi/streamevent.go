package httpapi

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

// eventStream writes server-sent events to a connection that it has for itself.
// Its methods that write are for one goroutine; they report whether the listener
// is still there.
type eventStream struct {
	conn    net.Conn
	chunked bool
	head    []byte        // the answer's, until begin
	gone    chan struct{} // closed when the listener has gone, or is taken for gone
	bytes   int64         // of events, so far

	mu       sync.Mutex
	patience time.Duration // how long a listener may take to accept what it is sent
}

// takeStream takes the connection over on which w answers. The answer has not
// begun; its headers are those of w. The stream must be closed.
func takeStream(w http.ResponseWriter, r *http.Request) (*eventStream, error) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("stream of events: %w", err)
	}
	tuneStream(conn)
	s := &eventStream{conn: conn, chunked: r.ProtoAtLeast(1, 1), gone: make(chan struct{}), patience: streamPatience}
	h := w.Header()
	h["Connection"] = []string{"close"}
	h["Date"] = []string{time.Now().UTC().Format(http.TimeFormat)}
	if s.chunked { // so that the end is told from a connection that broke
		h["Transfer-Encoding"] = []string{"chunked"}
	}
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	_ = h.Write(&head) // a buffer takes everything
	head.WriteString("\r\n")
	s.head = head.Bytes()
	go s.watch() // until close
	return s, nil
}

// begin sends the answer's head and a first sign of life.
func (s *eventStream) begin() bool {
	head := s.head
	s.head = nil
	return s.write(s.appendEvent(head, []byte(": connected\n\n")))
}

// watch waits for the listener to go. What it says is not listened to, and one
// that says a lot is taken for gone: reading it costs more than the stream.
func (s *eventStream) watch() {
	defer close(s.gone)
	ignored := make([]byte, 64)
	for said := 0; said < streamIgnores; {
		n, err := s.conn.Read(ignored)
		if err != nil {
			return
		}
		said += n
	}
}

func (s *eventStream) comment(text string) bool {
	return s.write(s.appendEvent(nil, []byte(": "+text+"\n\n")))
}

func (s *eventStream) updated(at time.Time) bool {
	if at.IsZero() { // it is new all the same
		at = time.Now()
	}
	event := append(make([]byte, 0, 96), "event: environment_updated\ndata: {\"updated_at\": "...)
	event = strconv.AppendFloat(event, float64(at.UnixMicro())/1e6, 'f', -1, 64)
	return s.write(s.appendEvent(nil, append(event, "}\n\n"...)))
}

// end tells the listener that nothing more comes.
func (s *eventStream) end() {
	if s.chunked {
		s.write([]byte("0\r\n\r\n"))
	}
}

// appendEvent appends an event as it goes over the connection.
func (s *eventStream) appendEvent(dst, event []byte) []byte {
	s.bytes += int64(len(event))
	if !s.chunked {
		return append(dst, event...)
	}
	dst = append(strconv.AppendInt(dst, int64(len(event)), 16), "\r\n"...)
	return append(append(dst, event...), "\r\n"...)
}

func (s *eventStream) write(p []byte) bool {
	s.mu.Lock()
	_ = s.conn.SetWriteDeadline(time.Now().Add(s.patience))
	s.mu.Unlock()
	_, err := s.conn.Write(p)
	return err == nil
}

// hurry leaves the listener so long to accept what is being sent, and what is
// sent from now on. It may be called at any time.
func (s *eventStream) hurry(patience time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.patience = patience
	_ = s.conn.SetWriteDeadline(time.Now().Add(patience))
}

// close closes the connection and waits for what watches it.
func (s *eventStream) close() {
	_ = s.conn.Close()
	<-s.gone
}

// tuneStream fits a connection to what streams are: a line now and then, to
// listeners of which some vanish without a word. The system gives up on a
// listener that it does not reach for streamPatience, not after a quarter of an
// hour, and buffers little. Where it cannot do so a stream works all the same.
func tuneStream(c net.Conn) {
	if wrapped, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = wrapped.NetConn()
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	_ = errors.Join(tcp.SetWriteBuffer(streamBuffer), giveUpAfter(tcp, streamPatience))
}

// streamIgnores is how many bytes a listener may say before it is dropped: the body
// of a request that needs none, or requests after it.
const streamIgnores = 64 << 10

// streamBuffer is how many bytes the system is asked to buffer for a listener
// that does not accept them: dozens of events.
const streamBuffer = 8 << 10
