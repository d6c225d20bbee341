// Package relay passes connections on to a server as a network does, which fails when a
// test wants it to: it holds what is sent in one direction or both, loses answers, delays,
// and loses packets.
package relay

import (
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// Direction is which way bytes go.
type Direction uint8

// The directions. They can be joined with |.
const (
	Requests Direction = 1 << iota // from clients to the server
	Answers                        // from the server to clients
)

// Line is how good the network is. The zero value is one without delay or loss.
type Line struct {
	// Delay is how long everything takes in each direction.
	Delay time.Duration
	// Loss is the share of packets that are lost, from 0 to 1. As TCP does, the relay sends
	// them again after Again, and everything sent later arrives after them.
	Loss  float64
	Again time.Duration
}

// Relay is one server's network. Its methods are safe for concurrent use.
type Relay struct {
	listener net.Listener
	server   string
	passes   sync.WaitGroup
	closing  chan struct{}

	mu     sync.Mutex
	line   Line
	held   map[Direction]chan struct{} // closed when what is held goes on
	losing int
	conns  map[net.Conn]struct{}
	closed bool
}

// Start returns a relay to the server at an address, on a port of its own, until the end of
// the test.
func Start(t testing.TB, server string) *Relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{
		listener: listener, server: server, closing: make(chan struct{}),
		held:  make(map[Direction]chan struct{}),
		conns: make(map[net.Conn]struct{}),
	}
	r.passes.Go(r.accept)
	t.Cleanup(r.close)
	return r
}

// Addr is the address for clients, host:port.
func (r *Relay) Addr() string { return r.listener.Addr().String() }

// Hold lets nothing through in these directions. Connections stay open, and new ones are
// accepted. Pass lets through what came meanwhile, as a network does in which it is sent
// again.
func (r *Relay) Hold(directions Direction) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range []Direction{Requests, Answers} {
		if directions&d != 0 && r.held[d] == nil {
			r.held[d] = make(chan struct{})
		}
	}
}

// Pass lets everything through again.
func (r *Relay) Pass() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, through := range r.held {
		close(through)
	}
	clear(r.held)
}

// LoseAnswers loses the next answers, n pieces in which they come, each with its
// connection; none if n is 0.
func (r *Relay) LoseAnswers(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.losing = n
}

// Become makes the network as good as line from now on.
func (r *Relay) Become(line Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.line = line
}

func (r *Relay) close() {
	_ = r.listener.Close()
	r.mu.Lock()
	r.closed = true
	close(r.closing)
	for c := range r.conns {
		_ = c.Close()
	}
	r.mu.Unlock()
	r.passes.Wait()
}

func (r *Relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.passes.Go(func() {
			defer r.drop(client)
			if !r.keep(client) || !r.through(Requests) {
				return
			}
			server, err := net.Dial("tcp", r.server)
			if err != nil {
				return
			}
			defer r.drop(server)
			if !r.keep(server) {
				return
			}
			var both sync.WaitGroup
			both.Go(func() { r.pass(Requests, server, client) })
			both.Go(func() { r.pass(Answers, client, server) })
			both.Wait()
		})
	}
}

// keep has a connection closed with the relay. It returns false when that was already.
func (r *Relay) keep(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns[c] = struct{}{}
	return !r.closed
}

func (r *Relay) drop(c net.Conn) {
	_ = c.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
}

// piece is what was read at once, and when it arrives.
type piece struct {
	bytes []byte
	due   time.Time
}

// pass passes one direction of a connection until either side closes, and then closes both.
func (r *Relay) pass(d Direction, to, from net.Conn) {
	const underWay = 256
	pieces := make(chan piece, underWay)
	var reads sync.WaitGroup
	reads.Go(func() {
		defer close(pieces)
		buffer := make([]byte, 64<<10)
		for {
			n, err := from.Read(buffer)
			if n > 0 {
				pieces <- piece{append([]byte(nil), buffer[:n]...), r.due()}
			}
			if err != nil {
				return
			}
		}
	})
	for p := range pieces {
		if !r.until(p.due) || !r.through(d) || d == Answers && r.loses() {
			break
		}
		if _, err := to.Write(p.bytes); err != nil {
			break
		}
	}
	_, _ = to.Close(), from.Close()
	for range pieces { // so that reading ends
	}
	reads.Wait()
}

// due returns when something arrives that is sent now.
func (r *Relay) due() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	after := r.line.Delay
	if rand.Float64() < r.line.Loss {
		after += r.line.Again
	}
	return time.Now().Add(after)
}

// until waits for a time. It returns false when the relay closes before.
func (r *Relay) until(due time.Time) bool {
	wait := time.NewTimer(time.Until(due))
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-r.closing:
		return false
	}
}

// through waits while a direction is held. It returns false when the relay closes.
func (r *Relay) through(d Direction) bool {
	r.mu.Lock()
	held := r.held[d]
	r.mu.Unlock()
	if held == nil {
		return true
	}
	select {
	case <-held:
		return true
	case <-r.closing:
		return false
	}
}

func (r *Relay) loses() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.losing == 0 {
		return false
	}
	r.losing--
	return true
}
