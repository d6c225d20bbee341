package config_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

func TestLoadStore(t *testing.T) {
	for name, tt := range map[string]struct {
		source      config.Source
		url, prefix string
	}{
		"nothing":                 {source(nil), "memory:", "edge-proxy"},
		"file":                    {withFile(`{"store": {"url": "redis://h", "prefix": "blue"}}`), "redis://h", "blue"},
		"variables win":           {withFile(`{"store": {"url": "redis://h", "prefix": "blue"}}`, "STORE_URL=bolt:///x"), "bolt:///x", "blue"},
		"no keys":                 {withFile(`{"environment_key_pairs": [], "store": {"url": "bolt:///x"}}`), "bolt:///x", "edge-proxy"},
		"placeholders for keys":   {source(map[string]string{"config.json": string(config.Render(config.RenderOptions{}))}, "STORE_URL=bolt:///x"), "bolt:///x", "edge-proxy"},
		"other settings are odd":  {withFile(`{"server": {"port": "no"}, "api_url": 7, "store": {"url": "bolt:///x"}}`, "API_POLL_FREQUENCY_SECONDS=-1"), "bolt:///x", "edge-proxy"},
		"another's file is away":  {source(nil, "PROXY_KEY_FILE=/none", "STORE_URL=bolt:///x"), "bolt:///x", "edge-proxy"},
		"URL from a file":         {source(map[string]string{"/secret": "redis://u:p@h\n"}, "STORE_URL_FILE=/secret"), "redis://u:p@h", "edge-proxy"},
		"a section in a variable": {source(nil, `STORE={"url":"bolt:///x","prefix":"green"}`), "bolt:///x", "green"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := config.LoadStore(tt.source)
			if err != nil {
				t.Fatal(err)
			}
			if got.URL.Reveal() != tt.url || got.Prefix != tt.prefix {
				t.Errorf("%s with prefix %q, want %s with %q", got.URL.Reveal(), got.Prefix, tt.url, tt.prefix)
			}
		})
	}
}

func TestLoadStoreRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		source config.Source
		want   []string
	}{
		"no URL":              {withFile(`{"store": {"url": "nowhere"}}`), []string{"store.url is "}},
		"prefix":              {withFile(`{"store": {"prefix": "a{b"}}`), []string{"store.prefix is "}},
		"both":                {source(nil, "STORE_URL=nowhere", "STORE_PREFIX=a{b"), []string{"store.url is ", "store.prefix is "}},
		"not a section":       {withFile(`{"store": 7}`), []string{"store is a number"}},
		"secret file is away": {source(nil, "STORE_URL_FILE=/none"), []string{"store.url is in the file"}},
		"no JSON":             {withFile(`{"store": `), []string{"config.json is not valid JSON"}},
		"others left out":     {withFile(`{"server": {"port": "no"}, "store": {"url": "nowhere"}}`), []string{"store.url is "}},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := config.LoadStore(tt.source)
			if err == nil {
				t.Fatal("no error")
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(tt.want) {
				t.Fatalf("%d problems, want %d:\n%v", len(lines), len(tt.want), err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in:\n%v", want, err)
				}
			}
		})
	}
}

func TestLoadStoreWarnsOfTheStoreOnly(t *testing.T) {
	_, warnings, err := config.LoadStore(withFile(`{"servr": {}, "store": {"prefx": "blue"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) != 1 || warnings[0].Key != "store.prefx" {
		t.Errorf("warnings %v, want one about store.prefx", warnings)
	}
}

func TestLoadStoreOverrides(t *testing.T) {
	url := func(text string) config.Override {
		return config.Override{Key: "store.url", Value: text, Origin: "--store"}
	}
	for name, src := range map[string]config.Source{
		"nothing":         source(nil),
		"a variable":      source(nil, "STORE_URL=bolt:///x"),
		"a wrong file":    withFile(`{"store": {"url": 7}}`),
		"a missing file":  source(nil, "STORE_URL_FILE=/none"),
		"a wrong section": source(nil, "STORE_URL=nowhere"),
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := config.LoadStore(overridden(src, url("redis://user:geheim@host"), config.Override{Key: "store.prefix", Value: "blue"}))
			if err != nil {
				t.Fatal(err)
			}
			if got.URL.Reveal() != "redis://user:geheim@host" || got.Prefix != "blue" {
				t.Errorf("%s with prefix %q", got.URL.Reveal(), got.Prefix)
			}
		})
	}
	for _, text := range []string{"", "nowhere", "://geheim@x", "redis://user:geheim@host\x00", "%geheim@"} {
		_, _, err := config.LoadStore(overridden(source(nil), url(text)))
		if err == nil || strings.Contains(err.Error(), "geheim") || !strings.Contains(err.Error(), "(--store)") {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

func overridden(src config.Source, overrides ...config.Override) config.Source {
	src.Overrides = overrides
	return src
}

func TestOverriddenPath(t *testing.T) {
	byFlag := config.Override{Key: "config_path", Value: "flag.json", Origin: "flag --config"}
	src := overridden(source(map[string]string{"flag.json": `{"server":{"port":81}}`, "variable.json": `{`}, keys, "CONFIG_PATH=variable.json"), byFlag)
	got, _, err := config.Load(src)
	if err != nil || got.Server.Port != 81 || got.ConfigPath != "flag.json" || config.Path(src) != "flag.json" {
		t.Errorf("got port %d of %s, %v", got.Server.Port, got.ConfigPath, err)
	}
	src = overridden(source(map[string]string{"flag.json": `{`}), byFlag)
	if _, _, err := config.Load(src); err == nil || !strings.Contains(err.Error(), "flag.json is not valid JSON") || !strings.Contains(err.Error(), "(flag --config)") {
		t.Errorf("got %v", err)
	}
}

func TestLoadServer(t *testing.T) {
	for name, src := range map[string]config.Source{
		"alone":               withFile(`{"server": {"port": 81}}`),
		"others are odd":      withFile(`{"environment_key_pairs": 1, "logging": [], "store": {"url": "nowhere"}, "server": {"port": 81}}`),
		"the variable counts": withFile(`{"server": {"port": "no"}}`, "SERVER_PORT=81", "API_URL=nowhere"),
	} {
		if got, _, err := config.LoadServer(src); err != nil || got.Port != 81 || got.Host != "0.0.0.0" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	_, _, err := config.LoadServer(withFile(`{"server": {"port": "no"}, "store": {"url": "nowhere"}}`))
	if want := `server.port is "no", must be a whole number from 0 to 65535 (config.json, line 1)`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A relative file URL begins at the directory of the file that has it.
func TestRelativeFileURL(t *testing.T) {
	src := source(map[string]string{"/etc/proxy/mine.json": `{"api_url": "file:documents/a%20b"}`}, keys, "CONFIG_PATH=/etc/proxy/mine.json")
	src.WorkingDir = "/srv"
	if got := mustLoad(t, src).APIURL.String(); got != "file:///etc/proxy/documents/a%20b" {
		t.Errorf("in the file: %s", got)
	}
	src.Environ = append(src.Environ, "API_URL=file:../documents")
	if got := mustLoad(t, src).APIURL.String(); got != "file:///documents" {
		t.Errorf("in a variable: %s", got)
	}
}

func TestHintForAFirstStart(t *testing.T) {
	hint := func(src config.Source) string {
		var problems *config.ProblemsError
		if _, _, err := config.Load(src); !errors.As(err, &problems) {
			t.Fatalf("got %v", err)
		}
		return problems.Hint
	}
	if got := hint(source(nil)); !strings.Contains(got, "edge-proxy render-config") {
		t.Errorf("without a configuration: %q", got)
	}
	if got := hint(withFile("{}")); got != "" {
		t.Errorf("with a file: %q", got)
	}
	if got := hint(source(nil, keys, "SERVER_PORT=x")); got != "" {
		t.Errorf("with keys: %q", got)
	}
}
