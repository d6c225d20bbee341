//go:build sdk

package sdk_test

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// testRealTime: an SDK that listens to the proxy's own stream has a change
// although it does not poll.
func testRealTime(t *testing.T, w *world, p *program) {
	const value = "changed, announced"
	stream := startRelay(t, w.proxy.Address)
	o := options{URL: w.api(), Key: clientKey, RealtimeURL: stream.url}
	if p.has(local) {
		o.Key, o.Local, o.RefreshMS = serverKey, true, 3_600_000
	}
	client := p.open(t, o)
	w.waitLoaded(t, p, client)
	if before := p.flags(t, client, nil)[changing].Value; before == value {
		t.Fatalf("the value is %v already", before)
	}
	stream.waitOpen(t)
	w.publish(t, value)
	w.waitValue(t, p, client, value)
	compare(t, "after", p.flags(t, client, nil), w.flags(t, o.Key, nil))
}

// relay passes connections on, byte by byte, and sees when a stream of events has
// begun: SDKs and the access log do not show it.
type relay struct {
	url  string
	open chan struct{} // closed when the first stream is open
	once sync.Once
}

func startRelay(t *testing.T, target string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{url: "http://" + listener.Addr().String() + "/", open: make(chan struct{})}
	var mu sync.Mutex
	var connections []net.Conn
	var running sync.WaitGroup
	running.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return // the test is over
			}
			to, err := net.Dial("tcp", target)
			if err != nil {
				_ = from.Close()
				continue
			}
			mu.Lock()
			connections = append(connections, from, to)
			mu.Unlock()
			running.Go(func() { pass(to, from) })
			running.Go(func() { pass(io.MultiWriter(from, &opening{relay: r}), to); _ = from.Close() })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for _, c := range connections {
			_ = c.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return r
}

// pass copies until one of the two sides is gone.
func pass(to io.Writer, from io.Reader) { _, _ = io.Copy(to, from) }

// opening looks for the first words of a stream in what the proxy says.
type opening struct {
	relay *relay
	seen  []byte
}

func (o *opening) Write(text []byte) (int, error) {
	if len(o.seen) < 4096 {
		o.seen = append(o.seen, text...)
		if bytes.Contains(o.seen, []byte(": connected\n")) {
			o.relay.once.Do(func() { close(o.relay.open) })
		}
	}
	return len(text), nil
}

func (r *relay) waitOpen(t *testing.T) {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-r.open:
	case <-limit.C:
		t.Fatalf("the SDK did not listen within %s", patience)
	}
}
