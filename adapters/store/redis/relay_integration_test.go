//go:build integration

package redis_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/rediscontainers"
)

// relay passes bytes between clients and a server, except for answers that a test
// lets it lose.
type relay struct {
	listener net.Listener
	server   string
	losing   atomic.Int64 // how many answers are to be lost yet, connection and all
	done     sync.WaitGroup
}

func newRelay(t *testing.T, server string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: listener, server: server}
	r.done.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			r.done.Go(func() { r.pass(client) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		r.done.Wait()
	})
	return r
}

func (r *relay) pass(client net.Conn) {
	server, err := net.Dial("tcp", r.server)
	if err != nil {
		_ = client.Close()
		return
	}
	r.done.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	})
	defer func() { _ = client.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil {
			return
		}
		if r.losing.Load() > 0 && r.losing.Add(-1) >= 0 {
			return
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// A write whose answer is lost was done all the same. Repeated, it must not be
// taken for somebody else's.
func TestLostAnswers(t *testing.T) {
	d := rediscontainers.Single(t)
	r := newRelay(t, d.Servers[0].Addr())
	u := *d.URL
	u.Host = r.listener.Addr().String()
	s := open(t, &u, "edge-proxy")
	v := put(t, s, record("one", "0"), "")

	r.losing.Store(1)
	next, err := s.Put(t.Context(), record("one", "1"), v)
	if err != nil {
		t.Fatalf("Put whose first answer is lost: %v", err)
	}
	wantBody(t, s, "one", "1")

	r.losing.Store(2) // and that of the repetition
	if _, err := s.Put(t.Context(), record("one", "2"), next); !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("Put whose answers are lost: %v, want ErrUnavailable", err)
	}
	r.losing.Store(0)
	wantBody(t, s, "one", "2")
}
