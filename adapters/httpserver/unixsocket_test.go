package httpserver_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpserver"
)

// socketPath returns a path that is short enough for a socket.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "socket")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "proxy.sock")
}

func askSocket(t *testing.T, path, request string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprint(conn, request)
	return receive(t, bufio.NewReader(conn))
}

// The socket is served beside the port, without TLS and without a header of the PROXY
// protocol, and is gone after the shutdown.
func TestUnixSocket(t *testing.T) {
	on(t, func(t *testing.T, o httpserver.Options) {
		o.UnixSocket = socketPath(t)
		o.TLS, _ = secured(t)
		o.ProxyProtocolFrom = onlyFrom("127.0.0.0/8")
		t.Run("served", func(t *testing.T) {
			start(t, byPath, o)
			for _, request := range []string{get("/tell"), odd("/tell")} {
				if response, _ := askSocket(t, o.UnixSocket, request); response.StatusCode != http.StatusOK {
					t.Errorf("%s", response.Status)
				}
			}
			info, err := os.Lstat(o.UnixSocket)
			if err != nil || info.Mode().Perm() != 0o660 {
				t.Errorf("%v, %v", info, err)
			}
		})
		if _, err := os.Lstat(o.UnixSocket); !os.IsNotExist(err) {
			t.Errorf("the file of the socket is still there: %v", err)
		}
	})
}

// What is in the way of a socket is removed only if it is a socket that nobody serves.
func TestUnixSocketThatExists(t *testing.T) {
	t.Run("abandoned", func(t *testing.T) {
		path := socketPath(t)
		abandoned, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		abandoned.(*net.UnixListener).SetUnlinkOnClose(false)
		abandoned.Close()
		start(t, byPath, httpserver.Options{UnixSocket: path})
		if response, _ := askSocket(t, path, get("/tell")); response.StatusCode != http.StatusOK {
			t.Errorf("%s", response.Status)
		}
	})
	fails := func(t *testing.T, path, want string) {
		t.Helper()
		s := httpserver.New(byPath, httpserver.Options{Host: "127.0.0.1", UnixSocket: path})
		if _, err := s.Listen(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	t.Run("in use", func(t *testing.T) {
		path := socketPath(t)
		start(t, byPath, httpserver.Options{UnixSocket: path})
		fails(t, path, "another process listens on "+path)
		if response, _ := askSocket(t, path, get("/tell")); response.StatusCode != http.StatusOK {
			t.Errorf("the first one: %s", response.Status)
		}
	})
	t.Run("a file", func(t *testing.T) {
		path := socketPath(t)
		if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		fails(t, path, "is not a socket")
		if text, err := os.ReadFile(path); string(text) != "precious" {
			t.Errorf("%q, %v", text, err)
		}
	})
	t.Run("no directory", func(t *testing.T) {
		fails(t, socketPath(t)+"/missing/proxy.sock", "missing")
	})
}
