package harness_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// One connection is read as bytes: what Raw adds matters as much as what it sends.
func TestRawSendsNothingOfItsOwn(t *testing.T) {
	tests := []struct {
		name    string
		request harness.RawRequest
		want    string
	}{
		{"bare", harness.RawRequest{Method: "GET", Target: "/a?b=%20"}, "GET /a?b=%20 HTTP/1.1\r\nHost: ADDRESS\r\n\r\n"},
		{"headers as they are", harness.RawRequest{Method: "GET", Target: "/", Headers: [][2]string{{"x-lower", "1"}, {"x-lower", ""}}},
			"GET / HTTP/1.1\r\nHost: ADDRESS\r\nx-lower: 1\r\nx-lower: \r\n\r\n"},
		{"own host", harness.RawRequest{Method: "GET", Target: "/", Headers: [][2]string{{"host", "h"}}}, "GET / HTTP/1.1\r\nhost: h\r\n\r\n"},
		{"post without a body", harness.RawRequest{Method: "POST", Target: "/"}, "POST / HTTP/1.1\r\nHost: ADDRESS\r\nContent-Length: 0\r\n\r\n"},
		{"post", harness.RawRequest{Method: "POST", Target: "/", Body: []byte("é")}, "POST / HTTP/1.1\r\nHost: ADDRESS\r\nContent-Length: 2\r\n\r\né"},
		{"own length", harness.RawRequest{Method: "POST", Target: "/", Headers: [][2]string{{"Content-Length", "1"}}, Body: []byte("x")},
			"POST / HTTP/1.1\r\nHost: ADDRESS\r\nContent-Length: 1\r\n\r\nx"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			address := listener.Addr().String()
			want := strings.ReplaceAll(tt.want, "ADDRESS", address)
			got := make(chan string, 1)
			go func() {
				connection, err := listener.Accept()
				if err != nil {
					got <- err.Error()
					return
				}
				defer connection.Close()
				request := make([]byte, len(want))
				_, _ = io.ReadFull(connection, request)
				_, _ = io.WriteString(connection, "HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc")
				got <- string(request)
			}()
			response, err := harness.Raw(address, tt.request)
			if err != nil {
				t.Fatal(err)
			}
			if request := <-got; request != want {
				t.Errorf("sent %q, want %q", request, want)
			}
			if response.Status != 201 || string(response.Body) != "abc" || response.Header.Get("Content-Encoding") != "gzip" {
				t.Errorf("got %+v", response)
			}
		})
	}
}

func TestRawHead(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5")
	}))
	t.Cleanup(server.Close)
	response, err := harness.Raw(server.Listener.Addr().String(), harness.RawRequest{Method: "HEAD", Target: "/"})
	if err != nil || response.Status != 200 || len(response.Body) != 0 || response.Header.Get("Content-Length") != "5" {
		t.Errorf("got %+v, %v", response, err)
	}
}

func TestRawErrors(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	if _, err := harness.Raw(address, harness.RawRequest{Method: "GET", Target: "/"}); err == nil {
		t.Error("no error without a server")
	}
}
