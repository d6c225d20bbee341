package adminapi_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/edge-proxy/edge-proxy/adapters/adminapi"
)

func TestServer(t *testing.T) {
	defer goleak.VerifyNone(t)
	server, err := adminapi.Listen(t.Context(), "127.0.0.1", 0, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if !server.Loopback() {
		t.Errorf("%s is not a loopback address", server.Address())
	}
	p := newProxy("shop")
	server.Serve(serve(t, p))
	answer, err := http.Get("http://" + server.Address() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if answer.StatusCode != 200 || string(body) != "ok\n" {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
	stream := follow(t, context.Background(), "http://"+server.Address(), "")
	server.Close() // ends the stream, which would never end
	_, _ = io.Copy(io.Discard, stream.Body)
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if _, err := net.Dial("tcp", server.Address()); err == nil {
		t.Error("the port is open after Close")
	}
}

func TestListenOnATakenPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if server, err := adminapi.Listen(t.Context(), "127.0.0.1", taken.Addr().(*net.TCPAddr).Port, nil, slog.New(slog.DiscardHandler)); err == nil {
		server.Close()
		t.Error("no error")
	}
}

// A server that never served ends too.
func TestCloseWithoutServe(t *testing.T) {
	defer goleak.VerifyNone(t)
	server, err := adminapi.Listen(t.Context(), "0.0.0.0", 0, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if server.Loopback() {
		t.Errorf("%s is a loopback address", server.Address())
	}
	server.Close()
}
