//go:build linux

package faults_test

import (
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// files sets how many file descriptors the running proxy may have.
func (w *world) files(n int) {
	w.t.Helper()
	set := exec.Command("prlimit", "--pid", strconv.Itoa(w.proxy.PID()), fmt.Sprintf("--nofile=%d:4096", n))
	if out, err := set.CombinedOutput(); err != nil {
		w.t.Fatalf("prlimit: %v\n%s", err, out)
	}
}

// Without file descriptors for new connections those that are open are answered, and soon
// after there are some again everything works.
func TestOutOfFileDescriptors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(harness.Setup{Config: config(w.URL(0))})
	address := strings.TrimPrefix(w.proxy.URL, "http://")
	w.isReady()
	w.through(func() { // both ask on connections that are open already
		w.files(3) // those that are open stay open
		w.Stop(t)  // and with it the connection to upstream
		w.Resume(t)
		w.change()
		w.failsPolls()
		if answers(address) {
			t.Error("a new connection is answered: there were file descriptors")
		}
		w.isReady()
		w.files(1024)
		w.serves()
	})
	wait.Until(t, patience, "new connections are answered", func() bool { return answers(address) })
	w.stops()
}

// answers reports whether the proxy answers on a new connection.
func answers(address string) bool {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := fmt.Fprint(c, "GET /proxy/health/liveness HTTP/1.1\r\nHost: proxy\r\n\r\n"); err != nil {
		return false
	}
	head := make([]byte, len("HTTP/1.1 200 OK"))
	_, err = c.Read(head)
	return err == nil && string(head) == "HTTP/1.1 200 OK"
}
