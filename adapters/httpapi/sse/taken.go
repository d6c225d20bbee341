package sse

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"
)

// taken is a carrier on a connection that was taken over from the server. It takes less
// memory than a handler that waits.
type taken struct {
	conn    net.Conn
	chunked bool
	head    []byte // of the answer, until begin
	buffers *buffers
}

// take takes over the connection of w. Without a connection of its own, as with HTTP/2,
// it returns an http.ErrNotSupported.
func take(w http.ResponseWriter, r *http.Request, b *buffers) (carrier, error) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	tune(conn)
	c := &taken{conn: conn, buffers: b, chunked: r.ProtoAtLeast(1, 1)}
	h := w.Header()
	h["Connection"] = []string{"close"}
	h["Date"] = []string{time.Now().UTC().Format(http.TimeFormat)}
	if c.chunked { // lets the listener tell the end from a broken connection
		h["Transfer-Encoding"] = []string{"chunked"}
	}
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	_ = h.Write(&head) // never fails
	head.WriteString("\r\n")
	c.head = head.Bytes()
	return c, nil
}

func (c *taken) begin(event []byte) error {
	head := c.head
	c.head = nil
	return c.write(c.appendEvent(head, event))
}

func (c *taken) send(event []byte) error {
	sent := c.buffers.take()
	defer c.buffers.give(sent)
	sent.bytes = c.appendEvent(sent.bytes, event)
	return c.write(sent.bytes)
}

func (c *taken) end() {
	if c.chunked {
		_ = c.write([]byte("0\r\n\r\n"))
	}
}

// appendEvent appends an event in the form it has on the connection.
func (c *taken) appendEvent(dst, event []byte) []byte {
	if !c.chunked {
		return append(dst, event...)
	}
	dst = append(strconv.AppendInt(dst, int64(len(event)), 16), "\r\n"...)
	return append(append(dst, event...), "\r\n"...)
}

func (c *taken) write(p []byte) error {
	_, err := c.conn.Write(p)
	return err
}

func (c *taken) setDeadline(t time.Time) { _ = c.conn.SetWriteDeadline(t) }

// watch ignores what the listener sends, up to maxIgnored bytes.
func (c *taken) watch() {
	ignored := make([]byte, 64)
	for received := 0; received < maxIgnored; {
		n, err := c.conn.Read(ignored)
		if err != nil {
			return
		}
		received += n
	}
}

func (c *taken) close() { _ = c.conn.Close() }

// tune adapts a connection to a stream: a line now and then, to listeners of which
// some vanish without notice. The system gives up on a listener that it does not reach
// for patience, instead of a quarter of an hour, and buffers little. A stream also
// works where the system cannot do that.
func tune(c net.Conn) {
	for {
		above, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		c = above.NetConn()
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
