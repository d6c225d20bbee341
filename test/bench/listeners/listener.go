package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

// listener is an open stream of a proxy.
type listener struct {
	conn   net.Conn
	body   *bufio.Reader
	closer io.Closer
}

// received is an event as it arrived.
type received struct {
	data string
	at   time.Time
}

// listen opens a stream and returns once the proxy has begun it.
func listen(address string) (*listener, error) { return listenBy(&net.Dialer{}, address) }

// listenNarrowly is listen with a very small receive buffer.
func listenNarrowly(address string) (*listener, error) {
	return listenBy(&net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) { failed = setReceiveBuffer(fd, 1) })
		return errors.Join(err, failed)
	}}, address)
}

func listenBy(dialer *net.Dialer, address string) (*listener, error) {
	dialer.Timeout = 30 * time.Second
	conn, err := dialer.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := fmt.Fprintf(conn, "GET /sse/environments/%s/stream HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n\r\n", profile.ClientKey, address); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	answer, err := http.ReadResponse(bufio.NewReaderSize(conn, 1024), nil)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	l := &listener{conn: conn, body: bufio.NewReaderSize(answer.Body, 256), closer: answer.Body}
	if first, err := l.body.ReadString('\n'); err != nil || answer.StatusCode != http.StatusOK || first != ": connected\n" {
		return nil, errors.Join(fmt.Errorf("%s, beginning with %q", answer.Status, first), err, conn.Close())
	}
	return l, conn.SetDeadline(time.Time{})
}

// hear reads events until the stream ends. It returns nil if the stream ended
// properly.
func (l *listener) hear(heard func(received)) error {
	defer l.conn.Close()
	for {
		line, err := l.body.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			return nil // the last chunk arrived: half a stream is io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			heard(received{strings.TrimSuffix(data, "\n"), time.Now()})
		}
	}
}
