package faults_test

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/origin"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

const (
	key = "env-a"
	// interval is the time between two polls, and timeout how long one may take.
	interval = 500 * time.Millisecond
	timeout  = time.Second
	// soon is what docs/faults.md states: one poll that is under way when the fault ends,
	// and the next. A busy machine gets as much again, several times over.
	soon  = timeout + interval
	slack = 10 * soon
	// patience is how long a test waits for what must come.
	patience = 60 * time.Second
)

// world is an upstream whose only flag counts up, and a proxy.
type world struct {
	*origin.Origin
	t        *testing.T
	client   *origin.Client
	prober   *origin.Client // of readiness, on a connection of its own
	base     time.Time
	revision atomic.Int64
	proxy    *harness.Proxy
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Origin: origin.Start(t), t: t, client: origin.NewClient(t), prober: origin.NewClient(t), base: time.Now().Truncate(time.Second)}
	w.change()
	return w
}

// change makes upstream serve the next document.
func (w *world) change() {
	w.t.Helper()
	n := w.revision.Add(1)
	w.Serve(w.t, key, origin.Document(key, w.base.Add(time.Duration(n)*time.Second), strconv.FormatInt(n, 10), ""))
}

// config is that of a proxy whose API is at an address.
func config(url string) map[string]any {
	c := origin.Config(url, key)
	c["api_poll_frequency_seconds"] = interval.Seconds()
	c["api_poll_timeout_seconds"] = timeout.Seconds()
	return c
}

// start starts the proxy and waits until it serves what upstream has.
func (w *world) start(s harness.Setup) {
	w.t.Helper()
	w.proxy = harness.StartProxy(w.t, s)
	w.proxy.WaitReady(w.t)
	w.serves()
}

// serves waits until the proxy serves what upstream has, and checks that it does so soon.
func (w *world) serves() {
	w.t.Helper()
	began, want := time.Now(), strconv.FormatInt(w.revision.Load(), 10)
	wait.Until(w.t, patience, "revision "+want, func() bool {
		value, err := w.client.Value(w.proxy.URL, key)
		return err == nil && value == want
	})
	took := time.Since(began)
	w.t.Logf("revision %s is served after %s", want, took.Round(time.Millisecond))
	if took > slack {
		w.t.Errorf("that took %s, want %s", took, soon)
	}
}

// through runs f while somebody asks for flags, whom nothing may go wrong for: no error,
// nothing older than what was served before, nothing newer than what upstream has.
func (w *world) through(f func()) {
	w.t.Helper()
	stop := make(chan struct{})
	var asking sync.WaitGroup
	asked := 0
	asking.Go(func() {
		served := int64(0)
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
			asked++
			value, err := w.client.Value(w.proxy.URL, key)
			n, numberErr := strconv.ParseInt(value, 10, 64)
			if err != nil || numberErr != nil || n < served || n > w.revision.Load() {
				w.t.Errorf("revision %q is served after %d, of %d: %v", value, served, w.revision.Load(), err)
				return
			}
			served = n
		}
	})
	f()
	close(stop)
	asking.Wait()
	if asked < 3 {
		w.t.Errorf("only %d requests were made", asked)
	}
}

// failsPolls waits until the proxy has logged that a poll failed.
func (w *world) failsPolls() {
	w.t.Helper()
	w.proxy.WaitEvent(w.t, patience, "error_fetching_document")
}

// isReady checks the readiness of the proxy, on the connection of an earlier call if there
// was one.
func (w *world) isReady() {
	w.t.Helper()
	if r := w.prober.Readiness(w.t, w.proxy.URL); r.Status != http.StatusOK {
		w.t.Errorf("readiness %d %q", r.Status, r.Reason)
	}
}

// stops ends the proxy in good order.
func (w *world) stops() {
	w.t.Helper()
	w.proxy.Signal(w.t, syscall.SIGTERM)
	if code := w.proxy.Wait(w.t, patience); code != 0 {
		w.t.Errorf("exit code %d after SIGTERM", code)
	}
}

// pass lets time go by.
func pass(d time.Duration) { <-time.After(d) }
