package httpserver_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
)

// BenchmarkKeptTLS is one request after another on a kept connection with TLS, both ends.
func BenchmarkKeptTLS(b *testing.B) {
	secure, trust := secured(b)
	body := []byte(strings.Repeat("x", 6000))
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h["Content-Type"], h["Content-Length"] = contentTypeOfBench, contentLengthOfBench
		_, _ = w.Write(body)
	})
	s := httpserver.New(h, httpserver.Options{Host: "127.0.0.1", TLS: secure, ReadTimeout: 10e9, WriteTimeout: 30e9, KeepAliveTimeout: 5e9, ReadHeaderTimeout: 5e9})
	address, err := s.Listen(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = s.Serve() }()
	defer func() { _ = s.Shutdown(b.Context()) }()
	raw, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	client := tls.Client(raw, trust)
	defer client.Close()
	from := bufio.NewReader(client)
	request := []byte(get("/"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Write(request); err != nil {
			b.Fatal(err)
		}
		response, err := http.ReadResponse(from, nil)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
	}
}

var (
	contentTypeOfBench   = []string{"text/plain"}
	contentLengthOfBench = []string{"6000"}
)
