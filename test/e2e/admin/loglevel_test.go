package admin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// A log level that an operator sets applies at once, to one logger or all, and goes back
// by itself or by --end.
func TestLogLevel(t *testing.T) {
	t.Parallel()
	proxy, config, admin := acting(t)
	debug := func() int { return strings.Count(proxy.Output(), `"level":"debug"`) }
	refresh := func() {
		t.Helper()
		if got := command(t, config, "refresh"); got.Code != 0 {
			t.Fatalf("refresh: %+v", got)
		}
	}
	do := func(code int, want string, args ...string) {
		t.Helper()
		got := command(t, config, append([]string{"log-level"}, args...)...)
		if got.Code != code || !strings.Contains(got.Stdout+got.Stderr, want) {
			t.Errorf("log-level %v: want %d, %q, got %+v", args, code, want, got)
		}
	}
	refresh()
	if n := debug(); n > 0 {
		t.Fatalf("%d lines at DEBUG before", n)
	}
	do(0, "the logger edge_proxy.environments is at DEBUG until 20", "debug", "--logger", "edge_proxy.environments", "--for", "1h", "--reason", "polls fail")
	refresh()
	wait.Until(t, 10*time.Second, "lines at DEBUG", func() bool { return debug() > 0 })
	if event := proxy.WaitEvent(t, 5*time.Second, "admin_action"); event.Text("action") == "" {
		t.Errorf("logged %v", event)
	}
	do(0, "the configured levels apply again", "--end")
	do(0, "the levels were the configured ones", "--end")
	before := debug()
	refresh()
	if n := debug(); n != before {
		t.Errorf("%d lines at DEBUG after the end, %d before", n, before)
	}
	do(0, "the log is at DEBUG until 20", "DEBUG", "--for", "50ms")
	if event := proxy.WaitEvent(t, 10*time.Second, "log_level_ended"); event.Text("log_logger") != "root" {
		t.Errorf("logged %v", event)
	}
	do(1, "level must be one of", "LOUD")
	do(1, "logger must be one of", "DEBUG", "--logger", "edge_proxy.stor")
	do(1, "at most 24h", "DEBUG", "--for", "25h")
	do(2, "LEVEL is missing")
	do(2, "unexpected argument", "DEBUG", "--end")
	if status, body := ask(t, "POST", admin+"/log-level"); status != 401 {
		t.Errorf("without the token: %d %s", status, body)
	}
}
