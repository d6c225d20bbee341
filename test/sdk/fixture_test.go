//go:build sdk

package sdk_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

const (
	sampleFile = "../../docs/sample/environments/sample_client_key.json"
	clientKey  = "sample_client_key"
	serverKey  = "ser.sample_server_key"
	// The proxy is configured with this environment, and Flagsmith has it later.
	lateClientKey = "late_client_key"
	lateServerKey = "ser.late_server_key"
	// changing is the feature whose value the tests change upstream.
	changing = "banner_text"
	// ours marks the requests of the tests themselves in the access log.
	ours = "asked_by=test"
	// patience bounds every wait for something to happen.
	patience = 30 * time.Second
)

// world is a proxy of the sample environment with a Flagsmith behind it. Each SDK
// has its own.
type world struct {
	upstream *harness.Upstream
	proxy    *harness.Proxy
	sample   map[string]any
	versions int // of the sample that were published
	marks    int // that were made in the access log
	http     *http.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	text, err := os.ReadFile(sampleFile)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		upstream: harness.StartUpstream(t),
		http:     &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second},
	}
	t.Cleanup(w.http.CloseIdleConnections)
	if err := json.Unmarshal(text, &w.sample); err != nil {
		t.Fatal(err)
	}
	config := w.upstream.Serve(t, fakeflagsmith.Environment{ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: text})
	config["environment_key_pairs"] = append(config["environment_key_pairs"].([]map[string]any),
		map[string]any{"server_side_key": lateServerKey, "client_side_key": lateClientKey})
	config["api_poll_frequency_seconds"] = 1
	config["realtime_url"] = w.upstream.URL
	config["analytics"] = map[string]any{"flush_interval_seconds": 1}
	config["events"] = map[string]any{"url": w.upstream.URL, "flush_interval_seconds": 0.5}
	config["logging"] = map[string]any{"log_format": "json", "enable_access_log": true}
	w.proxy = harness.StartProxy(t, harness.Setup{Config: config})
	w.waitServed(t, clientKey)
	return w
}

// api is the address that SDKs are given.
func (w *world) api() string { return w.proxy.URL + "/api/v1/" }

// waitServed waits until the proxy has an environment.
func (w *world) waitServed(t *testing.T, key string) {
	t.Helper()
	wait.Until(t, patience, "the proxy serves "+key, func() bool {
		status, _ := w.ask(t, http.MethodGet, "flags/", key, nil)
		return status == http.StatusOK
	})
}

// ask makes a request to the proxy's own interface.
func (w *world) ask(t *testing.T, method, path, key string, body []byte, query ...string) (int, []byte) {
	t.Helper()
	address := w.api() + path + "?" + strings.Join(append([]string{ours}, query...), "&")
	request, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Environment-Key", key)
	request.Header.Set("Content-Type", "application/json")
	answer, err := w.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, text
}

// flags returns the flags that the proxy's interface answers: the environment's
// for a nil identity.
func (w *world) flags(t *testing.T, key string, who *identity) flags {
	t.Helper()
	type apiFlag struct {
		Feature struct{ Name string }
		Enabled bool
		Value   any `json:"feature_state_value"`
	}
	var status int
	var text []byte
	var list []apiFlag
	into := any(&list)
	if who == nil {
		status, text = w.ask(t, http.MethodGet, "flags/", key, nil)
	} else {
		status, text = w.ask(t, http.MethodPost, "identities/", key, who.body(t))
		into = &struct{ Flags *[]apiFlag }{&list}
	}
	if status != http.StatusOK {
		t.Fatalf("the proxy answered %d %s", status, text)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	all := flags{}
	for _, f := range list {
		all[f.Feature.Name] = flag{f.Feature.Name, f.Enabled, f.Value}
	}
	return all
}

// body is the identity as the proxy's interface takes it.
func (i *identity) body(t *testing.T) []byte {
	t.Helper()
	traits := []map[string]any{}
	for _, one := range i.Traits {
		traits = append(traits, map[string]any{"trait_key": one.Key, "trait_value": one.Value})
	}
	text, err := json.Marshal(map[string]any{"identifier": i.Identifier, "traits": traits})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// publish changes the value of one feature in Flagsmith, as somebody in its
// dashboard would, and returns when the proxy serves it.
func (w *world) publish(t *testing.T, value string) {
	t.Helper()
	w.versions++
	began := time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC) // after the sample
	at := began.Add(time.Duration(w.versions) * time.Minute)
	w.sample["updated_at"] = at.Format("2006-01-02T15:04:05.000000-07:00")
	for _, state := range w.sample["feature_states"].([]any) {
		state := state.(map[string]any)
		if state["feature"].(map[string]any)["name"] == changing {
			state["feature_state_value"] = value
		}
	}
	err := w.upstream.PutEnvironment(t.Context(), fakeflagsmith.Environment{
		ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: w.published(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(map[string]any{"updated_at": at.Unix()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.upstream.Emit(t.Context(), clientKey, string(data)); err != nil {
		t.Fatal(err)
	}
	wait.Until(t, patience, "the proxy serves the change", func() bool {
		return w.flags(t, clientKey, nil)[changing].Value == value
	})
}

// published is the sample's document as it is now.
func (w *world) published(t *testing.T) []byte {
	t.Helper()
	document, err := json.Marshal(w.sample)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// access is a line of the access log.
type access struct {
	method, path string
	status       int
}

// mark is a point in the access log.
type mark string

// mark returns the point in the access log at which the requests made so far are
// behind. The log is written a little later than answers are sent.
func (w *world) mark(t *testing.T) mark {
	t.Helper()
	w.marks++
	m := mark("mark=" + strconv.Itoa(w.marks) + ".")
	if status, text := w.ask(t, http.MethodGet, "flags/", clientKey, nil, string(m)); status != http.StatusOK {
		t.Fatalf("the proxy answered %d %s", status, text)
	}
	wait.Until(t, patience, "the access log is written", func() bool {
		return slices.ContainsFunc(w.proxy.Events(), m.is)
	})
	return m
}

func (m mark) is(e harness.Event) bool { return strings.HasSuffix(e.Text("path"), string(m)) }

// accesses returns the requests that the SDK made since then, as far as they are
// in the log.
func (w *world) accesses(since mark) []access {
	var all []access
	events := w.proxy.Events()
	for _, e := range events[1+slices.IndexFunc(events, since.is):] {
		if !e.Named("uvicorn.access") || strings.Contains(e.Text("path"), ours) {
			continue
		}
		status, _ := e["status"].(float64)
		all = append(all, access{e.Text("method"), e.Text("path"), int(status)})
	}
	return all
}

// waitAccess waits until the SDK made count requests for which match holds, and
// returns them.
func (w *world) waitAccess(t *testing.T, since mark, atLeast int, what string, match func(access) bool) []access {
	t.Helper()
	var found []access
	wait.Until(t, patience, what, func() bool {
		found = nil
		for _, a := range w.accesses(since) {
			if match(a) {
				found = append(found, a)
			}
		}
		return len(found) >= atLeast
	})
	return found
}

// answered matches a method, the beginning of a path below the API's, and a
// status.
func answered(method, path string, status int) func(access) bool {
	return func(a access) bool {
		return a.method == method && strings.HasPrefix(a.path, "/api/v1/"+path) && a.status == status
	}
}
