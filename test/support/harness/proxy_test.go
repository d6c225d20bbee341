package harness_test

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// as is a setup of a stand-in that behaves so.
func as(t *testing.T, behaviour string, change ...func(*harness.Setup)) harness.Setup {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := harness.Setup{Binary: self, Env: map[string]string{standIn: behaviour}}
	for _, c := range change {
		c(&s)
	}
	return s
}

func TestStartProxy(t *testing.T) {
	p := harness.StartProxy(t, as(t, "well"))
	if !strings.HasPrefix(p.Address, "127.0.0.1:") || strings.HasSuffix(p.Address, ":0") || p.URL != "http://"+p.Address {
		t.Errorf("address %q, URL %q", p.Address, p.URL)
	}
	p.WaitReady(t) // which the stand-in is at the third question
	p.Signal(t, syscall.SIGTERM)
	if code := p.Wait(t, 10*time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(p.Output(), "stopped") || !strings.Contains(harness.Outputs(), p.Output()) {
		t.Errorf("output %q", p.Output())
	}
}

func TestSetupReachesTheProxy(t *testing.T) {
	told := func(t *testing.T, change func(*harness.Setup)) (harness.Event, []string) {
		t.Helper()
		p := harness.StartProxy(t, as(t, "tells", change))
		event := p.WaitEvent(t, 10*time.Second, "started")
		var env []string
		for _, variable := range event["env"].([]any) {
			env = append(env, variable.(string))
		}
		return event, env
	}
	t.Run("a file", func(t *testing.T) {
		t.Setenv("HTTP_PROXY", "http://must.not.reach.the.proxy")
		event, env := told(t, func(s *harness.Setup) {
			s.Config = map[string]any{"api_poll_frequency_seconds": 7, "logging": map[string]any{"log_format": "json"}}
			s.Args = []string{"serve"}
		})
		if got := event.Text("config"); got != `{"api_poll_frequency_seconds":7,"logging":{"log_format":"json"}}` {
			t.Errorf("config %s", got)
		}
		if args := event["args"].([]any); len(args) != 1 || args[0] != "serve" {
			t.Errorf("arguments %v", args)
		}
		for variable, want := range map[string]bool{
			"SERVER_PORT=0": true, "SERVER_HOST=127.0.0.1": true, "SERVER_DRAIN_DELAY_SECONDS=0": true,
			"LOGGING_LOG_FORMAT=json": false, "HTTP_PROXY=http://must.not.reach.the.proxy": false,
		} {
			if slices.Contains(env, variable) != want {
				t.Errorf("%s there: %t", variable, !want)
			}
		}
		if event["files"] != 0.0 {
			t.Errorf("%v files in the working directory", event["files"])
		}
	})
	t.Run("text", func(t *testing.T) {
		const text = "{ // a comment\n}"
		if event, _ := told(t, func(s *harness.Setup) { s.ConfigText = text }); event.Text("config") != text {
			t.Errorf("config %q", event.Text("config"))
		}
	})
	t.Run("variables", func(t *testing.T) {
		event, env := told(t, func(s *harness.Setup) {
			s.Config = map[string]any{"api_url": "http://x", "allow_origins": []string{"a"}}
			s.AsVariables = true
			s.Env["server_drain_delay_seconds"] = "1"
		})
		if event.Text("config") != "" || !slices.Contains(env, "API_URL=http://x") || !slices.Contains(env, `ALLOW_ORIGINS=["a"]`) {
			t.Errorf("config %q, variables %q", event.Text("config"), env)
		}
		if slices.Contains(env, "SERVER_DRAIN_DELAY_SECONDS=0") {
			t.Error("the default stands beside the test's own variable")
		}
	})
}

func TestAddressInAGenericLog(t *testing.T) {
	p := harness.StartProxy(t, as(t, "generic"))
	if !strings.HasPrefix(p.Address, "127.0.0.1:") {
		t.Errorf("address %q", p.Address)
	}
}

func TestRun(t *testing.T) {
	got := harness.Run(t, as(t, "ends", func(s *harness.Setup) { s.Args = []string{"validate", "--fetch"} }))
	if got.Code != 2 || got.Stderr != "no, thank you\n" || !strings.Contains(got.Stdout, `"validate","--fetch"`) {
		t.Errorf("got %+v", got)
	}
}

func TestBinaryFromTheEnvironment(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("EDGE_PROXY_BINARY", self)
	if got := harness.Binary(t); got != self {
		t.Errorf("got %q", got)
	}
	if got := harness.Run(t, harness.Setup{Env: map[string]string{standIn: "ends"}}); got.Code != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestFailuresOfAProxyFailTheTest(t *testing.T) {
	const leaked = "ser.abcdefghijkl"
	tests := []struct {
		name, behaviour, want string
		body                  func(testing.TB, *harness.Proxy)
	}{
		{"ends before it listens", "ends", "exit code 2 before it listened", nil},
		{"prints why", "ends", "no, thank you", nil},
		{"panics", "panics", `printed "panic: "`, nil},
		{"wrong exit code", "grumbles", "exit code 3 after SIGTERM", nil},
		{"prints a secret", "leaks", `printed the secret that ends in "ijkl"`, nil},
		{"event that never comes", "well", `did not log "environment_updated" within`, func(t testing.TB, p *harness.Proxy) {
			p.WaitEvent(t, 10*time.Millisecond, "environment_updated")
		}},
		{"end that never comes", "well", "did not end within", func(t testing.TB, p *harness.Proxy) {
			p.Wait(t, 10*time.Millisecond)
		}},
		{"event that never comes before the end", "well", `ended (exit code 0) without logging "x"`, func(t testing.TB, p *harness.Proxy) {
			p.Signal(t, syscall.SIGTERM)
			p.WaitEvent(t, 10*time.Second, "x")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			failures := record(t, func(tb testing.TB) {
				p := harness.StartProxy(tb, as(t, tt.behaviour, func(s *harness.Setup) {
					s.Config = map[string]any{"environment_key_pairs": []any{map[string]any{"server_side_key": leaked}}}
				}))
				if tt.body != nil {
					tt.body(tb, p)
				}
			})
			if !strings.Contains(failures, tt.want) {
				t.Errorf("failed with %q, want %q in it", failures, tt.want)
			}
			if strings.Contains(failures, leaked) {
				t.Errorf("the failure repeats the secret: %q", failures)
			}
		})
	}
}

func TestKillLeavesNothingToStop(t *testing.T) {
	p := harness.StartProxy(t, as(t, "well"))
	p.Kill(t)
	select {
	case <-p.Exited():
	default:
		t.Error("killed, but not gone")
	}
	if code := p.Wait(t, time.Second); code != -1 {
		t.Errorf("exit code %d", code)
	}
}

func TestEvents(t *testing.T) {
	p := harness.StartProxy(t, as(t, "well"))
	match := func(e harness.Event) bool { return e.Text("address") == p.Address }
	if e := p.WaitEvent(t, time.Second, "listening", match); e == nil || !e.Named("listening") || e.Named("other") || e.Text("none") != "" {
		t.Errorf("got %v", e)
	}
	if n := len(p.Events()); n != 2 {
		t.Errorf("%d events, want started and listening", n)
	}
}
