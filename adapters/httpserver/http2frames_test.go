package httpserver_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
)

// peer is a client that writes frames of HTTP/2 by hand.
type peer struct {
	*http2.Framer
	conn  net.Conn
	head  bytes.Buffer
	hpack *hpack.Encoder
}

// newPeer begins HTTP/2 by prior knowledge. What the server sends is to be read.
func newPeer(t *testing.T, conn net.Conn, settings ...http2.Setting) *peer {
	t.Helper()
	p := &peer{Framer: http2.NewFramer(conn, conn), conn: conn}
	p.hpack = hpack.NewEncoder(&p.head)
	_, _ = io.WriteString(conn, http2.ClientPreface)
	_ = p.WriteSettings(settings...)
	return p
}

// ask sends the head of a request.
func (p *peer) ask(stream uint32, path string) error {
	p.head.Reset()
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}, {":path", path}} {
		_ = p.hpack.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	return p.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: p.head.Bytes(), EndStream: true, EndHeaders: true})
}

// status asks and returns the status of the answer, which it waits for.
func (p *peer) status(t *testing.T, stream uint32, path string) (status string) {
	t.Helper()
	p.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	sent := make(chan error, 1)
	go func() { sent <- p.ask(stream, path) }()
	defer func() {
		if err := <-sent; err != nil {
			t.Error(err)
		}
	}()
	for {
		frame, err := p.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if head, ok := frame.(*http2.MetaHeadersFrame); ok && head.StreamID == stream {
			status = head.PseudoValue("status")
		}
		if frame.Header().StreamID == stream && frame.Header().Flags.Has(http2.FlagDataEndStream) { // that of HEADERS, too
			return status
		}
	}
}

// A client that asks and takes back at once gets no more handlers than a connection may
// have, and is cut off when it goes on.
func TestRapidResets(t *testing.T) {
	on(t, func(t *testing.T, o httpserver.Options) {
		var running, most atomic.Int32
		leave := make(chan struct{})
		h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			n := running.Add(1)
			for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
			}
			<-leave // a handler that does not notice
			running.Add(-1)
		})
		s := start(t, h, o)
		defer close(leave)
		conn, _ := s.dial(t)
		p := newPeer(t, conn)
		code := make(chan http2.ErrCode, 1)
		go func() {
			for {
				frame, err := p.ReadFrame()
				if err != nil {
					close(code)
					return
				}
				if away, ok := frame.(*http2.GoAwayFrame); ok {
					code <- away.ErrCode
				}
			}
		}()
		sent := 0
		for ; sent < 100_000; sent++ {
			stream := uint32(2*sent + 1)
			if p.ask(stream, "/") != nil || p.WriteRSTStream(stream, http2.ErrCodeCancel) != nil {
				break
			}
		}
		if got := <-code; got != http2.ErrCodeEnhanceYourCalm {
			t.Errorf("ended with %v after %d requests", got, sent)
		}
		if n := most.Load(); n != httpserver.MaxStreams {
			t.Errorf("%d handlers at a time, want %d", n, httpserver.MaxStreams)
		}
	})
}

// A client that does not take an answer, or sends nothing, is dropped by the time-outs of
// HTTP/1.1.
func TestTimeoutsOfHTTP2(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := w.Write(make([]byte, 1<<20))
		if r.URL.Path == "/blocked" && err == nil {
			t.Error("the answer was taken")
		}
	})
	o := httpserver.Options{WriteTimeout: 30 * time.Second, KeepAliveTimeout: 5 * time.Second}
	onConns(t, h, o, func(t *testing.T, l *conns) {
		began := time.Now()
		client, _ := dial(l)
		p := newPeer(t, client)
		for { // says goodbye, and closes soon after
			if _, err := p.ReadFrame(); err != nil {
				break
			}
		}
		if took := time.Since(began); took < 5*time.Second || took > 7*time.Second {
			t.Errorf("an idle connection was dropped after %v", took)
		}

		began = time.Now()
		client, _ = dial(l)
		defer client.Close()
		p = newPeer(t, client, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 10})
		go func() { _ = p.ask(1, "/blocked") }()
		for {
			frame, err := p.ReadFrame()
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := frame.(*http2.RSTStreamFrame); ok {
				break
			}
		}
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("an answer that is not taken was given up after %v", took)
		}
		synctest.Wait()
	})
}

// A drain asks clients of HTTP/2 to reconnect, too.
func TestDrainOfHTTP2(t *testing.T) {
	s := start(t, byPath, httpserver.Options{})
	conn, _ := s.dial(t)
	p := newPeer(t, conn)
	if err := p.ask(1, "/tell"); err != nil {
		t.Fatal(err)
	}
	s.Drain()
	_ = p.ask(3, "/tell")
	for {
		frame, err := p.ReadFrame()
		if err != nil {
			t.Fatalf("closed before it was asked to go: %v", err)
		}
		if _, away := frame.(*http2.GoAwayFrame); away {
			return
		}
	}
}
