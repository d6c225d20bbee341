package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/standard"
	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// Each place of documents can be compared with each other one, while a proxy runs on a
// store in a file.
func TestDiffOfAllPlaces(t *testing.T) {
	t.Parallel()
	const token = "a_token_for_the_tests"
	upstream := harness.StartUpstream(t)
	version := func(n int) []byte {
		return []byte(strings.NewReplacer(`"fast"`, fmt.Sprintf(`"v%d"`, n), "2026-01-02", fmt.Sprintf("2026-01-%02d", n)).Replace(string(document(clientKey))))
	}
	put := func(n int) map[string]any {
		return upstream.Serve(t, fakeflagsmith.Environment{ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: version(n)})
	}
	config := put(1)
	config["api_poll_frequency_seconds"] = 3600
	config["admin"] = map[string]any{"port": harness.FreePort(t), "token": token}
	config["store"] = map[string]any{"url": "bolt://" + filepath.Join(t.TempDir(), "documents.db")}
	harness.StartProxy(t, harness.Setup{Config: config}).WaitReady(t)
	run := func(args ...string) harness.Result {
		return harness.Run(t, harness.Setup{Config: config, Args: args})
	}
	put(2)
	expect(t, run("refresh"), 0, []string{"ok, changed"}, nil)
	put(3)

	// What each place has: the API has changed since the last poll.
	places := map[string]int{"proxy": 2, "history:0": 2, "history:1": 1, "api": 3, "store": 2, file(t, "two.json", string(version(2))): 2, file(t, "four.json", string(version(4))): 4}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	path := file(t, "config.json", string(text))
	for a, isA := range places {
		for b, isB := range places {
			// In this process, since there are many pairs.
			var out, problems bytes.Buffer
			code := standard.Run(t.Context(), standard.Process{
				Args: []string{"edge-proxy", "diff", a, b, "--json"}, Environ: []string{"CONFIG_PATH=" + path}, WorkingDir: t.TempDir(), Stdout: &out, Stderr: &problems,
			})
			var c struct{ Different bool }
			if err := json.Unmarshal(out.Bytes(), &c); err != nil || c.Different != (isA != isB) || code != map[bool]int{false: 0, true: 1}[isA != isB] {
				t.Errorf("diff %s %s: %v, exit code %d, %s%s", filepath.Base(a), filepath.Base(b), err, code, &out, &problems)
			}
			if shown := out.String() + problems.String(); strings.Contains(shown, serverKey) || strings.Contains(shown, token) {
				t.Errorf("diff %s %s shows a secret", filepath.Base(a), filepath.Base(b))
			}
		}
	}
	identities := file(t, "identities.jsonl", `{"identifier":"ada"}`+"\n"+`{"identifier":"bob"}`+"\n")
	expect(t, run("diff", "history:1", "proxy", "--identities", identities), 1, []string{"~ feature checkout", "2 of 2 identities see other values", `checkout: on, "v1" → on, "v2"`}, nil)
	got := run("diff", "history:1", "store", "--identities", identities, "--json")
	expect(t, got, 1, []string{`"identities_compared": 2`, `"value": "v1"`}, []string{"is in use: asking the proxy that uses it"})
	expect(t, run("explain", "--document", "history:1"), 0, []string{`checkout = on, "v1"`, "from history:1"}, nil)
	expect(t, run("explain", "--compare", "history:1"), 1, []string{"1 of 1 flags differ in history:1"}, nil)
	expect(t, run("diff", "proxy", "history:7"), 1, nil, []string{"history:7: the admin listener answered 404: ", "no such document"})
	expect(t, run("diff", "proxy", "history:"), 1, nil, []string{"history:", "no such file"})
	expect(t, run("diff", "proxy"), 2, nil, []string{"B is missing"})
}
