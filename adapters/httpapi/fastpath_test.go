package httpapi_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
)

// dateLine is the header Date, which changes with time.
var dateLine = regexp.MustCompile(`(?m)^Date: [^\r]*\r\n`)

// sortedHead returns an answer without its date and with its headers sorted.
func sortedHead(answer string) string {
	head, body, _ := strings.Cut(dateLine.ReplaceAllString(answer, ""), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	slices.Sort(lines[1:])
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + body
}

// Every answer of the API has the same bytes with the fast path and without it, except
// for the order of its headers.
func TestTheFastPathChangesNoAnswer(t *testing.T) {
	api := newAPI(t, func(o *httpapi.Options) {
		q := new(query)
		long := strings.Replace(document, `"classic"`, `"`+strings.Repeat("classic ", 300)+`"`, 1)
		q.serve(environment(t, clientKey, document), environment(t, "long", long))
		o.Query, o.Announcements = q, new(announcements)
		o.AllowOrigins = []string{"https://a.test"}
		o.Webhook = &httpapi.Webhook{Secret: func() string { return "secret" }, Refresh: func(*http.Request) {}}
	})
	t.Cleanup(api.EndStreams)
	fast, slow := start(t, api, timeouts), start(t, api, without(timeouts))
	wire := func(method, target, body string, headers ...string) string {
		text := method + " " + target + " HTTP/1.1\r\nHost: x\r\n"
		for _, header := range headers {
			text += header + "\r\n"
		}
		if body != "" {
			text += fmt.Sprintf("Content-Length: %d\r\n", len(body))
		}
		return text + "\r\n" + body
	}
	client, server := "X-Environment-Key: "+clientKey, "X-Environment-Key: "+serverKey
	long, zipped := "X-Environment-Key: long", "Accept-Encoding: gzip"
	const identity = `{"identifier":"u","traits":[{"trait_key":"plan","trait_value":"premium"}]}`
	var requests []string
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "OPTIONS", "TRACE", "BREW"} {
		for _, target := range []string{
			"/api/v1/flags/", "/api/v1/flags", "/api/v1/identities/", "/api/v1/environment-document/", "/ofrep/v1/evaluate/flags",
			"/ofrep/v1/evaluate/flags/checkout", "/ofrep/v1/nothing", "/proxy/health/liveness", "/health", "/nope", "/", "//", "/api/v1/../v1/flags/", "/%61pi/v1/flags/",
		} {
			requests = append(requests, wire(method, target, ""), wire(method, target, "", client), wire(method, target, identity, server, "Content-Type: application/json"))
		}
	}
	for _, headers := range [][]string{
		{client}, {server}, {long}, {long, zipped}, {"X-Environment-Key: " + emptyKey}, {"X-Environment-Key:"}, {"X-Environment-Key: \xff"}, {client, "Origin: https://a.test"},
		{client, "Origin: https://b.test"}, {client, "If-None-Match: *"}, {long, zipped, "If-None-Match: *"}, {client, "If-Modified-Since: Wed, 04 Mar 2026 05:06:07 GMT"},
		{client, "Connection: close"}, {client, "Connection: keep-alive"}, {client, "Cookie: a=b", "Origin: https://a.test"},
	} {
		for _, target := range []string{
			"/api/v1/flags/", "/api/v1/flags/?feature=checkout", "/api/v1/flags/?feature=nope", "/api/v1/identities/?identifier=u", "/api/v1/environment-document/",
			"/api/v1/environment-document/?page_size=0", "/api/v1/environment-document/?page_size=1",
		} {
			requests = append(requests, wire("GET", target, "", headers...))
		}
		for _, body := range []string{identity, "{", "[]", "null", `{"traits":{}}`, "\xff", strings.Repeat("[", 5000), `{"identifier":"` + strings.Repeat("u", 70_000) + `"}`} {
			for _, target := range []string{"/api/v1/identities/", "/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/checkout"} {
				requests = append(requests, wire("POST", target, body, headers...))
			}
		}
	}
	requests = append(requests,
		wire("POST", "/proxy/webhook", "{}", "X-Flagsmith-Signature: 00"),
		wire("OPTIONS", "/api/v1/flags/", "", "Origin: https://a.test", "Access-Control-Request-Method: GET"),
		wire("OPTIONS", "*", ""),
		wire("HEAD", streamPath, ""),
		"GET /health HTTP/1.0\r\n\r\n", "GET /health HTTP/1.1\r\n\r\n", "GET /health\r\n\r\n", "\x16\x03\x01\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
		"POST /api/v1/identities/ HTTP/1.1\r\nHost: x\r\n"+client+"\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n{\"identifier\":\"u\"}\r\n0\r\n\r\n",
		"POST /api/v1/identities/ HTTP/1.1\r\nHost: x\r\n"+client+"\r\nContent-Length: 10\r\n\r\n{",
	)
	for _, request := range requests {
		with, without := sortedHead(fast.answers(t, request)), sortedHead(slow.answers(t, request))
		if with != without || !strings.HasPrefix(with, "HTTP/1.") {
			t.Errorf("%.300q\nfast path %.600q\nnet/http  %.600q", request, with, without)
		}
	}
}

// on runs test with the fast path and without it.
func on(t *testing.T, o httpserver.Options, test func(*testing.T, httpserver.Options)) {
	t.Helper()
	t.Run("fast path", func(t *testing.T) { test(t, o) })
	t.Run("net/http", func(t *testing.T) { test(t, without(o)) })
}

// without returns o without the fast path.
func without(o httpserver.Options) httpserver.Options {
	o.NoFastPath = true
	return o
}

// answers sends one request, and nothing after it, and returns all that comes.
func (s *running) answers(t *testing.T, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, request); err == nil {
		_ = conn.(*net.TCPConn).CloseWrite()
	}
	answer, err := io.ReadAll(conn)
	if err != nil && len(answer) == 0 {
		t.Fatalf("%.300q: %v", request, err)
	}
	return string(answer)
}
