package httpserver_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
)

// script is the server's end of a connection to a client that sends what it has to
// send, in pieces of at most piece bytes, and then ends its side.
type script struct {
	mu     sync.Mutex
	unsent []byte
	piece  int
	got    bytes.Buffer
	writes int
	closed chan struct{}
	once   sync.Once
}

func newScript(send string, piece int) *script {
	return &script{unsent: []byte(send), piece: piece, closed: make(chan struct{})}
}

func (s *script) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unsent) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.piece)], s.unsent)
	s.unsent = s.unsent[n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	return s.got.Write(p)
}

func (s *script) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *script) LocalAddr() net.Addr                { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (s *script) RemoteAddr() net.Addr               { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2} }
func (s *script) SetDeadline(time.Time) error        { return nil }
func (s *script) SetReadDeadline(t time.Time) error  { return nil }
func (s *script) SetWriteDeadline(t time.Time) error { return nil }

// conns is a listener that hands out what it is given.
type conns struct {
	accept chan net.Conn
	ended  chan struct{}
	once   sync.Once
}

func newConns() *conns { return &conns{accept: make(chan net.Conn), ended: make(chan struct{})} }

func (l *conns) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

func (l *conns) Close() error {
	err := net.ErrClosed
	l.once.Do(func() {
		close(l.ended)
		err = nil
	})
	return err
}

func (l *conns) Addr() net.Addr { return &net.TCPAddr{} }

// server is what http.Server and Server have in common.
type server interface {
	Serve(net.Listener) error
	Close() error
}

// pair is an http.Server and a Server for the same handler.
type pair struct{ reference, ours *conns }

func newPair(t testing.TB, h http.Handler) pair {
	return newPairOf(t, func() *http.Server { return &http.Server{Handler: h} })
}

// newPairOf is newPair for servers that differ in more than their handler.
func newPairOf(t testing.TB, of func() *http.Server) pair {
	reference, rest := of(), of()
	reference.ErrorLog = log.New(io.Discard, "", 0)
	return pair{serveOn(t, reference), serveOn(t, httpserver.NewFront(rest))}
}

func serveOn(t testing.TB, s server) *conns {
	l, ended := newConns(), make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Serve(l)
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-ended
	})
	return l
}

// talk lets a client send its script, and returns what it was answered until the
// connection was closed.
func talk(l *conns, send string, piece int) string {
	s := newScript(send, piece)
	l.accept <- s
	<-s.closed
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.String()
}

// compare sends the same to both servers. It fails when they do not answer the same,
// but for the order of headers.
func (p pair) compare(t *testing.T, send string, piece int) {
	t.Helper()
	want, got := talk(p.reference, send, piece), talk(p.ours, send, piece)
	if want == got {
		return
	}
	if want, got = plainly(want), plainly(got); want != got {
		t.Errorf("%q in pieces of %d\nis answered %q\nby net/http  %q", abridged(send), piece, abridged(got), abridged(want))
	}
}

// abridged is text without the middle of it, when it is long.
func abridged(text string) string {
	const most = 2000
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("%s … %d bytes … %s", text[:most/2], len(text)-most, text[len(text)-most/2:])
}

var (
	dateLine = regexp.MustCompile(`Date: [^\r]*\r\n`)
	fields   = regexp.MustCompile(`(?s)HTTP/1\.1 \d.*?\r\n\r\n`)
)

// plainly returns answers without their dates and with their headers in order.
func plainly(answers string) string {
	return fields.ReplaceAllStringFunc(dateLine.ReplaceAllString(answers, ""), func(head string) string {
		lines := strings.SplitAfter(strings.TrimSuffix(head, "\r\n"), "\r\n")
		slices.Sort(lines[1:])
		return strings.Join(lines, "") + "\r\n"
	})
}
