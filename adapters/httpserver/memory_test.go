package httpserver_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// As many peers of HTTP/2 as the limit of connections admits cost no more memory than as
// many of HTTP/1.1, whether they are idle, wait for answers, or make the server keep all
// that it keeps for a peer.
func TestPeersOfHTTP2CostNoMore(t *testing.T) {
	const shared = 10 // requests that wait on one connection of HTTP/2
	for _, secure := range []bool{false, true} {
		for _, c := range []struct {
			name         string
			http1, http2 func(*testing.T, net.Conn)
			waiting      int // requests of HTTP/2 under way on each connection
		}{
			{"idle", askHTTP1, func(t *testing.T, c net.Conn) { askHTTP2(t, c) }, 0},
			{"waiting", func(_ *testing.T, c net.Conn) { _, _ = io.WriteString(c, get("/wait")) }, func(t *testing.T, c net.Conn) {
				p := newPeer(t, c)
				for i := range uint32(shared) {
					_ = p.ask(2*i+1, "/wait")
				}
			}, shared},
			{"wasteful", func(_ *testing.T, c net.Conn) {
				_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n"+strings.Repeat("x", 59_000))
			}, wasteHTTP2, 0},
		} {
			name := c.name
			if secure {
				name += " over TLS"
			}
			t.Run(name, func(t *testing.T) {
				first, peers := 20, 80
				if c.name != "wasteful" && !secure { // costs are closer to the limit there, and need an exacter mean
					first, peers = 50, 250
				}
				places := httpserver.PlacesOfHTTP2 + max(0, c.waiting-1)
				one := costOf(t, secure, "http/1.1", min(c.waiting, 1), first, peers, c.http1)
				two := costOf(t, secure, "h2", c.waiting, first, peers, c.http2)
				t.Logf("%.1f KiB with HTTP/1.1; %.1f KiB with HTTP/2, which takes %d places: %.1f KiB for each", one, two, places, two/float64(places))
				if two > one*float64(places) {
					t.Errorf("a connection of HTTP/2 takes %d places and costs as much as %.1f of HTTP/1.1", places, two/one)
				}
			})
		}
	}
}

// costOf returns how much memory the server uses for one connection, in KiB, after its
// client has done what use does. Of each, waiting requests are being answered then. It is
// the mean of peers connections without the first ones, which use what former connections
// have left.
func costOf(t *testing.T, secure bool, protocol string, waiting, first, peers int, use func(*testing.T, net.Conn)) float64 {
	t.Helper()
	var asked atomic.Int64
	leave := make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			asked.Add(1)
			<-leave
		}
		w.Header().Set("Content-Length", "2")
		_, _ = io.WriteString(w, "{}")
	})
	var o httpserver.Options
	onTLS, trust := secured(t)
	if secure {
		o.TLS = onTLS
		trust.NextProtos = []string{protocol}
		trust.CurvePreferences = []tls.CurveID{tls.X25519} // the cheapest; the keys are garbage after the handshake
	}
	s := start(t, h, o)
	var conns []net.Conn
	connect := func(peers int) {
		for len(conns) < peers {
			conn, err := net.Dial("tcp", s.addr)
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, conn)
			if secure { // what the client keeps for TLS is garbage afterwards
				client := tls.Client(conn, trust.Clone())
				if err := client.Handshake(); err != nil {
					t.Fatal(err)
				}
				use(t, client)
				continue
			}
			use(t, conn)
		}
		wait.Until(t, time.Minute, "the server has what was sent", func() bool {
			stats := s.Stats()
			return stats.Open == int64(peers) && stats.HTTP2 == map[string]int64{"h2": int64(peers)}[protocol] && asked.Load() == int64(peers*waiting)
		})
	}
	goroutines := runtime.NumGoroutine() + 2 // and those that accept connections
	connect(first)
	before := memory()
	connect(peers)
	cost := memory() - before
	close(leave)
	for _, c := range conns {
		_ = c.Close()
	}
	wait.Until(t, time.Minute, "what was opened ends", func() bool { return s.Stats().Open == 0 && runtime.NumGoroutine() <= goroutines })
	return float64(cost) / float64(peers-first) / 1024
}

// memory returns how many bytes of the heap and of stacks are in use.
func memory() int64 {
	for range 8 { // what a pool has is freed by the second, and each halves large stacks
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

func askHTTP1(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := io.WriteString(conn, get("/")); err != nil {
		t.Fatal(err)
	}
	receive(t, bufio.NewReader(conn))
}

func askHTTP2(t *testing.T, conn net.Conn) *peer {
	t.Helper()
	p := newPeer(t, conn)
	if got := p.status(t, 1, "/"); got != "200" {
		t.Fatalf("status %s", got)
	}
	return p
}

// wasteHTTP2 has the server keep the largest frame and a full table of headers.
func wasteHTTP2(t *testing.T, conn net.Conn) {
	p := askHTTP2(t, conn)
	p.head.Reset()
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/"}} {
		_ = p.hpack.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	for i := range 120 { // each takes 34 of 4096 bytes
		_ = p.hpack.WriteField(hpack.HeaderField{Name: fmt.Sprintf("%c%c", 'a'+i/26, 'a'+i%26)})
	}
	_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: p.head.Bytes(), EndStream: true, EndHeaders: true})
	_ = p.WriteRawFrame(0xbb, 0, 0, make([]byte, 16<<10)) // of an unknown type, which is ignored
	_ = p.WritePing(false, [8]byte{})
	for {
		frame, err := p.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if _, answered := frame.(*http2.PingFrame); answered {
			return
		}
	}
}
