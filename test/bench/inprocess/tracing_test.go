//go:build linux

package inprocess

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
	"github.com/edge-proxy/edge-proxy/adapters/metrics"
	"github.com/edge-proxy/edge-proxy/adapters/tracing"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

// tracer is a Tracing as the HTTP interface takes it.
type tracer struct{ *tracing.Tracing }

// Served implements httpapi.Traces.
func (t tracer) Served(q httpapi.TracedRequest) string {
	return t.Tracing.Served(tracing.Request{
		HTTP: q.Request, Route: q.Route, Status: q.Status, Start: q.Start, Took: q.Took, Client: q.Client, Scheme: q.Scheme,
		Environment: string(q.Environment.Key), Cache: q.Cache, Evaluated: q.Evaluated,
	})
}

// BenchmarkTracing compares what whole requests over the loopback interface cost with
// tracing off and with every hundredth traced and sent to a collector, both with metrics. The two take turns in
// short batches, so that other work on the machine burdens both alike, and off/on is the
// ratio of their processor time, client and collector included: at 1, both cost the same.
func BenchmarkTracing(b *testing.B) {
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer receiver.Close()
	b.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.URL)
	for _, request := range []struct{ name, text string }{
		{"flags", "GET /api/v1/flags/ HTTP/1.1\r\nHost: x\r\nX-Environment-Key: " + clientKey + "\r\n\r\n"},
		{"identities", identityRequest()},
	} {
		for _, v := range []struct {
			name  string
			ratio float64
		}{{"none", 0}, {"1%", 0.01}, {"all", 1}} {
			b.Run(request.name+"/"+v.name, func(b *testing.B) {
				t, err := tracing.New(b.Context(), tracing.Options{Ratio: v.ratio, ByParent: true, Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = t.Shutdown(context.WithoutCancel(b.Context())) }()
				off := connect(b, request.text, nil)
				on := connect(b, request.text, tracer{t})
				const batch = 200
				var spent [2]int64
				first := false
				for b.Loop() {
					first = !first
					for i := range 2 {
						which := i
						if first {
							which = 1 - i
						}
						ask := []func(){off, on}[which]
						before := processorTime(b)
						for range batch {
							ask()
						}
						spent[which] += processorTime(b) - before
					}
				}
				b.ReportMetric(float64(spent[0])/float64(b.N*batch), "off-ns/request")
				b.ReportMetric(float64(spent[1])/float64(b.N*batch), "on-ns/request")
				b.ReportMetric(float64(spent[0])/float64(spent[1]), "off/on")
			})
		}
	}
}

func identityRequest() string {
	body := profile.IdentityBody("user")
	return fmt.Sprintf("POST /api/v1/identities/ HTTP/1.1\r\nHost: x\r\nX-Environment-Key: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", clientKey, len(body), body)
}

// connect starts a server, which ends with the benchmark, and returns a function that asks
// it the same request again.
func connect(b *testing.B, request string, traces httpapi.Traces) (ask func()) {
	b.Helper()
	h, err := newHandler(profile.Document(profile.Default()), func(o *httpapi.Options) {
		o.Traces, o.Observer = traces, metrics.New(metrics.Options{}).Requests()
	})
	if err != nil {
		b.Fatal(err)
	}
	s := httpserver.New(h, httpserver.Options{Host: "127.0.0.1"})
	address, err := s.Listen(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = conn.Close()
		_ = s.Shutdown(context.Background())
		<-served
	})
	answer, text, length := make([]byte, 1<<20), []byte(request), 0
	return func() {
		if _, err := conn.Write(text); err != nil {
			b.Fatal(err)
		}
		for at := 0; at < length || length == 0; {
			n, err := conn.Read(answer[at:])
			if err != nil {
				b.Fatal(err)
			}
			if at += n; length == 0 { // all answers are as long as the first
				if !bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")) {
					b.Fatalf("%.80s", answer)
				}
				length = wholeLength(answer[:at])
			}
		}
	}
}

// wholeLength returns how long an answer is, of which the head is there.
func wholeLength(answer []byte) (length int) {
	head, _, _ := bytes.Cut(answer, []byte("\r\n\r\n"))
	_, after, _ := bytes.Cut(head, []byte("Content-Length: "))
	_, _ = fmt.Sscan(string(after), &length)
	return len(head) + 4 + length
}

// processorTime returns what this process has used, user and system, in nanoseconds.
func processorTime(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
