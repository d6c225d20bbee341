package cli_test

import (
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/bolt"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// filled starts a proxy with a store in a file and returns it once the file has the
// shop's document.
func filled(t *testing.T, upstream *harness.Upstream, path string) (*harness.Proxy, map[string]any) {
	t.Helper()
	config := with(upstream.Serve(t, shop()), "store", map[string]any{"url": "bolt://" + path})
	config = with(config, "health_check", map[string]any{"environment_update_grace_period_seconds": nil})
	proxy := harness.StartProxy(t, harness.Setup{Config: config})
	proxy.WaitReady(t)
	return proxy, config
}

func stop(t *testing.T, proxy *harness.Proxy) {
	t.Helper()
	proxy.Signal(t, syscall.SIGTERM)
	if code := proxy.Wait(t, 20*time.Second); code != 0 {
		t.Fatalf("the proxy ended with exit code %d", code)
	}
}

// storeOf is the setup of "edge-proxy store" with args on a file. Nothing but the
// store is configured.
func storeOf(path string, args ...string) harness.Setup {
	return harness.Setup{Args: append([]string{"store"}, args...), Env: map[string]string{"STORE_URL": "bolt://" + path}}
}

// What a proxy stored is listed, shown, exported and imported elsewhere, where the
// next proxy serves it although upstream is away.
func TestStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "documents.db")
	upstream := harness.StartUpstream(t)
	proxy, config := filled(t, upstream, path)

	expect(t, harness.Run(t, storeOf(path, "list")), 1, nil, []string{path, "in use by another process"})
	stop(t, proxy)
	upstream.Kill(t)

	expect(t, harness.Run(t, storeOf(path, "list")), 0, []string{clientKey, "2026-01-02T03:04:05Z"}, nil)
	expect(t, harness.Run(t, storeOf(path, "list", "--json")), 0, []string{`{"key":"` + clientKey + `","bytes":`, `"updated_at":"2026-01-02T03:04:05Z"`}, nil)
	if got := harness.Run(t, storeOf(path, "get", clientKey)); got.Code != 0 || got.Stdout != string(document(clientKey)) {
		t.Errorf("get: %+v", got)
	}
	copied := filepath.Join(dir, "copy.json")
	expect(t, harness.Run(t, storeOf(path, "get", clientKey, "--output", copied)), 0, nil, nil)
	if got := read(t, copied); got != string(document(clientKey)) {
		t.Errorf("get --output wrote %s", got)
	}
	expect(t, harness.Run(t, storeOf(path, "get", "--stat", clientKey)), 0, []string{"key         " + clientKey, "sha256", "version"}, nil)
	expect(t, harness.Run(t, storeOf(path, "get", "nobody")), 1, nil, []string{"no document under nobody"})

	export := filepath.Join(dir, "export")
	expect(t, harness.Run(t, storeOf(path, "export", export)), 0, []string{"exported 1 document(s)"}, nil)
	if got := read(t, filepath.Join(export, clientKey+".json")); got != string(document(clientKey)) {
		t.Errorf("the export holds %s", got)
	}

	moved := filepath.Join(dir, "moved.db")
	expect(t, harness.Run(t, storeOf(moved, "import", export)), 0, []string{clientKey + ": imported"}, nil)
	former, again := harness.Run(t, storeOf(path, "get", "--stat", clientKey)), harness.Run(t, storeOf(moved, "get", "--stat", clientKey))
	version := func(text string) (rest, version string) {
		rest, version, _ = strings.Cut(text, "version")
		return rest, version
	}
	was, wasVersion := version(former.Stdout)
	is, isVersion := version(again.Stdout)
	if was != is || wasVersion == isVersion {
		t.Errorf("was\n%sand is\n%s; want all the same but the version", former.Stdout, again.Stdout)
	}

	next := harness.StartProxy(t, harness.Setup{Config: with(config, "store", map[string]any{"url": "bolt://" + moved})})
	next.WaitReady(t)
	if got := flags(t, next.URL, clientKey); got != shopFlags {
		t.Errorf("flags from the imported document: %s", got)
	}
}

// An export is a directory that a proxy can be served from.
func TestStoreExportIsServed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "documents.db")
	proxy, config := filled(t, harness.StartUpstream(t), path)
	stop(t, proxy)
	export := filepath.Join(t.TempDir(), "export")
	expect(t, harness.Run(t, storeOf(path, "export", export)), 0, []string{"exported 1 document(s)"}, nil)

	config = with(with(config, "api_url", "file://"+export), "store", map[string]any{"url": "memory:"})
	offline := harness.StartProxy(t, harness.Setup{Config: config})
	offline.WaitReady(t)
	if got := flags(t, offline.URL, clientKey); got != shopFlags {
		t.Errorf("flags: %s", got)
	}
}

// The commands need the store's settings and no others, from the file, variables or
// flags, and never show a password.
func TestStoreIsConfigured(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "documents.db")
	begun(t, path)
	stub := []string{"KEY"}
	for name, tt := range map[string]struct {
		setup          harness.Setup
		code           int
		stdout, stderr []string
	}{
		"flag":               {harness.Setup{Args: []string{"store", "list", "--store", "bolt://" + path}}, 0, stub, nil},
		"relative":           {harness.Setup{Args: []string{"store", "list", "--store", "bolt:documents.db"}, Dir: dir}, 0, stub, nil},
		"variable":           {storeOf(path, "list"), 0, stub, nil},
		"file":               {harness.Setup{Args: []string{"store", "list"}, Config: map[string]any{"store": map[string]any{"url": "bolt://" + path}}}, 0, stub, nil},
		"file without keys":  {harness.Setup{Args: []string{"store", "list"}, Config: map[string]any{"environment_key_pairs": []any{}, "store": map[string]any{"url": "bolt://" + path}}}, 0, stub, nil},
		"file that is wrong": {harness.Setup{Args: []string{"store", "list"}, ConfigText: "{"}, 2, nil, []string{"is not valid JSON"}},
		"memory":             {harness.Setup{Args: []string{"store", "list"}}, 2, nil, []string{`"memory:" is inside the process`}},
		"unknown store":      {harness.Setup{Args: []string{"store", "list", "--store", "s3://bucket"}}, 2, nil, []string{`unknown scheme "s3"`, "bolt:", "redis:"}},
		"wrong parameter":    {harness.Setup{Args: []string{"store", "list", "--store", "redis://user:a_long_password@127.0.0.1?tiemout=1s"}}, 2, nil, []string{"tiemout", "timeout"}},
		"Redis is away": {harness.Setup{
			Args: []string{"store", "list"}, Env: map[string]string{"STORE_URL": "redis://user:a_long_password@127.0.0.1:1"},
		}, 1, nil, []string{"store unavailable"}},
		"no such file":           {storeOf(filepath.Join(dir, "document.db"), "list"), 1, nil, []string{"there is no file", "document.db", "store.url"}},
		"directory in its place": {storeOf(dir, "list"), 1, nil, []string{"it is a directory"}},
		"help":                   {harness.Setup{Args: []string{"store", "--help"}}, 0, []string{"list", "get", "export", "import"}, nil},
		"no command":             {harness.Setup{Args: []string{"store"}}, 2, nil, []string{"Usage: edge-proxy store COMMAND"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := harness.Run(t, tt.setup)
			expect(t, got, tt.code, tt.stdout, tt.stderr)
			if strings.Contains(got.Stdout+got.Stderr, "a_long_password") {
				t.Error("the password is shown")
			}
		})
	}
}

// begun makes the file of an empty store.
func begun(t *testing.T, path string) {
	t.Helper()
	store, err := bolt.Open(t.Context(), &url.URL{Scheme: "bolt", Path: path}, ports.StoreDeps{Now: time.Now, Logger: slog.New(slog.DiscardHandler), ReadFile: os.ReadFile})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

// Looking into a store that is not there says so and makes none: a slip in the path
// must not look like an empty store, nor leave a file behind.
func TestStoreThatIsNotThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "directory", "documents.db")
	for _, args := range [][]string{{"list"}, {"list", "--json"}, {"get", clientKey}, {"get", "--stat", clientKey}, {"export", filepath.Join(dir, "export")}} {
		expect(t, harness.Run(t, storeOf(path, args...)), 1, nil, []string{"there is no file " + path})
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A damaged file is set aside with a word about it, and not lost.
// TestStoreThatIsDamaged sees that looking at a file changes nothing about it: it
// may be something else altogether, at a mistyped path.
func TestStoreThatIsDamaged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "documents.db")
	damaged := strings.Repeat("damaged ", 4096)
	if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, harness.Run(t, storeOf(path, "list")), 1, nil, []string{path, "left as it is", "correct store.url"})
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("beside it are %v, %v", files, err)
	}
	if read(t, path) != damaged {
		t.Error("it was changed")
	}
}
