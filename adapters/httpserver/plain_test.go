package httpserver_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
)

// The requests of usual clients are plain: none of their connections gets to
// net/http.
func TestUsualClientsArePlain(t *testing.T) {
	for name, request := range map[string]string{
		"curl":            "GET /api/v1/flags/ HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\nX-Environment-Key: k\r\n\r\n",
		"Python requests": "POST /api/v1/identities/ HTTP/1.1\r\nHost: proxy:8000\r\nUser-Agent: python-requests/2.32.3\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\nX-Environment-Key: k\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}",
		"Go":              "GET /api/v1/flags/?feature=a%20b HTTP/1.1\r\nHost: 10.0.0.7:8000\r\nUser-Agent: Go-http-client/1.1\r\nX-Environment-Key: k\r\nAccept-Encoding: gzip\r\n\r\n",
		"Node.js":         "GET /api/v1/flags/ HTTP/1.1\r\nhost: localhost:8000\r\nconnection: keep-alive\r\nx-environment-key: k\r\naccept: */*\r\naccept-language: *\r\nsec-fetch-mode: cors\r\nuser-agent: node\r\naccept-encoding: gzip, deflate\r\n\r\n",
		"browser":         "OPTIONS /api/v1/identities/ HTTP/1.1\r\nHost: flags.example.com\r\nConnection: keep-alive\r\nAccept: */*\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type,x-environment-key\r\nOrigin: https://app.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Site: same-site\r\nSec-Fetch-Dest: empty\r\nReferer: https://app.example.com/\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n\r\n",
		"wrk":             "GET /api/v1/flags/ HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nX-Environment-Key: k\r\n\r\n",
		"many headers":    "GET / HTTP/1.1\r\nHost: x\r\n" + headers(httpserver.MaxFields) + "\r\n",
	} {
		if !isPlain(t, request) {
			t.Errorf("%s is not plain", name)
		}
	}
}

// Long requests are plain up to their limits, wherever they are in what has come.
func TestLongRequestsArePlain(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65000\r\nX-Long: \r\n\r\n"
	long := func(head string, length int) string {
		return strings.Replace(head, "X-Long: ", "X-Long: "+strings.Repeat("x", length-len(head)), 1)
	}
	body := strings.Repeat("b", 65000)
	short := strings.Replace(head, "65000", "10000", 1) + body[:10_000]
	for _, test := range []struct {
		name, request string
		plain         bool
	}{
		{"longest body", long(head, httpserver.MaxRequest-65000) + body, true},
		{"too long a body", long(head, httpserver.MaxRequest-65000+1) + body, false},
		{"longest head", long("GET / HTTP/1.1\r\nHost: x\r\nX-Long: \r\n\r\n", httpserver.MaxHead), true},
		{"too long a head", short + long("GET / HTTP/1.1\r\nHost: x\r\nX-Long: \r\n\r\n", httpserver.MaxHead+1), false},
	} {
		if isPlain(t, test.request) != test.plain {
			t.Errorf("%s: plain %v", test.name, !test.plain)
		}
	}
}

// What is kept for a connection is bounded: requests that need more are not plain.
func TestTooManyHeadersAreNotPlain(t *testing.T) {
	if isPlain(t, "GET / HTTP/1.1\r\nHost: x\r\n"+headers(httpserver.MaxFields+1)+"\r\n") {
		t.Error("plain")
	}
}

// isPlain reports whether a request is answered over and over without net/http.
func isPlain(t *testing.T, request string) bool {
	t.Helper()
	var handed atomic.Bool
	rest := &http.Server{Handler: byPath, ConnState: func(net.Conn, http.ConnState) { handed.Store(true) }}
	answers := talk(serveOn(t, httpserver.NewFront(rest)), strings.Repeat(request, 3), len(request))
	if n := strings.Count(answers, "HTTP/1.1 200 OK\r\n"); n != 3*strings.Count(request, " HTTP/1.1\r\n") {
		t.Errorf("%d answers", n)
	}
	return !handed.Load()
}

// headers returns n headers with different names.
func headers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "X-%d: %d\r\n", i, i)
	}
	return b.String()
}
