package admin_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

const (
	clientKey = "client_of_the_shop"
	serverKey = "ser.key_of_the_shop_4711"
)

// serving returns the configuration of a proxy for one environment, with the settings of
// its admin listener.
func serving(t *testing.T, admin map[string]any) map[string]any {
	t.Helper()
	config := harness.StartUpstream(t).Serve(t, fakeflagsmith.Simple(clientKey, serverKey, "Shop", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))
	config["admin"] = admin
	return config
}

// ask is harness.Ask, which the tests here call often.
func ask(t *testing.T, method, url string, headers ...string) (int, string) {
	t.Helper()
	return harness.Ask(t, method, url, headers...)
}

func TestAdminListener(t *testing.T) {
	t.Parallel()
	proxy := harness.StartOperated(t, harness.Setup{Config: serving(t, nil)})
	admin := proxy.Admin
	address := strings.TrimPrefix(admin, "http://")
	if event := proxy.WaitEvent(t, time.Second, "admin_listening"); event.Text("address") != address {
		t.Errorf("logged %v", event)
	}
	for path, want := range map[string]string{
		"/healthz": "ok\n", "/readyz": "ok\n", "/readyz/" + clientKey: "fresh, confirmed ", "/status.json": `"summary": "Serving 1 of 1 environment. `, "/": "<h1 class=\"\">Serving 1 of 1 environment. ",
		"/environments/" + clientKey: `"name": "Shop"`, "/environments/" + clientKey + "/document": `"api_key":"` + clientKey, "/events": `"kind": "document_loaded"`,
		"/config": `"key": "admin.port"`, "/version": `"go": "go1.`,
	} {
		if status, body := ask(t, "GET", admin+path); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, action := range []string{"POST /refresh", "POST /refresh/" + clientKey, "POST /log-level", "POST /drain", "DELETE /drain", "POST /explain", "POST /diff", "POST /environments/" + clientKey + "/accept", "POST /environments/" + clientKey + "/pin", "POST /environments/" + clientKey + "/rollback", "PUT /environments/" + clientKey + "/overrides/banner"} {
		method, path, _ := strings.Cut(action, " ")
		if status, body := ask(t, method, admin+path); status != 401 {
			t.Errorf("%s without the token: %d %s", action, status, body)
		}
	}
	for _, foreign := range [][]string{{"Host", "evil.example"}, {"Origin", "https://evil.example"}} {
		got, err := harness.Raw(address, harness.RawRequest{Method: "GET", Target: "/status.json", Headers: [][2]string{{foreign[0], foreign[1]}}})
		if err != nil || got.Status != 403 {
			t.Errorf("%v: %d %s %v", foreign, got.Status, got.Body, err)
		}
	}
}

// What the admin listener answers is not on the port of applications, in whatever way it
// is asked for: there these paths are like any other that does not exist.
func TestNothingOfItIsOnThePublicPort(t *testing.T) {
	t.Parallel()
	const token = "a_token_of_operators"
	proxy := harness.StartProxy(t, harness.Setup{Config: serving(t, map[string]any{"port": harness.FreePort(t), "token": token, "pprof": true})})
	proxy.WaitReady(t)
	paths := []string{"/metrics", "/healthz", "/readyz", "/readyz/" + clientKey, "/", "/status", "/status.json", "/environments/" + clientKey, "/environments/" + clientKey + "/document", "/events", "/config", "/version", "/debug/pprof/", "/debug/pprof/heap", "/refresh", "/refresh/" + clientKey, "/log-level", "/drain", "/explain", "/diff", "/environments/" + clientKey + "/pin"}
	forms := []func(string) string{
		func(p string) string { return p },
		func(p string) string { return p + "/" },
		func(p string) string { return p + "?verbose" },
		func(p string) string { return "/" + p },
		func(p string) string { return "/." + p },
		func(p string) string { return "/x/.." + p },
		func(p string) string { return "/proxy" + p },
		func(p string) string { return "/" + percent(p[1:]) },
		func(p string) string { return "http://localhost:8001" + p },
		strings.ToUpper,
	}
	send := func(method, target string, tokenised bool) harness.RawResponse {
		headers := [][2]string{{"Host", "localhost:8001"}}
		if tokenised {
			headers = append(headers, [2]string{"Authorization", "Bearer " + token})
		}
		got, err := harness.Raw(proxy.Address, harness.RawRequest{Method: method, Target: target, Headers: headers})
		if err != nil {
			t.Fatalf("%s %s: %v", method, target, err)
		}
		return got
	}
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "TRACE"} {
		nothing := send(method, "/no-such-path", true)
		for _, path := range paths {
			for i, form := range forms {
				got := send(method, form(path), true)
				if got.Status != nothing.Status || string(got.Body) != string(nothing.Body) {
					t.Errorf("%s %s (form %d): %d %s, want %d %s", method, form(path), i, got.Status, got.Body, nothing.Status, nothing.Body)
				}
			}
		}
	}
}

// percent encodes every byte.
func percent(text string) string {
	var out strings.Builder
	for _, c := range []byte(text) {
		fmt.Fprintf(&out, "%%%02X", c)
	}
	return out.String()
}

func TestPortThatIsTaken(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	got := harness.Run(t, harness.Setup{Config: serving(t, map[string]any{"port": port})})
	if want := fmt.Sprintf("admin.port %d is taken on 127.0.0.1: set it to a free port, or to 0 for no admin listener", port); got.Code != 1 || !strings.Contains(got.Stdout, want) {
		t.Errorf("exit code %d, printed %s%s", got.Code, got.Stdout, got.Stderr)
	}
}

// Two proxies on one machine start without a setting, whichever has the default port.
func TestDefaultPortThatIsTaken(t *testing.T) {
	t.Parallel()
	// Proxies of other tests may have it for a moment; then it is free when this one starts.
	wait.ForSuccess(t, time.Minute, "the port", func() error {
		taken, err := net.Listen("tcp", "127.0.0.1:8001")
		if err == nil {
			t.Cleanup(func() { _ = taken.Close() })
		}
		return err
	})
	config := serving(t, nil)
	delete(config, "admin")
	proxy := harness.StartProxy(t, harness.Setup{Config: config, Env: map[string]string{"ADMIN_PORT": ""}})
	proxy.WaitReady(t)
	event := proxy.WaitEvent(t, time.Second, "admin_listener_missing")
	if event.Text("effect") != "the proxy serves without its admin listener" || event.Text("do") == "" {
		t.Errorf("logged %v", event)
	}
}

// On an address that others can reach, only what probes need is answered without a
// token, which may change while the proxy runs.
func TestAddressThatIsNotALoopbackAddress(t *testing.T) {
	t.Parallel()
	port, file := harness.FreePort(t), filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("first_token_of_all\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy := harness.StartProxy(t, harness.Setup{Config: serving(t, map[string]any{"host": "0.0.0.0", "port": port, "token": map[string]string{"file": file}})})
	proxy.WaitReady(t)
	admin := "http://127.0.0.1:" + strconv.Itoa(port)
	statuses := func(headers ...string) string {
		probe, _ := ask(t, "GET", admin+"/readyz", headers...)
		page, _ := ask(t, "GET", admin+"/status.json", headers...)
		action, _ := ask(t, "POST", admin+"/no-such-action", headers...)
		return fmt.Sprint(probe, page, action)
	}
	for _, tt := range []struct{ sent, want string }{{"", "200 401 401"}, {"Bearer wrong_token_of_all", "200 401 401"}, {"Bearer first_token_of_all", "200 200 404"}} {
		if got := statuses("Authorization", tt.sent); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.sent, got, tt.want)
		}
	}
	if err := os.WriteFile(file, []byte("second_token_of_all\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wait.Until(t, 10*time.Second, "the new token", func() bool { return statuses("Authorization", "Bearer second_token_of_all") == "200 200 404" })
	if got := statuses("Authorization", "Bearer first_token_of_all"); got != "200 401 401" {
		t.Errorf("the former token: %s", got)
	}
}
