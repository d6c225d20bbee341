package faults_test

import (
	"syscall"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// A node that was frozen, as a machine that is suspended, serves what upstream has soon
// after it goes on.
func TestFrozen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(harness.Setup{Config: config(w.URL(0))})
	w.proxy.Signal(t, syscall.SIGSTOP)
	w.change()
	pass(4 * interval)
	w.change()
	w.proxy.Signal(t, syscall.SIGCONT)
	w.through(func() {
		w.serves()
		pass(interval)
	})
	w.isReady()
	w.stops()
}
