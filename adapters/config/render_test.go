package config_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

func TestRenderedDefaultLoadsBack(t *testing.T) {
	for _, o := range []config.RenderOptions{{}, {Minimal: true}, {Comments: true}, {Minimal: true, Comments: true}} {
		text := strings.NewReplacer("ser.replace_with_your_server_side_key", "ser.a", "replace_with_your_client_side_key", "c").Replace(string(config.Render(o)))
		src := withFile(text)
		got := mustLoad(t, src)
		want := defaults(t)
		want.EnvironmentKeyPairs = []config.KeyPair{pair("ser.a", "c")}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%+v: got %+v, want %+v", o, got, want)
		}
		if w := warnings(t, src); len(w) > 0 {
			t.Errorf("%+v: warnings %q", o, w)
		}
	}
}

func TestRenderMinimal(t *testing.T) {
	want := `{
  // `
	got := string(config.Render(config.RenderOptions{Minimal: true, Comments: true}))
	if !strings.HasPrefix(got, want) || strings.Count(got, "//") < 2 || strings.Contains(got, "server\":") || !strings.Contains(got, "(API_URL)") {
		t.Errorf("got %s", got)
	}
	var rendered map[string]any
	if err := json.Unmarshal(config.Render(config.RenderOptions{Minimal: true}), &rendered); err != nil {
		t.Fatal(err)
	}
	if len(rendered) != 2 || rendered["api_url"] == nil || rendered["environment_key_pairs"] == nil {
		t.Errorf("got %v", rendered)
	}
}

func TestRenderHasEverySettingOfTheFile(t *testing.T) {
	var rendered map[string]any
	if err := json.Unmarshal(config.Render(config.RenderOptions{}), &rendered); err != nil {
		t.Fatalf("rendered configuration is not JSON: %v", err)
	}
	for _, e := range config.Reference() {
		if e.Key == "" {
			continue
		}
		var at any = rendered
		for _, part := range strings.Split(e.Key, ".") {
			section, _ := at.(map[string]any)
			value, ok := section[part]
			if !ok {
				t.Errorf("%s is not rendered", e.Key)
			}
			at = value
		}
	}
}

func TestReference(t *testing.T) {
	entries := config.Reference()
	seen := map[string]bool{}
	for _, e := range entries {
		if e.Variable == "" || e.Type == "" || e.Allowed == "" || e.Description == "" || e.Default == "" {
			t.Errorf("entry is incomplete: %+v", e)
		}
		if seen[e.Variable] {
			t.Errorf("%s is there twice", e.Variable)
		}
		seen[e.Variable] = true
		// A duration or number without bounds could overflow.
		if (strings.Contains(e.Type, "number") || strings.Contains(e.Type, "seconds")) && !strings.ContainsAny(e.Allowed, "0123456789") {
			t.Errorf("%s has no bounds: %s", e.Key, e.Allowed)
		}
	}
	find := func(variable string) config.Entry {
		i := slices.IndexFunc(entries, func(e config.Entry) bool { return e.Variable == variable })
		if i < 0 {
			t.Fatalf("%s is not in Reference", variable)
		}
		return entries[i]
	}
	want := config.Entry{
		Key: "api_poll_frequency_seconds", Aliases: []string{"api_poll_frequency"},
		Variable: "API_POLL_FREQUENCY_SECONDS", VariableAliases: []string{"API_POLL_FREQUENCY"},
		Type: "seconds", Default: "10", Allowed: "a number of seconds above 0 and at most 86400",
		Description: "Time between two polls of an environment.", Reload: config.Live,
	}
	if got := find("API_POLL_FREQUENCY_SECONDS"); !reflect.DeepEqual(got, want) {
		t.Errorf("entry %+v, want %+v", got, want)
	}
	if e := find("PROXY_KEY"); !e.Confidential || e.FileVariable != "PROXY_KEY_FILE" || !e.Unset {
		t.Errorf("entry %+v", e)
	}
	if e := find("WEB_CONCURRENCY"); e.Key != "" {
		t.Errorf("WEB_CONCURRENCY has the key %q in the file", e.Key)
	}
}

func TestChanged(t *testing.T) {
	src := withFile(`{"allow_origins": ["https://a.example.com"]}`, keys, "PROXY_KEY=a")
	before := mustLoad(t, src)
	if got := changed(before, mustLoad(t, src)); len(got) != 0 {
		t.Errorf("the same source loaded twice differs in %q", got)
	}
	after := mustLoad(t, withFile(`{"allow_origins": ["https://b.example.com"], "server": {"port": 1}}`, keys, "PROXY_KEY=b"))
	if got, want := changed(before, after), []string{"allow_origins", "server.port", "proxy_key"}; !slices.Equal(got, want) {
		t.Errorf("changed %q, want %q", got, want)
	}
	slower := before
	slower.APIPollFrequency = time.Minute
	if got, want := changed(before, slower), []string{"api_poll_frequency_seconds"}; !slices.Equal(got, want) {
		t.Errorf("changed %q, want %q", got, want)
	}
}

func TestNothingIsReadFromTheProcess(t *testing.T) {
	t.Setenv("SERVER_PORT", "1")
	t.Setenv("PROXY_KEY", "a")
	if got := defaults(t).Server.Port; got != 8000 {
		t.Errorf("the default is the process's port %d", got)
	}
	if _, _, err := config.Load(config.Source{}); err == nil {
		t.Error("an empty source loads with the process's proxy key")
	}
}
