package httpserver_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
	"github.com/edge-proxy/edge-proxy/test/support/certificates"
)

// secured returns how a server speaks TLS and how its clients do.
func secured(t testing.TB) (*httpserver.TLS, *tls.Config) {
	t.Helper()
	authority := certificates.NewAuthority(t, "authority")
	pair := authority.Issue(t, certificates.Leaf{Names: []string{"127.0.0.1", "proxy.example"}}).TLS(t)
	server := &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: httpserver.NextProtos()}
	return &httpserver.TLS{Config: server}, &tls.Config{RootCAs: authority.Pool(), ServerName: "proxy.example"}
}

// clientOf returns a client that speaks one protocol alone.
func clientOf(t *testing.T, trust *tls.Config, protocol string) *http.Client {
	t.Helper()
	protocols := new(http.Protocols)
	switch protocol {
	case "HTTP/1.1":
		protocols.SetHTTP1(true)
	case "HTTP/2":
		protocols.SetHTTP2(true)
	case "h2c":
		protocols.SetUnencryptedHTTP2(true)
	}
	transport := &http.Transport{TLSClientConfig: trust.Clone(), Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// Every protocol on both ports gets the same answers.
func TestProtocolsAnswerTheSame(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Secure", fmt.Sprint(r.TLS != nil))
		w.Header().Set("X-Proto", r.Proto)
		switch r.URL.Path {
		case "/large":
			_, _ = w.Write(large)
		case "/declared":
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "2")
			_, _ = io.WriteString(w, "{}")
		case "/nothing":
			w.WriteHeader(http.StatusNotModified)
		default:
			_, _ = w.Write(body)
		}
	})
	on(t, func(t *testing.T, o httpserver.Options) {
		secure, trust := secured(t)
		anyPort := 0
		o.TLS, o.PlainPort = secure, &anyPort
		var log lockedBuffer
		o.Logger = textLogger(&log)
		s := start(t, h, o)
		plain := addressIn(t, log.String())
		for _, path := range []string{"/echo", "/large", "/declared", "/nothing"} {
			for _, sent := range []string{"", "abc", strings.Repeat("x", 100_000)} {
				var want string
				for _, via := range []struct{ protocol, base string }{
					{"HTTP/1.1", "http://" + plain}, {"h2c", "http://" + plain}, {"HTTP/1.1", "https://" + s.addr}, {"HTTP/2", "https://" + s.addr},
				} {
					response, err := clientOf(t, trust, via.protocol).Post(via.base+path, "text/plain", strings.NewReader(sent))
					if err != nil {
						t.Fatalf("%s %s: %v", via.protocol, via.base, err)
					}
					body, err := io.ReadAll(response.Body)
					if err != nil {
						t.Fatalf("%s %s: %v", via.protocol, via.base, err)
					}
					secure := strings.HasPrefix(via.base, "https")
					proto := "HTTP/1.1"
					if via.protocol != proto {
						proto = "HTTP/2.0"
					}
					if h := response.Header; h.Get("X-Secure") != fmt.Sprint(secure) || h.Get("X-Proto") != proto || response.Proto != proto {
						t.Errorf("%s %s: served as %s, secure %s", via.protocol, via.base, h.Get("X-Proto"), h.Get("X-Secure"))
					}
					got := fmt.Sprint(response.StatusCode, response.Header["Content-Type"], string(body))
					if want == "" {
						want = got
					}
					if got != want {
						t.Errorf("%s over %s %s: %.100q and %d bytes in all, want %.100q and %d", path, via.protocol, via.base, got, len(got), want, len(want))
					}
				}
			}
		}
	})
}

// A request that is not plain is handed over with its TLS connection.
func TestOddRequestsOverTLS(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.TLS != nil && r.TLS.HandshakeComplete)
	})
	on(t, func(t *testing.T, o httpserver.Options) {
		var trust *tls.Config
		o.TLS, trust = secured(t)
		s := start(t, h, o)
		conn, err := tls.Dial("tcp", s.addr, trust)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for _, request := range []string{get("/"), odd("/"), get("/")} {
			if _, err := io.WriteString(conn, request); err != nil {
				t.Fatal(err)
			}
			if _, body := receive(t, bufio.NewReader(conn)); body != "true" {
				t.Errorf("%q: secure %s", request, body)
			}
		}
	})
}

// A client that speaks HTTP to a port with TLS is shown what to do.
func TestHTTPToTLS(t *testing.T) {
	on(t, func(t *testing.T, o httpserver.Options) {
		o.TLS, _ = secured(t)
		var failed atomic.Int32
		o.TLS.Failed = func(err error) {
			if !errors.As(err, new(tls.RecordHeaderError)) {
				t.Errorf("failed with %v", err)
			}
			failed.Add(1)
		}
		s := start(t, byPath, o)
		conn, from := s.dial(t)
		fmt.Fprint(conn, get("/tell"))
		response, body := receive(t, from)
		if response.StatusCode != http.StatusBadRequest || !response.Close || !strings.Contains(body, "https://") {
			t.Errorf("%s %q", response.Status, body)
		}
		ended(t, from)
		if n := failed.Load(); n != 1 {
			t.Errorf("%d failures", n)
		}
	})
}

// onSecureConns is onConns with TLS.
func onSecureConns(t *testing.T, h http.Handler, o httpserver.Options, failed func(error), test func(*testing.T, *conns, *tls.Config)) {
	t.Helper()
	on(t, func(t *testing.T, paths httpserver.Options) {
		synctest.Test(t, func(t *testing.T) {
			l := newConns()
			o := o
			o.NoFastPath = paths.NoFastPath
			o.Listen = func(context.Context, string, string) (net.Listener, error) { return l, nil }
			var trust *tls.Config
			o.TLS, trust = secured(t)
			o.TLS.Failed = failed
			s := httpserver.New(h, o)
			if _, err := s.Listen(t.Context()); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- s.Serve() }()
			test(t, l, trust)
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	})
}

// A client that does not shake hands is dropped when it should have sent a head.
func TestHandshakeTimeout(t *testing.T) {
	var failed atomic.Int32
	fail := func(err error) {
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("failed with %v", err)
		}
		failed.Add(1)
	}
	onSecureConns(t, byPath, httpserver.Options{ReadHeaderTimeout: 5 * time.Second}, fail, func(t *testing.T, l *conns, _ *tls.Config) {
		began := time.Now()
		_, from := dial(l)
		ended(t, from)
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("dropped after %v", took)
		}
	})
	if n := failed.Load(); n != 2 {
		t.Errorf("%d failures, want one with the fast path and one without", n)
	}
}

// A shutdown does not wait for clients that have not shaken hands, and does not report
// them as failed.
func TestShutdownDuringHandshake(t *testing.T) {
	onSecureConns(t, byPath, httpserver.Options{ReadHeaderTimeout: time.Hour}, func(err error) { t.Error(err) }, func(t *testing.T, l *conns, _ *tls.Config) {
		client, _ := dial(l)
		t.Cleanup(func() { client.Close() })
		synctest.Wait()
		began := time.Now()
		t.Cleanup(func() {
			if took := time.Since(began); took > time.Second {
				t.Errorf("shutting down took %v", took)
			}
		})
	})
}

// An answer that a client takes slowly is not cut off by the deadline of an earlier one.
// With TLS a write cannot be repeated.
func TestSlowAnswerAfterAnotherOverTLS(t *testing.T) {
	const body = 200_000
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", fmt.Sprint(body))
		_, _ = w.Write(make([]byte, body))
	})
	o := httpserver.Options{WriteTimeout: 30 * time.Second, KeepAliveTimeout: time.Minute}
	onSecureConns(t, h, o, nil, func(t *testing.T, l *conns, trust *tls.Config) {
		raw, _ := dial(l)
		client := tls.Client(raw, trust)
		defer client.Close()
		from := bufio.NewReader(client)
		send := func() {
			if _, err := io.WriteString(client, get("/")); err != nil {
				t.Fatal(err)
			}
		}
		send()
		receive(t, from)
		<-time.After(29 * time.Second) // fake time
		send()
		<-time.After(10 * time.Second) // within the time-out of this answer
		if _, got := receive(t, from); len(got) != body {
			t.Errorf("%d bytes", len(got))
		}
	})
}

// A client that does not take an answer is dropped after the time-out, at most a second
// late.
func TestBlockedAnswerOverTLS(t *testing.T) {
	var failed chan time.Time // made in the bubble of synctest
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", "200000")
		if _, err := w.Write(make([]byte, 200_000)); err != nil {
			failed <- time.Now()
		}
	})
	o := httpserver.Options{WriteTimeout: 30 * time.Second, KeepAliveTimeout: time.Minute}
	onSecureConns(t, h, o, nil, func(t *testing.T, l *conns, trust *tls.Config) {
		failed = make(chan time.Time, 1)
		raw, _ := dial(l)
		client := tls.Client(raw, trust)
		defer raw.Close()
		if _, err := io.WriteString(client, get("/")); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		late := time.Second
		if strings.HasSuffix(t.Name(), "net/http") { // where the handler gets the error after five more seconds
			late = 5 * time.Second
		}
		if took := (<-failed).Sub(began); took < 30*time.Second || took > 30*time.Second+late {
			t.Errorf("given up after %v", took)
		}
	})
}
