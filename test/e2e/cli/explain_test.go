package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/app/inspect"
	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// grown is the shop's document with a segment, a split and an identity override.
func grown() string {
	return `{"api_key":"` + clientKey + `","name":"Shop","updated_at":"2026-01-02T03:04:05Z","feature_states":[
		{"django_id":42,"feature":{"id":1,"name":"checkout"},"enabled":true,"feature_state_value":"v1","multivariate_feature_state_values":[
			{"id":1,"percentage_allocation":30,"multivariate_feature_option":{"value":"v2","key":"second"}},
			{"id":2,"percentage_allocation":70,"multivariate_feature_option":{"value":"v3","key":"third"}}]},
		{"django_id":43,"feature":{"id":2,"name":"payments"},"enabled":false,"feature_state_value":null}],
		"identity_overrides":[{"identifier":"bob","identity_features":[{"feature":{"id":2,"name":"payments"},"enabled":true,"feature_state_value":"all"}]}],
		"project":{"segments":[{"id":7,"name":"adults_pro","rules":[{"type":"ALL","rules":[],"conditions":[
			{"operator":"EQUAL","property_":"plan","value":"pro"},
			{"operator":"GREATER_THAN_INCLUSIVE","property_":"age","value":"18"},
			{"operator":"EQUAL","property_":"$.flags.payments.enabled","value":"false"}]}],
		"feature_states":[{"feature":{"id":1,"name":"checkout"},"enabled":true,"feature_state_value":"pro","feature_segment":{"priority":1}}]}]}}`
}

func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func explain(t *testing.T, setup harness.Setup, args ...string) harness.Result {
	t.Helper()
	setup.Args = append([]string{"explain"}, args...)
	return harness.Run(t, setup)
}

// The whole text of an explanation.
func TestExplain(t *testing.T) {
	t.Parallel()
	path := file(t, "document.json", grown())
	got := explain(t, harness.Setup{Dir: filepath.Dir(path)}, "--document", "document.json", "--identifier", "ada", "--trait", "plan=pro", "--trait", "age:int=17", "--feature", "checkout")
	want := `checkout = on, "v3"                                      reason SPLIT; weight=70, variant "third"
  1 identity override of "ada"                           none
  2 segment "adults_pro" (priority 1) does not match     would be on, "pro"
      ✗ all of
        ✓ plan EQUAL "pro"                               plan = "pro" (string)
        ✗ age GREATER_THAN_INCLUSIVE "18"                age = 17 (integer)                           ← the first that fails
        ✓ $.flags.payments.enabled EQUAL "false"         $.flags.payments.enabled = false (boolean)
  3 environment default                                  on, "v1", 2 variants                         ← applies
      split by the hash of "42,client_of_the_shop_ada"   68.134 %
        ✗ 0-30 %: "v2"                                   variant "second"
        ✓ 30-100 %: "v3"                                 variant "third"
  depends on
    payments = off                                       reason DEFAULT

from document.json: document of 2026-01-02T03:04:05Z (`
	if text, _, _ := strings.Cut(got.Stdout, "Z ("); got.Code != 0 || text+"Z (" != want {
		t.Errorf("exit code %d, standard error %q, got\n%s\nwant\n%s", got.Code, got.Stderr, got.Stdout, want)
	}
	expect(t, explain(t, harness.Setup{}, "--document", path, "--identifier", "bob", "--feature", "payments"), 0,
		[]string{`payments = on, "all"`, `identity override of "bob"   on, "all"`, "← applies", "would be off"}, nil)
	expect(t, explain(t, harness.Setup{}, "--document", path), 0, []string{`checkout = on, "v1"`, "payments = off", "plan is not set"}, nil)
}

// An identity comes from a file, from standard input or from flags.
func TestExplainAsJSON(t *testing.T) {
	t.Parallel()
	path := file(t, "document.json", grown())
	const body = `{"identifier":"ada","traits":[{"trait_key":"plan","trait_value":"pro"},{"trait_key":"age","trait_value":18}]}`
	var outputs []string
	for _, args := range [][]string{
		{"--identity", file(t, "identity.json", body)}, {"--identity", "-"}, {"--identifier", "ada", "--trait", "plan=pro", "--trait", "age:int=18"},
	} {
		got := explain(t, harness.Setup{Stdin: body}, append(args, "--document", path, "--feature", "checkout", "--json")...)
		expect(t, got, 0, []string{`"flags"`}, nil)
		outputs = append(outputs, got.Stdout)
	}
	if outputs[0] != outputs[1] || outputs[0] != outputs[2] {
		t.Errorf("the answers differ: %q", outputs)
	}
	var e inspect.Explanation
	if err := json.Unmarshal([]byte(outputs[0]), &e); err != nil || len(e.Flags) != 1 {
		t.Fatalf("%s: %v", outputs[0], err)
	}
	if f := e.Flags[0]; f.Feature != "checkout" || !f.Enabled || string(f.Value) != `"pro"` || !strings.Contains(f.Reason, "adults_pro") || len(f.Steps) != 3 || !f.Steps[1].Applies {
		t.Errorf("flag %+v", f)
	}
}

// Documents come from the API and from the store, too, and are compared.
func TestExplainComparesDocuments(t *testing.T) {
	t.Parallel()
	upstream := harness.StartUpstream(t)
	environment := fakeflagsmith.Environment{ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: []byte(grown())}
	store := filepath.Join(t.TempDir(), "documents.db")
	config := with(upstream.Serve(t, environment), "store", map[string]any{"url": "bolt://" + store})
	proxy := harness.StartProxy(t, harness.Setup{Config: config})
	proxy.WaitReady(t)
	stop(t, proxy)
	setup := harness.Setup{Config: config}
	for _, place := range []string{"api", "store"} {
		expect(t, explain(t, setup, "--document", place, "--feature", "payments"), 0, []string{"payments = off", "from " + place + ": document of 2026-01-02T03:04:05Z"}, nil)
	}
	expect(t, explain(t, setup, "--document", "store", "--compare", "api", "--identifier", "ada"), 0, []string{"0 of 2 flags differ in api"}, nil)

	other := file(t, "other.json", strings.ReplaceAll(grown(), `"v3"`, `"v4"`))
	got := explain(t, setup, "--document", other, "--compare", "api", "--identifier", "ada")
	expect(t, got, 1, []string{`checkout = on, "v4"`, "1 of 2 flags differ in api", `checkout = on, "v3"`}, nil)
	got = explain(t, setup, "--document", other, "--compare", "api", "--identifier", "ada", "--json")
	expect(t, got, 1, []string{`"with": "api"`, `"different": [`}, nil)
	upstream.Kill(t)
	expect(t, explain(t, setup, "--document", "api"), 1, nil, []string{"edge-proxy explain: api: fetching the document", "nothing listens there"})
}

func TestExplainSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	path := file(t, "document.json", grown())
	for _, test := range []struct {
		args []string
		code int
		want []string
	}{
		{nil, 2, []string{"admin.port is 0", "--admin"}},
		{[]string{"--admin", "localhost:8001"}, 2, []string{"--admin must be like http://127.0.0.1:8001"}},
		{[]string{"--admin", "http://127.0.0.1:1"}, 1, []string{"proxy: nothing listens on 127.0.0.1:1"}},
		{[]string{"--document", path, "--identity", path, "--identifier", "ada"}, 2, []string{"--identity goes without --identifier"}},
		{[]string{"--document", path, "--trait", "age:int=old"}, 2, []string{`--trait age:int=old: "old" is not a number of the type int, such as 17`}},
		{[]string{"--document", path, "--trait", "age"}, 2, []string{"KEY:TYPE=VALUE"}},
		{[]string{"--document", path, "--feature", "Checkout"}, 1, []string{path, `does not have the feature "Checkout" among its 2`, "case-sensitive"}},
		{[]string{"--document", filepath.Join(filepath.Dir(path), "none.json")}, 1, []string{"none.json", "no such file"}},
		{[]string{"--document", path, "--identity", filepath.Dir(path)}, 1, []string{"directory"}},
		{[]string{"--document", file(t, "list.json", `[]`)}, 1, []string{"list.json", "not a usable environment document", "not an object"}},
		{[]string{"--document", path, "--identity", file(t, "bad.json", `{"traits":[{"trait_key":"a","trait_value":[]}]}`)}, 1, []string{"bad.json: traits[0].trait_value is not a text, a number"}},
		{[]string{"--document", path, "--identity", file(t, "long.json", strings.Repeat(" ", 1<<20+1))}, 1, []string{"at most 1048576 bytes"}},
		{[]string{"--document", "api"}, 2, []string{"environment_key_pairs is missing"}},
		{[]string{"--document", "store"}, 2, []string{`the store "memory:" is inside the process`}},
		{[]string{"--document", path, "extra"}, 2, []string{`unexpected argument "extra"`}},
	} {
		expect(t, explain(t, harness.Setup{}, test.args...), test.code, nil, test.want)
	}
	upstream := harness.StartUpstream(t)
	two := upstream.Serve(t, shop(), fakeflagsmith.Environment{ClientKey: "client_two", ServerKeys: []string{"ser.key_of_the_second_0815"}, Document: document("client_two")})
	expect(t, explain(t, harness.Setup{Config: two}, "--document", "api"), 1, nil, []string{"there are several environments; name one with --environment: client_of_the_shop, client_two"})
	expect(t, explain(t, harness.Setup{Config: two}, "--document", "api", "--environment", "client_two"), 0, []string{"checkout = on"}, nil)
	expect(t, explain(t, harness.Setup{Config: two}, "--document", "api", "--environment", "client_three"), 1, nil, []string{"client_three is not configured", "client_two"})
}

// What a running proxy serves is explained, compared and, off the loopback address,
// protected by the token.
func TestExplainAsksTheProxy(t *testing.T) {
	t.Parallel()
	const token = "token_for_operators"
	upstream := harness.StartUpstream(t)
	environment := fakeflagsmith.Environment{ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: []byte(grown())}
	port := harness.FreePort(t)
	config := with(upstream.Serve(t, environment), "admin", map[string]any{"host": "0.0.0.0", "port": port, "token": token})
	proxy := harness.StartProxy(t, harness.Setup{Config: config})
	proxy.WaitReady(t)
	setup := harness.Setup{Config: config}
	expect(t, explain(t, setup, "--identifier", "ada", "--feature", "checkout"), 0, []string{`checkout = on, "v3"`, "served by node ", ", via poll: document of 2026-01-02T03:04:05Z"}, nil)
	expect(t, explain(t, setup, "--identifier", "ada", "--json"), 0, []string{`"served_by": {`, `"via": "poll"`}, nil)
	expect(t, explain(t, setup, "--compare", "api", "--identifier", "ada"), 0, []string{"0 of 2 flags differ in api"}, nil)
	diff := setup
	diff.Args = []string{"diff", "proxy", file(t, "other.json", strings.ReplaceAll(grown(), `"v3"`, `"v4"`))}
	expect(t, harness.Run(t, diff), 1, []string{"~ feature checkout", "variants"}, nil)

	// Without the configuration, the address and the token are named.
	address := "http://127.0.0.1:" + strconv.Itoa(port)
	expect(t, explain(t, harness.Setup{}, "--admin", address), 1, nil, []string{"proxy: the admin listener answered 401", "admin.token"})
	wrong, right := file(t, "wrong", "another token"), file(t, "right", token+"\n")
	expect(t, explain(t, harness.Setup{}, "--admin", address, "--token-file", wrong), 1, nil, []string{"answered 401"})
	expect(t, explain(t, harness.Setup{}, "--admin", address+"/", "--token-file", right, "--feature", "payments"), 0, []string{"payments = off"}, nil)
	expect(t, explain(t, harness.Setup{}, "--admin", address, "--token-file", right, "--environment", "nope"), 1, nil, []string{"does not serve the environment nope; it serves " + clientKey})
	expect(t, explain(t, harness.Setup{}, "--admin", proxy.URL, "--token-file", right), 1, nil, []string{"answered 404 to /status.json, and is not an admin listener"})
}

func TestDiff(t *testing.T) {
	t.Parallel()
	before := file(t, "before.json", grown())
	after := file(t, "after.json", strings.NewReplacer(`"value":"18"`, `"value":"21"`, `"enabled":false`, `"enabled":true`, "2026-01-02", "2026-02-03", "\n", " ").Replace(grown()))
	diff := func(setup harness.Setup, args ...string) harness.Result {
		setup.Args = append([]string{"diff"}, args...)
		return harness.Run(t, setup)
	}
	expect(t, diff(harness.Setup{}, before, before), 0, []string{"no difference"}, nil)
	expect(t, diff(harness.Setup{}, before, before, "--json"), 0, []string{`"different": false`}, nil)
	got := diff(harness.Setup{}, before, after)
	const want = `~ feature payments
    enabled: false → true
~ segment "adults_pro" (id 7)
    rules
        - all of
            - age GREATER_THAN_INCLUSIVE "18"
        + all of
            + age GREATER_THAN_INCLUSIVE "21"
`
	if got.Code != 1 || got.Stdout != want || got.Stderr != "" {
		t.Errorf("%+v, want\n%s", got, want)
	}
	const identities = "{\"identifier\":\"ada\"}\n\n{\"identifier\":\"bob\",\"traits\":[{\"trait_key\":\"plan\",\"trait_value\":\"pro\"},{\"trait_key\":\"age\",\"trait_value\":19}]}\n"
	list := file(t, "identities.jsonl", identities)
	expect(t, diff(harness.Setup{}, before, after, "--identities", list), 1, []string{"1 of 2 identities see other values", `line 1, "ada"`, "payments: off → on"}, nil)
	expect(t, diff(harness.Setup{Stdin: identities}, before, after, "--identities", "-", "--json"), 1, []string{`"different": true`, `"identities_compared": 2`, `"number": 1`, `"identifier": "ada"`}, nil)
	expect(t, diff(harness.Setup{}, before, before, "--identities", list), 0, []string{"0 of 2 identities see other values", "no difference"}, nil)

	expect(t, diff(harness.Setup{}, before, after, "--identities", file(t, "bad.jsonl", "{}\n{\n")), 1, nil, []string{"bad.jsonl, line 2: the body is not JSON"})
	expect(t, diff(harness.Setup{}, before), 2, nil, []string{"B is missing"})
	expect(t, diff(harness.Setup{}, before, file(t, "no.json", "{}")), 1, nil, []string{"no.json", "not a usable environment document"})

	config := harness.StartUpstream(t).Serve(t, fakeflagsmith.Environment{ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: []byte(grown())})
	expect(t, diff(harness.Setup{Config: config}, before, "api"), 0, []string{"no difference"}, nil)
	expect(t, diff(harness.Setup{Config: config}, "api", after), 1, []string{"~ feature payments"}, nil)
}
