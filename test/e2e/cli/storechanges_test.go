package cli_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// A store in a file is looked into while a proxy uses it, through that proxy; commands
// that change it are refused and name the process.
func TestStoreOfARunningProxy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "documents.db")
	config := with(harness.StartUpstream(t).Serve(t, shop()), "store", map[string]any{"url": "bolt://" + path})
	port := harness.FreePort(t)
	config["admin"] = map[string]any{"port": port}
	proxy := harness.StartProxy(t, harness.Setup{Config: config})
	proxy.WaitReady(t)
	run := func(args ...string) harness.Result {
		return harness.Run(t, harness.Setup{Config: config, Args: append([]string{"store"}, args...)})
	}
	asked := []string{"is in use: asking the proxy that uses it, at http://127.0.0.1:"}
	expect(t, run("list"), 0, []string{clientKey, "2026-01-02T03:04:05Z"}, asked)
	expect(t, run("list", "--json"), 0, []string{`{"key":"` + clientKey + `","bytes":`, `"updated_at":"2026-01-02T03:04:05Z"`}, asked)
	expect(t, run("get", clientKey, "--stat"), 0, []string{"key         " + clientKey, "sha256"}, asked)
	expect(t, run("get", "nobody"), 1, nil, []string{"no document under nobody"})
	expect(t, run("verify"), 0, []string{clientKey + ": ok, ", "1 document(s), 0 failed"}, asked)
	export := filepath.Join(dir, "export")
	expect(t, run("export", export), 0, []string{"exported 1 document(s)"}, asked)
	if got := read(t, filepath.Join(export, clientKey+".json")); got != string(document(clientKey)) {
		t.Errorf("the export holds %s", got)
	}
	expect(t, run("diff", export), 0, []string{"no difference between 1 document(s)"}, asked)
	for _, args := range [][]string{{"delete", clientKey, "--yes"}, {"import", export}} {
		expect(t, run(args...), 1, nil, []string{path, "in use by another process (process "})
	}

	// Named by --admin, the proxy is asked for whichever store it has.
	admin := config["admin"].(map[string]any)["port"].(int)
	memory := with(config, "store", map[string]any{"url": "memory:"})
	other := harness.Run(t, harness.Setup{Config: memory, Args: []string{"store", "list", "--admin", "http://127.0.0.1:" + strconv.Itoa(admin)}})
	expect(t, other, 0, []string{clientKey}, nil)
	// The proxy at the configured admin listener has another store.
	expect(t, harness.Run(t, harness.Setup{Config: memory, Args: []string{"store", "list"}}), 2, nil, []string{`the store "memory:" is inside the process`})
	stop(t, proxy)
	expect(t, run("list"), 0, []string{clientKey}, nil)
}

func TestStoreVerifyDiffAndDelete(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, export := filepath.Join(dir, "documents.db"), filepath.Join(dir, "export")
	proxy, _ := filled(t, harness.StartUpstream(t), path)
	stop(t, proxy)
	expect(t, harness.Run(t, storeOf(path, "verify", "--json")), 0, []string{`"key": "` + clientKey + `"`, `"ok": true`, `"failed": 0`}, nil)
	expect(t, harness.Run(t, storeOf(path, "export", export, "--json")), 0, []string{`"exported": 1`, `"left_out": []`}, nil)

	moved := filepath.Join(dir, "moved.db")
	expect(t, harness.Run(t, storeOf(moved, "import", export, "--json")), 0, []string{`"imported": 1`, `"` + clientKey + `": "imported"`}, nil)
	expect(t, harness.Run(t, storeOf(path, "diff", "bolt://"+moved)), 0, []string{"no difference between 1 document(s)"}, nil)

	// Another document under another key, which is not that of its environment.
	changed := strings.NewReplacer(`"fast"`, `"slow"`, `"Shop"`, `"Store"`).Replace(string(document(clientKey)))
	if err := os.Mkdir(filepath.Join(dir, "documents"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "documents", clientKey+".json")
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	second := filepath.Join(dir, "second.db")
	offline := harness.StartProxy(t, harness.Setup{Config: map[string]any{
		"api_url": "file://" + filepath.Join(dir, "documents"), "store": map[string]any{"url": "bolt://" + second},
		"environment_key_pairs": []any{map[string]any{"server_side_key": serverKey, "client_side_key": clientKey}},
	}})
	offline.WaitReady(t)
	stop(t, offline)
	expect(t, harness.Run(t, storeOf(path, "diff", "bolt://"+second)), 1, []string{clientKey + ": differs\n", "~ feature checkout", `"fast" → "slow"`}, nil)
	expect(t, harness.Run(t, storeOf(path, "diff", "bolt://"+second, "--json")), 1, []string{`"different": true`, `"what": "differs"`, `"changed": [`}, nil)

	expect(t, harness.Run(t, storeOf(second, "delete", clientKey)), 2, nil, []string{"nobody can be asked, so say --yes"})
	expect(t, harness.Run(t, storeOf(second, "delete", "nobody", "--yes")), 1, nil, []string{"no document under nobody"})
	expect(t, harness.Run(t, storeOf(second, "delete", clientKey, "--yes")), 0, []string{clientKey + ": deleted\n"}, nil)
	expect(t, harness.Run(t, storeOf(second, "list", "--json")), 0, nil, nil)
	expect(t, harness.Run(t, storeOf(path, "diff", "bolt://"+second)), 1, []string{clientKey + ": only here\n"}, nil)
	expect(t, harness.Run(t, storeOf(second, "diff", export)), 1, []string{clientKey + ": only in the other\n"}, nil)
	expect(t, harness.Run(t, storeOf(second, "diff", filepath.Join(dir, "nothing"))), 1, nil, []string{"no such file"})
	absent := filepath.Join(dir, "absent.db")
	for _, args := range [][]string{{"verify"}, {"diff", export}, {"delete", clientKey, "--yes"}} {
		expect(t, harness.Run(t, storeOf(absent, args...)), 1, nil, []string{"there is no file " + absent})
	}

	// A document that was changed in an export does not pass.
	bad := filepath.Join(export, clientKey+".json")
	if err := os.WriteFile(bad, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, harness.Run(t, storeOf(path, "diff", export)), 1, []string{clientKey + ": differs: in the other: ", "is not what was exported"}, nil)
}
