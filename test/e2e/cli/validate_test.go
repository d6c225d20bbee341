package cli_test

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

func validate(t *testing.T, config map[string]any, args ...string) harness.Result {
	t.Helper()
	return harness.Run(t, harness.Setup{Config: config, Args: append([]string{"validate"}, args...)})
}

func TestValidate(t *testing.T) {
	t.Parallel()
	upstream := harness.StartUpstream(t)
	config := upstream.Serve(t, shop())
	expect(t, validate(t, config), 0, []string{"configuration valid: 1 environment(s), 1 server-side key(s)", upstream.URL}, nil)
	if requests, err := upstream.Requests(t.Context(), ""); err != nil || len(requests) > 0 {
		t.Errorf("upstream was asked: %v, %v", requests, err)
	}

	warned := with(config, "api_pol_frequency_seconds", 5)
	expect(t, validate(t, warned), 0, []string{"configuration valid"}, []string{"warning", "api_pol_frequency_seconds", "did you mean"})

	wrong := with(with(config, "api_poll_frequency_seconds", -1), "server", map[string]any{"port": 70000})
	got := validate(t, wrong)
	expect(t, got, 2, nil, []string{"api_poll_frequency_seconds", "server.port"})
	if lines := strings.Count(got.Stderr, "\n"); lines != 2 {
		t.Errorf("%d lines for two problems", lines)
	}
}

// Problems that only other adapters know are reported like all others: at once, with
// their origin, by every command.
func TestProblemsTellWhereTheyAre(t *testing.T) {
	t.Parallel()
	config := harness.StartUpstream(t).Serve(t, shop())
	many := with(with(config, "logging", map[string]any{
		"log_level": "LOUD", "log_event_field_name": "level",
		"override": map[string]any{"handlers": map[string]any{"a": map[string]any{"class": "my.Handler"}}, "filters": map[string]any{"f": 1}},
	}), "proxy_key", "key")
	many["api_url"] = "file:///srv/documents"
	for _, command := range []string{"validate", "serve"} {
		got := harness.Run(t, harness.Setup{Config: many, Args: []string{command}, Env: map[string]string{"STORE_URL": "floppy:a"}})
		expect(t, got, 2, nil, []string{"logging.log_level", "log_event_field_name", "handlers.a.class", "logging.override.filters", "proxy_key", `unknown scheme "floppy"`, "(variable STORE_URL)"})
		lines := strings.Split(strings.TrimSpace(got.Stderr), "\n")
		if len(lines) != 6 {
			t.Errorf("%s: %d lines for six problems:\n%s", command, len(lines), got.Stderr)
		}
		for _, line := range lines {
			if !strings.HasSuffix(line, "(variable STORE_URL)") && !strings.Contains(line, ".json, line ") {
				t.Errorf("%s: %q does not say where it came from", command, line)
			}
		}
	}
}

func TestWrongStoreURLsAreWrongConfigurations(t *testing.T) {
	t.Parallel()
	config := harness.StartUpstream(t).Serve(t, shop())
	for url, want := range map[string]string{
		"floppy:a":                "unknown scheme",
		"memory://somewhere":      "neither an address nor a path",
		"bolt:":                   "the path is missing",
		"bolt:///a.db?sync=no":    `unknown parameter "sync"`,
		"redis://host?speed=9":    `unknown parameter "speed"`,
		"rediss+sentinel://host/": "master is missing",
	} {
		for _, command := range []string{"validate", "serve"} {
			got := harness.Run(t, harness.Setup{Config: with(config, "store", map[string]any{"url": url}), Args: []string{command}})
			expect(t, got, 2, nil, []string{"edge-proxy: configuration: ", "store.url", want, ".json, line "})
		}
	}
}

// validate --fetch does with the store what serving does, and leaves nothing behind.
func TestValidateFetchTriesTheStore(t *testing.T) {
	t.Parallel()
	config := harness.StartUpstream(t).Serve(t, shop())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close() // nobody listens there now
	text := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(text, []byte("some notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	fresh := filepath.Join(directory, "store", "documents.db")
	for name, test := range map[string]struct {
		url  string
		code int
		want []string
	}{
		"memory":         {"memory:", 0, []string{"configuration valid"}},
		"a new file":     {"bolt://" + fresh, 0, []string{"store bolt://" + fresh + ": ok, written and read back"}},
		"no directory":   {"bolt:///nowhere/at/all/documents.db", 1, []string{"store bolt:///nowhere/at/all/documents.db: failed", "does not exist", "correct store.url"}},
		"another file":   {"bolt://" + text, 1, []string{"failed", "not a database of this program"}},
		"nobody listens": {"redis://:s3cret@" + listener.Addr().String(), 1, []string{"store redis://", "failed", "nothing listens there"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := validate(t, with(config, "store", map[string]any{"url": test.url}), "--fetch")
			expect(t, got, test.code, append(test.want, clientKey+" with ser.…4711: ok"), nil)
			if strings.Contains(got.Stdout+got.Stderr, "s3cret") {
				t.Errorf("the password is shown:\n%s%s", got.Stdout, got.Stderr)
			}
		})
	}
	if left, err := os.ReadDir(directory); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if content, err := os.ReadFile(text); err != nil || string(content) != "some notes" {
		t.Errorf("the other file was changed: %q, %v", content, err)
	}
}

// A file that a proxy has open is named with the process.
func TestValidateFetchOfAFileInUse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "documents.db")
	config := with(harness.StartUpstream(t).Serve(t, shop()), "store", map[string]any{"url": "bolt://" + path})
	p := harness.StartProxy(t, harness.Setup{Config: config})
	p.WaitReady(t)
	want := []string{"failed", path + " is in use by another process"}
	if runtime.GOOS == "linux" {
		want = append(want, "(process ")
	}
	expect(t, validate(t, config, "--fetch"), 1, want, nil)
}

func TestValidateFetch(t *testing.T) {
	t.Parallel()
	const other = "ser.another_key_0815"
	t.Run("well", func(t *testing.T) {
		environment := shop()
		environment.ServerKeys = append(environment.ServerKeys, other)
		config := harness.StartUpstream(t).Serve(t, environment)
		expect(t, validate(t, config, "--fetch"), 0, []string{
			clientKey + " with ser.…4711: ok", clientKey + " with ser.…0815: ok", "updated 2026-01-02T03:04:05Z, 0 problem(s)",
		}, nil)
	})
	t.Run("one key refused", func(t *testing.T) {
		config := harness.StartUpstream(t).Serve(t, shop())
		config["environment_key_pairs"] = append(config["environment_key_pairs"].([]map[string]any),
			map[string]any{"server_side_key": other, "client_side_key": clientKey})
		expect(t, validate(t, config, "--fetch"), 1, []string{
			clientKey + " with ser.…4711: ok", clientKey + " with ser.…0815: failed", "403", "api_url",
		}, nil)
	})
	t.Run("unusable", func(t *testing.T) {
		upstream := harness.StartUpstream(t)
		config := upstream.Serve(t, shop())
		for _, body := range []string{`[]`, `null`, `{}`, `<html>`, `{"api_key":"x","name":"y","feature_states":[]}`} {
			if err := upstream.Fail(t.Context(), fakeflagsmith.DocumentOf(clientKey), fakeflagsmith.Failure{Kind: fakeflagsmith.FailBody, Body: body}); err != nil {
				t.Fatal(err)
			}
			expect(t, validate(t, config, "--fetch"), 1, []string{clientKey + " with ser.…4711: failed"}, nil)
		}
	})
	t.Run("keys of two environments", func(t *testing.T) {
		environment := shop()
		environment.Document = document("client_of_another")
		config := harness.StartUpstream(t).Serve(t, environment)
		expect(t, validate(t, config, "--fetch"), 1, []string{"client_of_another", "different environments"}, nil)
	})
	t.Run("questionable document", func(t *testing.T) {
		environment := shop()
		environment.Document = []byte(strings.Replace(string(document(clientKey)), `"segments":[]`,
			`"segments":[{"id":5,"name":"s","feature_states":[],"rules":[{"type":"ALL","rules":[],"conditions":[{"operator":"REGEX","property_":"p","value":"("}]}]}]`, 1))
		config := harness.StartUpstream(t).Serve(t, environment)
		expect(t, validate(t, config, "--fetch"), 0, []string{"1 problem(s)", "project.segments[0].rules[0].conditions[0]"}, nil)
	})
	t.Run("nobody there", func(t *testing.T) {
		upstream := harness.StartUpstream(t)
		config := upstream.Serve(t, shop())
		upstream.Kill(t)
		expect(t, validate(t, config, "--fetch"), 1, []string{"failed", "nothing listens there"}, nil)
	})
}

func TestValidateStrict(t *testing.T) {
	t.Parallel()
	config := harness.StartUpstream(t).Serve(t, shop())
	expect(t, validate(t, config, "--strict"), 0, []string{"configuration valid"}, nil)
	unknown := with(config, "dashboards", map[string]any{"enabled": true})
	expect(t, validate(t, unknown), 0, []string{"configuration valid"}, []string{"warning: dashboards: is not a setting and is ignored"})
	expect(t, validate(t, unknown, "--strict"), 2, nil, []string{"warning: dashboards", "--strict"})
}

// What an operator has to know stands beside what is wrong.
func TestWarningsStandBesideProblems(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"serve", "validate"} {
		got := harness.Run(t, harness.Setup{Args: []string{command}, ConfigText: `{"loging": {}, "environment_key_pairs": []}`, Env: map[string]string{"SERVER_PRT": "1"}})
		expect(t, got, 2, nil, []string{"warning: loging", "did you mean logging?", "warning: SERVER_PRT", "environment_key_pairs is empty"})

		got = harness.Run(t, harness.Setup{Args: []string{command}, Env: map[string]string{"CONFIG_PATH": "/nope/c.json"}})
		expect(t, got, 2, nil, []string{"/nope/c.json: the configuration file does not exist", "environment_key_pairs is missing", "edge-proxy render-config"})
		if first, _, _ := strings.Cut(got.Stderr, "\n"); !strings.Contains(first, "/nope/c.json") {
			t.Errorf("the first line is %q", first)
		}
	}
}
