//go:build !race

// With the race detector sync.Pool drops some of what it is given, on purpose.

package httpserver_test

import (
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
)

// Requests are read and answered without a new request, map or buffer for each.
func TestAllocations(t *testing.T) {
	const requests = 1000
	body, read := []byte(strings.Repeat("x", 2000)), make([]byte, 100)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = r.Body.Read(read)
		h := w.Header()
		h["Content-Type"], h["Content-Length"] = contentType, contentLength
		_, _ = w.Write(body)
	})
	l := serveOn(t, httpserver.NewFront(&http.Server{Handler: h}))
	for name, request := range map[string]string{
		"GET":  "GET /api/v1/flags/ HTTP/1.1\r\nHost: x\r\nX-Environment-Key: k\r\nAccept-Encoding: gzip\r\n\r\n",
		"POST": "POST /api/v1/identities/ HTTP/1.1\r\nHost: x\r\nX-Environment-Key: k\r\nContent-Length: 100\r\n\r\n" + strings.Repeat("b", 100),
	} {
		all := testing.AllocsPerRun(5, func() { talk(l, strings.Repeat(request, requests), len(request)) })
		// The text of the head, and what a connection and this test need.
		if each := all / requests; each > 1.1 {
			t.Errorf("%s: %.2f allocations", name, each)
		}
	}
}

// Buffers are used by one connection after the other.
func TestMemoryOfConnections(t *testing.T) {
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	l := serveOn(t, httpserver.NewFront(&http.Server{Handler: h}))
	request := "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n" + strings.Repeat("b", 10_000)
	talk(l, request, len(request))
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which empties the pools
	const times = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		talk(l, request, len(request))
	}
	runtime.ReadMemStats(&after)
	// The request as the test sends it, and what a connection needs.
	if each := int(after.TotalAlloc-before.TotalAlloc) / times; each > len(request)+6000 {
		t.Errorf("%d bytes", each)
	}
}

var (
	contentType   = []string{"text/plain"}
	contentLength = []string{"2000"}
)
