package httpserver_test

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
)

func textLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// addressIn returns the address of the port without TLS that a log names.
func addressIn(t *testing.T, log string) string {
	t.Helper()
	found := regexp.MustCompile(`listening_without_tls address=(\S+)`).FindStringSubmatch(log)
	if found == nil {
		t.Fatalf("no address in %q", log)
	}
	return found[1]
}

// Requests that share a connection take places of connections, but for the first, beside
// those of the connection itself.
func TestConnectionLimitOfSharedConnections(t *testing.T) {
	const requests = 5
	const most = httpserver.PlacesOfHTTP2 + requests - 1
	h := newWaiting()
	on(t, func(t *testing.T, o httpserver.Options) {
		o.MaxConnections = most
		o.OverLimit = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
		s := start(t, h, o)
		client := clientOf(t, nil, "h2c")
		status := make(chan int, 100)
		ask := func() {
			response, err := client.Get("http://" + s.addr)
			if err != nil {
				t.Error(err)
				status <- 0
				return
			}
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
			status <- response.StatusCode
		}
		for range 3 { // the places are given back
			for range requests {
				go ask()
				<-h.asked
			}
			go ask()
			if got := <-status; got != http.StatusServiceUnavailable {
				t.Errorf("beyond the limit: %d", got)
			}
			for range requests {
				h.leave <- true
			}
			for range requests {
				if got := <-status; got != http.StatusOK {
					t.Errorf("within the limit: %d", got)
				}
			}
		}
	})
}

// A connection of HTTP/2 takes its places as soon as it is one, before any request, and
// gives them back. Where fewer are left, it is beyond the limit.
func TestPlacesOfConnectionsOfHTTP2(t *testing.T) {
	const most = 2*httpserver.PlacesOfHTTP2 + 1
	refused := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	var log lockedBuffer
	onConns(t, byPath, httpserver.Options{MaxConnections: most, OverLimit: refused, Logger: textLogger(&log)}, func(t *testing.T, l *conns) {
		for range 3 {
			var open []net.Conn
			for range 2 {
				client, _ := dial(l)
				open = append(open, client)
				p := newPeer(t, client)
				go func() { _, _ = io.Copy(io.Discard, p.conn) }()
			}
			synctest.Wait()
			client, _ := dial(l) // there is one place left
			open = append(open, client)
			p := newPeer(t, client)
			if got := p.status(t, 1, "/tell"); got != "503" {
				t.Errorf("a third connection of HTTP/2: %s", got)
			}
			client.Close()
			synctest.Wait()
			client, from := dial(l)
			open = append(open, client)
			send(client, get("/tell"))
			if response, _ := receive(t, from); response.StatusCode != http.StatusOK {
				t.Errorf("HTTP/1.1 in the last place: %s", response.Status)
			}
			for _, c := range open {
				c.Close()
			}
			synctest.Wait()
		}
	})
}

// A limit that is lower than the places of a connection of HTTP/2 is for one of them.
func TestLimitBelowThePlacesOfHTTP2(t *testing.T) {
	onConns(t, byPath, httpserver.Options{MaxConnections: 1}, func(t *testing.T, l *conns) {
		for range 2 {
			client, _ := dial(l)
			p := newPeer(t, client)
			if got := p.status(t, 1, "/ignore"); got != "200" {
				t.Errorf("the only connection: %s", got)
			}
			client.Close()
			synctest.Wait()
		}
	})
}

// HTTP/2 by prior knowledge is found however its first bytes arrive, and with it that
// what begins alike is something else.
func TestPrefaceInPieces(t *testing.T) {
	onConns(t, byPath, httpserver.Options{}, func(t *testing.T, l *conns) {
		for _, size := range []int{1, 3, 10, 23} {
			client, _ := dial(l)
			p := newPeer(t, &inPieces{Conn: client, size: size, left: len(http2.ClientPreface)})
			if got := p.status(t, 1, "/ignore"); got != "200" {
				t.Errorf("in pieces of %d: %s", size, got)
			}
			client.Close()
			for _, request := range []string{"POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "PRI /ignore HTTP/1.1\r\nHost: x\r\n\r\n"} {
				client, from := dial(l)
				go func() { _, _ = io.WriteString(&inPieces{Conn: client, size: size, left: len(request)}, request) }()
				if response, _ := receive(t, from); response.StatusCode != http.StatusOK {
					t.Errorf("%q in pieces of %d: %s", request, size, response.Status)
				}
				client.Close()
			}
		}
		synctest.Wait()
	})
}

// A client that stops in the middle of a preface is dropped as one that stops in the middle
// of a head.
func TestPartOfAPrefaceTimesOut(t *testing.T) {
	const patience = 5 * time.Second
	onConns(t, byPath, httpserver.Options{ReadHeaderTimeout: patience}, func(t *testing.T, l *conns) {
		began := time.Now()
		client, from := dial(l)
		defer client.Close()
		send(client, http2.ClientPreface[:10])
		_, _ = io.Copy(io.Discard, from)
		if took := time.Since(began); took != patience {
			t.Errorf("dropped after %v", took)
		}
	})
}

// inPieces is a connection that writes its first left bytes in pieces of size.
type inPieces struct {
	net.Conn
	size, left int
}

// Write implements net.Conn.
func (c *inPieces) Write(p []byte) (int, error) {
	for at := 0; at < len(p); {
		n := len(p) - at
		if c.left > 0 {
			n = min(n, c.size, c.left)
		}
		if _, err := c.Conn.Write(p[at : at+n]); err != nil {
			return at, err
		}
		c.left -= min(n, c.left)
		at += n
	}
	return len(p), nil
}

// A body that is larger than a handler takes ends its request and not the connection.
func TestRefusedBodyOfHTTP2(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
		fmt.Fprint(w, r.RemoteAddr)
	})
	on(t, func(t *testing.T, o httpserver.Options) {
		s := start(t, h, o)
		client := clientOf(t, nil, "h2c")
		address := func(response *http.Response, err error) string {
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			return string(body)
		}
		first := address(client.Get("http://" + s.addr))
		refused := address(client.Post("http://"+s.addr, "text/plain", strings.NewReader(strings.Repeat("x", 10<<20))))
		if next := address(client.Get("http://" + s.addr)); refused != first || next != first {
			t.Errorf("on %s, then %s and %s", first, refused, next)
		}
	})
}
