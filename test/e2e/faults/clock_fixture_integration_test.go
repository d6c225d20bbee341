//go:build integration

package faults_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/origin"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// now is where the standard library reads the clocks for time.Now, and nowWithOffset what
// takes its place.
const (
	now           = "\tsec, nsec, mono := runtimeNow()\n"
	nowWithOffset = now + "\tsec, nsec = offsetWall(sec, nsec)\n"
)

// buildWithClock builds the proxy with a time.Now whose wall clock a test sets, see
// testdata/clock. The monotonic clock, and with it timers, stay as they are.
func buildWithClock(t *testing.T) (binary string) {
	t.Helper()
	root := strings.TrimSpace(goCommand(t, "env", "GOROOT"))
	module := strings.TrimSpace(goCommand(t, "list", "-m", "-f", "{{.Dir}}"))
	source, err := os.ReadFile(filepath.Join(root, "src/time/time.go"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), now); n != 1 {
		t.Fatalf("time.go of this Go reads the clocks %d times as in %q, want once: time.Now works in another way", n, now)
	}
	dir := t.TempDir()
	changed := filepath.Join(dir, "time.go")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(source), now, nowWithOffset, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	own := func(name string) string { return filepath.Join(module, "test/e2e/faults/testdata/clock", name) }
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(root, "src/time/time.go"):               changed,
		filepath.Join(root, "src/time/time_offset.go"):        own("time_offset.go"),
		filepath.Join(module, "cmd/edge-proxy/main_clock.go"): own("main_clock.go"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	binary = filepath.Join(dir, "edge-proxy")
	goCommand(t, "build", "-overlay", list, "-o", binary, module+"/cmd/edge-proxy")
	return binary
}

func goCommand(t *testing.T, arguments ...string) (output string) {
	t.Helper()
	var problems strings.Builder
	command := exec.CommandContext(t.Context(), "go", arguments...)
	command.Stderr = &problems
	text, err := command.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(arguments, " "), err, problems.String())
	}
	return string(text)
}

// clock is the wall clock of a proxy, which a test sets.
type clock struct {
	t      *testing.T
	socket string
	offset time.Duration // from the right time
}

// newClock returns the clock of the proxies that are started with a setup after addTo, one
// after the other.
func newClock(t *testing.T) *clock {
	t.Helper()
	dir, err := os.MkdirTemp("", "clock") // t.TempDir may be too long for the name of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return &clock{t: t, socket: filepath.Join(dir, "socket")}
}

// addTo returns a setup of a binary of buildWithClock with this clock.
func (c *clock) addTo(s harness.Setup, binary string) harness.Setup {
	_ = os.Remove(c.socket)
	env := map[string]string{"CLOCK_SOCKET": c.socket, "CLOCK_OFFSET": c.offset.String()}
	maps.Copy(env, s.Env)
	s.Binary, s.Env = binary, env
	return s
}

// set sets the clock, and returns when the running proxy shows that time.
func (c *clock) set(offset time.Duration) {
	c.t.Helper()
	c.offset = offset
	conn, err := net.Dial("unix", c.socket)
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	fmt.Fprintln(conn, offset)
	shown, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	c.shows(strings.TrimSpace(shown))
}

// shows checks that a time, which was read just now, is that of the clock.
func (c *clock) shows(text string) {
	c.t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || time.Until(at.Add(-c.offset)).Abs() > time.Minute {
		c.t.Errorf("the clock is to be %s ahead of %s, and shows %q", c.offset, time.Now().Format(time.RFC3339), text)
	}
}

const (
	proxyKey = "proxy-key-of-the-clocks"
	// jumpGrace is the total grace of the proxies whose clocks jump, but for the poll interval.
	jumpGrace = 3 * time.Second
	// late is by how much later than in its time something may happen on a busy machine.
	late = 3 * time.Second
)

// newDiscoveredWorld is newWorld whose proxies discover the environment by a proxy key, so that their
// usage is counted.
func newDiscoveredWorld(t *testing.T, hosts ...string) *world {
	t.Helper()
	w := &world{Origin: origin.Start(t, hosts...), t: t, client: origin.NewClient(t), prober: origin.NewClient(t), base: time.Now().Truncate(time.Second)}
	w.PutDiscovery(fakeflagsmith.Discovery{ProxyKey: proxyKey, Environments: []fakeflagsmith.DiscoveredEnvironment{
		{ClientKey: key, ServerKeys: []fakeflagsmith.DiscoveredServerKey{{Key: origin.ServerKey(key), Active: true}}},
	}})
	w.change()
	return w
}

// discovering returns the configuration of a node that discovers its environment.
func (w *world) discovering(node int, grace time.Duration) map[string]any {
	c := config(w.URL(node))
	delete(c, "environment_key_pairs")
	c["proxy_key"] = proxyKey
	c["usage_flush_interval_seconds"] = 0.3
	return withGrace(c, grace)
}

func withGrace(c map[string]any, grace time.Duration) map[string]any {
	c["health_check"] = map[string]any{"environment_update_grace_period_seconds": grace.Seconds()}
	return c
}

// flags asks for flags n times, and expects the newest.
func (w *world) flags(n int) {
	w.t.Helper()
	want := strconv.FormatInt(w.revision.Load(), 10)
	for range n {
		if value, err := w.client.Value(w.proxy.URL, key); err != nil || value != want {
			w.t.Fatalf("revision %q is served, want %s: %v", value, want, err)
		}
	}
}

// usage returns how many requests for flags upstream has counted.
func (w *world) usage() int64 {
	for _, row := range w.Usage() {
		if row.Resource == "flags" {
			return row.Count
		}
	}
	return 0
}

// polled returns the requests for the document since a moment.
func (w *world) polled(since time.Time) (polls []fakeflagsmith.Request) {
	for _, r := range w.Requests(fakeflagsmith.DocumentOf(key)) {
		if r.Time.After(since) {
			polls = append(polls, r)
		}
	}
	return polls
}

// stays checks for some time that each proxy has this readiness.
func (w *world) stays(status int, for_ time.Duration, proxies ...*harness.Proxy) {
	w.t.Helper()
	for began := time.Now(); time.Since(began) < for_; pass(20 * time.Millisecond) {
		for i, p := range proxies {
			if r := w.client.Readiness(w.t, p.URL); r.Status != status {
				w.t.Errorf("after %s the readiness of proxy %d is %d %q (%s), want %d", time.Since(began), i, r.Status, r.Reason, r.LastUpdate, status)
				return
			}
		}
	}
}

// confirmed returns when upstream last confirmed the document and, if proxies discover it, the
// list: the earliest of the last such answers to each node.
func (w *world) confirmed() (at time.Time) {
	last := map[string]time.Time{}
	for _, r := range slices.Concat(w.Requests(fakeflagsmith.DocumentOf(key)), w.Requests(fakeflagsmith.ProxyConfig)) {
		who := string(r.Target)
		if r.Target == fakeflagsmith.ProxyConfig {
			who += r.Host
		}
		if r.Status == http.StatusOK || r.Status == http.StatusNotModified {
			last[who] = r.Time
		}
	}
	for _, t := range last {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	return at
}

// goesStale checks that proxies whose documents were confirmed between two moments are ready
// for the grace, and soon after it not any more.
func (w *world) goesStale(from, to time.Time, grace time.Duration, proxies ...*harness.Proxy) {
	w.t.Helper()
	w.stays(http.StatusOK, time.Until(from.Add(grace-interval)), proxies...) // a poll begins before its request arrives
	for i, p := range proxies {
		wait.Until(w.t, patience, "a stale document", func() bool {
			return w.client.Readiness(w.t, p.URL).Status == http.StatusServiceUnavailable
		})
		took := time.Since(to)
		w.t.Logf("proxy %d is unready %s after the last confirmation", i, took.Round(time.Millisecond))
		if took > grace+late {
			w.t.Errorf("the document was stale %s after it was confirmed, want %s", took, grace)
		}
	}
}

// isReadySoon waits for a proxy to be ready, and checks that it is so soon.
func (w *world) isReadySoon(p *harness.Proxy) {
	w.t.Helper()
	began := time.Now()
	wait.Until(w.t, patience, "readiness", func() bool { return w.client.Readiness(w.t, p.URL).Status == http.StatusOK })
	if took := time.Since(began); took > slack {
		w.t.Errorf("ready after %s, want %s", took, soon)
	}
}
