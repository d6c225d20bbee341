//go:build integration

package fleet_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// relay passes bytes between nodes and Redis until a test lets it swallow them. Then
// connections stay open, new ones are accepted, and nothing gets through.
type relay struct {
	listener net.Listener
	server   string
	passes   sync.WaitGroup

	mu      sync.Mutex
	through chan struct{} // closed while bytes get through
	conns   map[net.Conn]struct{}
	closed  bool
}

func newRelay(t *testing.T, server string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: listener, server: server, through: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	close(r.through)
	r.passes.Go(r.accept)
	t.Cleanup(r.close)
	return r
}

func (r *relay) addr() string { return r.listener.Addr().String() }

// swallow lets nothing through until pass.
func (r *relay) swallow() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.through = make(chan struct{})
}

// pass lets everything through again, what was swallowed too, as a network does
// that has it sent once more.
func (r *relay) pass() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.through:
	default:
		close(r.through)
	}
}

func (r *relay) close() {
	_ = r.listener.Close()
	r.mu.Lock()
	r.closed = true
	for c := range r.conns {
		_ = c.Close()
	}
	r.mu.Unlock()
	r.pass()
	r.passes.Wait()
}

func (r *relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.passes.Go(func() {
			defer client.Close()
			if !r.keep(client) {
				return
			}
			r.wait()
			server, err := net.Dial("tcp", r.server)
			if err != nil {
				return
			}
			defer server.Close()
			if !r.keep(server) {
				return
			}
			var both sync.WaitGroup
			both.Go(func() { r.copy(server, client) })
			both.Go(func() { r.copy(client, server) })
			both.Wait()
			r.mu.Lock()
			defer r.mu.Unlock()
			delete(r.conns, client)
			delete(r.conns, server)
		})
	}
}

// keep has a connection closed with the relay; it is false when that was already.
func (r *relay) keep(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns[c] = struct{}{}
	return !r.closed
}

// copy passes one direction until either side closes.
func (r *relay) copy(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		r.wait()
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if err != io.EOF {
				_ = from.Close()
			}
			return
		}
	}
}

func (r *relay) wait() {
	r.mu.Lock()
	through := r.through
	r.mu.Unlock()
	<-through
}
