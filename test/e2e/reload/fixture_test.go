package reload_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

const (
	clientKey = "client_reload"
	serverKey = "ser.reload-secret-0001"
	newKey    = "ser.reload-secret-0002"
	otherKey  = "client_other"
	otherSer  = "ser.other-secret-0001"
	// patience is how long a test waits for what must come. Only a failing test
	// waits for all of it.
	patience = time.Minute
)

// The events of a reload.
const (
	reloaded     = "configuration_reloaded"
	failed       = "configuration_reload_failed"
	unchanged    = "configuration_unchanged"
	needsRestart = "configuration_needs_restart"
)

type object = map[string]any

func document(key string) []byte {
	return fmt.Appendf(nil, `{"api_key":%q,"name":"Test","updated_at":"2026-01-02T03:04:05+00:00","project":{"segments":[]},`+
		`"feature_states":[{"django_id":1,"feature":{"id":1,"name":"flag_of_%s","type":"STANDARD"},"enabled":true,"feature_state_value":null}]}`, key, key)
}

func pair(server any, client string) object {
	return object{"server_side_key": server, "client_side_key": client}
}

// world is a proxy whose configuration a test changes.
type world struct {
	*harness.Proxy
	upstream *harness.Upstream
	path     string // of the configuration file
	base     object
	client   *http.Client
}

// start starts a proxy of one environment, which polls once only. settings are laid
// over its configuration.
func start(t *testing.T, settings object, env map[string]string) *world {
	t.Helper()
	return startIn(t, t.TempDir(), settings, env)
}

func startIn(t *testing.T, dir string, settings object, env map[string]string) *world {
	t.Helper()
	w := &world{}
	w.prepare(t, dir)
	w.run(t, settings, env)
	return w
}

// prepare makes what the proxy needs.
func (w *world) prepare(t *testing.T, dir string) {
	t.Helper()
	w.upstream, w.path, w.client = harness.StartUpstream(t), filepath.Join(dir, "config.json"), newClient(t)
	for key, servers := range map[string][]string{clientKey: {serverKey, newKey}, otherKey: {otherSer}} {
		err := w.upstream.PutEnvironment(t.Context(), fakeflagsmith.Environment{ClientKey: key, ServerKeys: servers, Document: document(key)})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (w *world) run(t *testing.T, settings object, env map[string]string) {
	t.Helper()
	w.base = object{
		"api_url": w.upstream.APIURL(), "environment_key_pairs": []any{pair(serverKey, clientKey)}, "api_poll_frequency_seconds": 3600,
		"logging": object{"log_level": "DEBUG", "log_format": "json"},
		"server":  object{"host": "127.0.0.1", "port": 0, "drain_delay_seconds": 0},
	}
	w.base = w.with(settings)
	w.write(t, w.base)
	variables := map[string]string{"CONFIG_PATH": w.path}
	maps.Copy(variables, env)
	w.Proxy = harness.StartProxy(t, harness.Setup{Config: w.base, Env: variables})
	w.WaitReady(t)
}

func newClient(t *testing.T) *http.Client {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{}, Timeout: 15 * time.Second}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// with returns the configuration with settings laid over it, section by section.
func (w *world) with(settings object) object {
	config := maps.Clone(w.base)
	for key, value := range settings {
		section, isSection := value.(object)
		below, both := config[key].(object)
		if isSection && both {
			below = maps.Clone(below)
			maps.Copy(below, section)
			value = below
		}
		config[key] = value
	}
	return config
}

func (w *world) write(t *testing.T, config object) {
	t.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, w.path, string(text))
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// replaceFile puts a finished file in the place of another.
func replaceFile(t *testing.T, path, text string) {
	t.Helper()
	writeFile(t, path+".new", text)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// events returns the events of a name so far.
func (w *world) events(name string) []harness.Event { return w.EventsNamed(name) }

// next does something and returns the first event of the name that comes after it.
func (w *world) next(t *testing.T, name string, do func()) harness.Event {
	t.Helper()
	before := len(w.events(name))
	do()
	w.eventually(t, "another event "+name, func() bool { return len(w.events(name)) > before })
	return w.events(name)[before]
}

// hangup has the configuration re-read and returns the event that tells what came
// of it.
func (w *world) hangup(t *testing.T, outcome string) harness.Event {
	t.Helper()
	return w.next(t, outcome, func() { w.Signal(t, syscall.SIGHUP) })
}

// reload writes a configuration with these settings and has it read.
func (w *world) reload(t *testing.T, settings object, outcome string) harness.Event {
	t.Helper()
	w.write(t, w.with(settings))
	return w.hangup(t, outcome)
}

// changed checks which keys an event names.
func changed(t *testing.T, e harness.Event, want ...string) {
	t.Helper()
	if got := e.Text("changed"); got != strings.Join(want, ", ") {
		t.Errorf("%v names %q, want %q", e, got, want)
	}
}

func (w *world) eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-w.Exited():
			t.Fatalf("waiting for %s: the proxy has ended\n%s", what, w.Output())
		case <-limit.C:
			t.Fatalf("never came true: %s\n%s", what, w.Output())
		}
	}
}

// ask sends a request and returns what is answered.
func (w *world) ask(t *testing.T, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	response, text, err := ask(t.Context(), w.client, method, w.URL+path, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", method, path, err, w.Output())
	}
	return response, text
}

func ask(ctx context.Context, client *http.Client, method, address, body string, headers ...string) (*http.Response, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, "", err
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response, string(text), err
}

// flags returns the status of a request for flags.
func (w *world) flags(t *testing.T, key string) int {
	t.Helper()
	response, _ := w.ask(t, http.MethodGet, "/api/v1/flags/", "", "X-Environment-Key: "+key)
	return response.StatusCode
}

// opens returns the status of a request for the environment document.
func (w *world) opens(t *testing.T, key string) int {
	t.Helper()
	response, _ := w.ask(t, http.MethodGet, "/api/v1/environment-document", "", "X-Environment-Key: "+key)
	return response.StatusCode
}

// polls returns how often upstream was asked for a document.
func (w *world) polls(t *testing.T, key string) int {
	t.Helper()
	counters, err := w.upstream.Counters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return counters[fakeflagsmith.DocumentOf(key)].Requests
}
