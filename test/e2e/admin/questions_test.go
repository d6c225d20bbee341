package admin_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// POST /explain and POST /diff answer with the token, also if the listener is read-only,
// and leave nothing in the log and in the events.
func TestQuestions(t *testing.T) {
	t.Parallel()
	const token = "token_for_operators"
	port := harness.FreePort(t)
	config := serving(t, map[string]any{"port": port, "token": token, "read_only": true})
	config["logging"] = map[string]any{"log_level": "DEBUG", "enable_access_log": true}
	proxy := harness.StartProxy(t, harness.Setup{Config: config})
	proxy.WaitReady(t)
	admin := "http://127.0.0.1:" + strconv.Itoa(port)
	post := func(path, token, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, admin+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		content, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(content)
	}
	for _, test := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"/explain", `{"identifier":"somebody_in_particular","traits":[{"trait_key":"a_private_trait","trait_value":"x"}]}`, 200, `"environment": "` + clientKey + `"`},
		{"/explain", `{"environment":"nope"}`, 404, "does not serve an environment"},
		{"/explain", `{"features":["nope"]}`, 404, `the feature \"nope\"`},
		{"/explain", `[]`, 400, "the body is not an object"},
		{"/diff", `{"a":"proxy","b":"api","identities":[{"identifier":"somebody_in_particular"}]}`, 200, `"different": false`},
		{"/diff", `{"a":"proxy","b":"somewhere"}`, 400, `\"somewhere\" is not a place of documents`},
		{"/diff", `{"a":"proxy","b":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "larger than"},
	} {
		if status, body := post(test.path, token, test.body); status != test.status || !strings.Contains(body, test.want) {
			t.Errorf("%s %.80s: %d %s", test.path, test.body, status, body)
		}
		if status, body := post(test.path, "", test.body); status != 401 {
			t.Errorf("%s without the token: %d %s", test.path, status, body)
		}
	}
	if _, events := ask(t, "GET", admin+"/events"); strings.Contains(events, "explain") || strings.Contains(events, "in_particular") {
		t.Errorf("events: %s", events)
	}
	proxy.Signal(t, syscall.SIGTERM)
	if code := proxy.Wait(t, 20*time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if log := proxy.Output(); strings.Contains(log, "in_particular") || strings.Contains(log, "a_private_trait") {
		t.Errorf("the log has the identity:\n%s", log)
	}
}
