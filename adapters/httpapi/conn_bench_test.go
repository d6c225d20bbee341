//go:build unix

package httpapi_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
)

// BenchmarkConn shows what the connections of Server save: the same requests over
// the loopback interface, with the time-outs of the defaults, once as net/http
// does it and once as Server does. On a busy machine cpu-ns/op is what counts, the
// processor time of client and server together.
func BenchmarkConn(b *testing.B) {
	for _, name := range []string{"feature", "flags", "document-gzip", "identities"} {
		p := profileRequests(b, nil)[name]
		b.Run(name+"/net-http", func(b *testing.B) {
			s := httptest.NewUnstartedServer(p.api)
			s.Config.ReadHeaderTimeout, s.Config.ReadTimeout = timeouts.ReadHeaderTimeout, timeouts.ReadTimeout
			s.Config.WriteTimeout, s.Config.IdleTimeout = timeouts.WriteTimeout, timeouts.KeepAliveTimeout
			s.Start()
			defer s.Close()
			p.overTheWire(b, s.Listener.Addr().String())
		})
		b.Run(name+"/server", func(b *testing.B) {
			o := timeouts
			o.Host = "127.0.0.1"
			s := httpserver.New(p.api, o)
			address, err := s.Listen(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			served := make(chan error, 1)
			go func() { served <- s.Serve() }()
			p.overTheWire(b, address)
			if err := s.Shutdown(b.Context()); err != nil {
				b.Fatal(err)
			}
			if err := <-served; err != nil {
				b.Fatal(err)
			}
		})
	}
}

// overTheWire asks over and over, on one connection.
func (p *replay) overTheWire(b *testing.B, address string) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	out := p.request.Clone(b.Context())
	out.Body = http.NoBody
	if p.body != nil {
		out.Body = io.NopCloser(strings.NewReader(p.text))
	}
	var request bytes.Buffer
	if err := out.Write(&request); err != nil {
		b.Fatal(err)
	}
	answer := make([]byte, 1<<20)
	length := 0
	ask := func() {
		if _, err := conn.Write(request.Bytes()); err != nil {
			b.Fatal(err)
		}
		for n, at := 0, 0; at < length || length == 0; at += n {
			if n, err = conn.Read(answer[at:]); err != nil {
				b.Fatal(err)
			}
			if length == 0 { // the first one tells how long all of them are
				length = wholeLength(answer[:n])
			}
		}
	}
	ask()
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")) {
		b.Fatalf("%.80s", answer)
	}
	b.ReportAllocs()
	before := processorTime(b)
	for b.Loop() {
		ask()
	}
	b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
}

// processorTime returns what this process has used, user and system.
func processorTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// wholeLength returns how long an answer is, of which the head is there.
func wholeLength(answer []byte) (length int) {
	head, _, _ := bytes.Cut(answer, []byte("\r\n\r\n"))
	_, after, _ := bytes.Cut(head, []byte("Content-Length: "))
	_, _ = fmt.Sscan(string(after), &length)
	return len(head) + 4 + length
}
