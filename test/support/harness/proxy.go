package harness

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Proxy is a running proxy.
type Proxy struct {
	*Process
	Address string // host and port it listens on
	URL     string // "http://" and the address
}

// StartProxy starts a proxy and waits until it listens. The proxy is stopped at
// the end of the test, and judged: see the package's comment.
func StartProxy(t testing.TB, s Setup) *Proxy {
	t.Helper()
	secrets := s.secrets(t)
	p := &Proxy{}
	p.Process = start(t, "edge-proxy", s.command(t), func(process *Process) {
		process.stop(t)
		process.judge(t, secrets)
	})
	p.Address = p.waitListening(t)
	p.URL = "http://" + p.Address
	return p
}

// listeningText finds the address in a line of a log in another format than JSON.
var listeningText = regexp.MustCompile(`(?m)\blistening\b.*\baddress"?[=:]\s*"?([^\s",]+)`)

// waitListening waits for the event "listening" and returns its address.
func (p *Process) waitListening(t testing.TB) string {
	t.Helper()
	limit := time.NewTimer(StartTimeout)
	defer limit.Stop()
	for {
		text, changed := p.output.stream(stdout)
		isListening := func(e Event) bool { return e.Text("address") != "" }
		if event := findEvent(text, "listening", []func(Event) bool{isListening}); event != nil {
			return event.Text("address")
		}
		if match := listeningText.FindStringSubmatch(text); match != nil && strings.HasSuffix(text, "\n") {
			return match[1]
		}
		select {
		case <-changed:
		case <-p.exited:
			t.Fatalf("harness: %s ended with exit code %d before it listened\n%s", p.name, p.code(), p.Output())
		case <-limit.C:
			t.Fatalf("harness: %s did not listen within %s\n%s", p.name, StartTimeout, p.Output())
		}
	}
}

// WaitReady waits until the proxy says that it is ready.
func (p *Proxy) WaitReady(t testing.TB) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}, Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	var last string
	ready := func() bool {
		response, err := client.Get(p.URL + "/proxy/health/readiness")
		if err != nil {
			last = err.Error()
			return false
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		last = fmt.Sprintf("%d %s", response.StatusCode, body)
		return response.StatusCode == http.StatusOK
	}
	if !p.poll(t, ready) {
		t.Fatalf("harness: %s was not ready within %s; its last answer: %s\n%s", p.name, StartTimeout, last, p.tail())
	}
}

// poll asks until the answer is yes, the process has ended or StartTimeout is over.
func (p *Process) poll(t testing.TB, ask func() bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), StartTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ask() {
		select {
		case <-tick.C:
		case <-p.exited:
			return false
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// judge fails the test for what no proxy may do, and shows a failed test the
// end of the output.
func (p *Process) judge(t testing.TB, secrets []string) {
	t.Helper()
	text := p.Output()
	for _, sign := range []string{"WARNING: DATA RACE", "panic: ", "fatal error: "} {
		if at := strings.Index(text, sign); at >= 0 {
			t.Errorf("harness: %s printed %q:\n%s", p.name, sign, text[at:min(len(text), at+tailSize)])
		}
	}
	for _, secret := range secrets {
		if at := strings.Index(text, secret); at >= 0 {
			t.Errorf("harness: %s printed the secret that ends in %q, after: %s", p.name, secret[len(secret)-4:], lineBefore(text, at))
		}
	}
	if t.Failed() {
		t.Logf("%s printed:\n%s", p.name, cmp.Or(p.tail(), "nothing"))
	}
}

// lineBefore is what stands before a position in its line.
func lineBefore(text string, at int) string {
	return text[strings.LastIndexByte(text[:at], '\n')+1 : at]
}

// FreePort returns a TCP port of 127.0.0.1 that nobody listens on. Another
// process may take it; prefer port 0 where the process says what it got.
func FreePort(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("harness: %v", err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
