package admin_test

import (
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// A rollback and an override apply at once, survive a restart and end on time, by the
// commands.
func TestMeasures(t *testing.T) {
	t.Parallel()
	const token = "token_for_operators"
	port := harness.FreePort(t)
	upstream := harness.StartUpstream(t)
	config := upstream.Serve(t, shopWith(t, 1, time.Now().Add(-time.Hour)))
	config["admin"] = map[string]any{"port": port, "token": token}
	config["api_poll_frequency_seconds"] = 0.2
	config["store"] = map[string]any{"url": "bolt://" + filepath.Join(t.TempDir(), "store.db")}
	admin := "http://127.0.0.1:" + strconv.Itoa(port)
	command := func(args ...string) harness.Result {
		t.Helper()
		args = append(args, "--admin", admin)
		return harness.Run(t, harness.Setup{Args: args, Env: map[string]string{"ADMIN_TOKEN": token}})
	}
	do := func(want string, args ...string) {
		t.Helper()
		if got := command(args...); got.Code != 0 || !strings.Contains(got.Stdout, want) {
			t.Fatalf("%v: %+v", args, got)
		}
	}
	proxy := harness.StartProxy(t, harness.Setup{Config: config})
	proxy.WaitReady(t)
	features := func(n int) {
		t.Helper()
		wait.Until(t, 10*time.Second, strconv.Itoa(n)+" features", func() bool {
			_, body := ask(t, "GET", "http://"+proxy.Address+"/api/v1/flags/", "X-Environment-Key", clientKey)
			return strings.Count(body, `"feature_state_value"`) == n
		})
	}
	flag := func() string {
		_, body := ask(t, "GET", "http://"+proxy.Address+"/api/v1/flags/?feature=feature_0", "X-Environment-Key", clientKey)
		return body
	}
	if err := upstream.PutEnvironment(t.Context(), shopWith(t, 3, time.Now().Add(-time.Minute))); err != nil {
		t.Fatal(err)
	}
	features(3)
	wait.Until(t, 10*time.Second, "a history", func() bool {
		_, body := ask(t, "GET", admin+"/environments/"+clientKey+"/history")
		return strings.Contains(body, `"version": 1`)
	})
	if _, body := ask(t, "GET", admin+"/environments/"+clientKey+"/document?version=1"); strings.Count(body, `"feature_state_value"`) != 1 {
		t.Errorf("the former document: %s", body)
	}
	do("VERSION", "history", clientKey)
	do("is pinned until", "rollback", clientKey, "--for", "1h", "--reason", "a drill", "--author", "ada")
	features(1)
	do("feature_0 is off until", "override", clientKey, "feature_0", "--off", "--value", `"none"`, "--for", "1h", "--reason", "a drill")
	wait.Until(t, 5*time.Second, "the override", func() bool { return strings.Contains(flag(), `"none"`) })
	if body := flag(); !strings.Contains(body, `"enabled":false`) {
		t.Errorf("the flag: %s", body)
	}
	proxy.Signal(t, syscall.SIGTERM)
	if code := proxy.Wait(t, 20*time.Second); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	proxy = harness.StartProxy(t, harness.Setup{Config: config})
	proxy.WaitReady(t)
	features(1)
	if body := flag(); !strings.Contains(body, `"none"`) {
		t.Errorf("after a restart: %s", body)
	}
	if _, body := ask(t, "GET", admin+"/status.json"); !strings.Contains(body, `"author": "ada"`) || !strings.Contains(body, `"feature": "feature_0"`) {
		t.Errorf("the status: %s", body)
	}
	do("feature_0 is on until", "override", clientKey, "feature_0", "--on", "--for", "1s", "--reason", "it works again")
	wait.Until(t, 10*time.Second, "its end", func() bool { return strings.Contains(flag(), "from Flagsmith") })
	proxy.WaitEvent(t, 5*time.Second, "measure_ends")
	do("the pin has ended", "pin", clientKey, "--end")
	features(3)
	for _, wrong := range [][]string{
		{"pin", clientKey}, {"pin", clientKey, "1"}, {"pin", clientKey, "1", "--for", "25h", "--reason", "x"}, {"pin", clientKey, "1", "--for", "1h"},
		{"rollback", clientKey, "--reason", "x"}, {"override", clientKey, "feature_0", "--for", "1h", "--reason", "x"},
		{"override", clientKey, "feature_0", "--on", "--off", "--for", "1h", "--reason", "x"}, {"override", clientKey, "feature_0", "--on", "--value", "x", "--for", "1h", "--reason", "x"},
	} {
		if got := command(wrong...); got.Code != 2 {
			t.Errorf("%v: %+v", wrong, got)
		}
	}
	if got := command("override", clientKey, "nope", "--on", "--for", "1h", "--reason", "x"); got.Code != 1 || !strings.Contains(got.Stderr, "no feature of that name") {
		t.Errorf("an unknown feature: %+v", got)
	}
}
