package example_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

const (
	module = "../../../docs/examples/filestore"
	// patience is for compiling everything with the race detector, and for the
	// conformance suite.
	patience = 9 * time.Minute
)

// goTool runs the Go tool in the example's module. It changes neither go.mod nor
// go.sum: what is committed has to do.
func goTool(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	output, err := cmd.CombinedOutput()
	if err != nil {
		hint := ""
		if strings.Contains(string(output), "go mod tidy") || strings.Contains(string(output), "missing go.sum entry") {
			hint = "\nRun \"go mod tidy\" in docs/examples/filestore: the dependencies of the project have changed."
		}
		t.Fatalf("go %s: %v\n%s%s", strings.Join(args, " "), err, output, hint)
	}
	return string(output)
}

// build adds the build flags of the test to a command, so that the example's module uses
// what is compiled already. Data for debuggers would make linking slower.
func build(command string, args ...string) []string {
	return slices.Concat([]string{command}, harness.BuildFlags(), []string{"-ldflags=-w"}, args)
}

func TestModule(t *testing.T) {
	output := goTool(t, build("test", "-vet=off", "-count=1", "-v", "-run", "^Test", "./...")...)
	for _, want := range []string{"--- PASS: TestConformance ", "--- PASS: TestConformance/watch-put ", "--- PASS: TestConformance/unavailable-and-back "} {
		if !strings.Contains(output, want) {
			t.Errorf("no %q in the output", want)
		}
	}
	if strings.Contains(output, "--- SKIP") {
		t.Error("cases were skipped")
	}
	if t.Failed() {
		t.Log(output)
	}
}

const (
	clientKey = "client_of_the_shop"
	serverKey = "ser.key_of_the_shop_4711"
)

func shop() fakeflagsmith.Environment {
	return fakeflagsmith.Environment{ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: fmt.Appendf(nil,
		`{"api_key":%q,"name":"Shop","updated_at":"2026-01-02T03:04:05+00:00",`+
			`"feature_states":[{"django_id":1,"feature":{"id":1,"name":"checkout","type":"STANDARD"},"enabled":true,"feature_state_value":"fast","multivariate_feature_state_values":[]}],`+
			`"project":{"segments":[]}}`, clientKey)}
}

// The proxy with the example's store starts from it while upstream is away, and its
// commands know it.
func TestProxyWithTheStore(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "edge-proxy")
	goTool(t, build("build", "-o", binary, "./cmd/edge-proxy")...)

	directory := t.TempDir()
	upstream := harness.StartUpstream(t)
	config := upstream.Serve(t, shop())
	config["store"] = map[string]any{"url": "dir://" + directory}
	config["health_check"] = map[string]any{"environment_update_grace_period_seconds": nil}
	setup := harness.Setup{Binary: binary, Config: config}

	first := harness.StartProxy(t, setup)
	first.WaitReady(t)
	// Beside the running proxy: the store is shared.
	list := harness.Run(t, harness.Setup{Binary: binary, Args: []string{"store", "list", "--store", "dir://" + directory}})
	if list.Code != 0 || !strings.Contains(list.Stdout, clientKey) {
		t.Errorf("store list: %+v", list)
	}
	first.Signal(t, syscall.SIGTERM)
	if code := first.Wait(t, 20*time.Second); code != 0 {
		t.Fatalf("the proxy ended with exit code %d", code)
	}

	upstream.Kill(t)
	second := harness.StartProxy(t, setup)
	second.WaitReady(t)
	response, err := harness.Raw(second.Address, harness.RawRequest{
		Method: "GET", Target: "/api/v1/flags/", Headers: [][2]string{{"X-Environment-Key", clientKey}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if response.Status != http.StatusOK || !strings.Contains(string(response.Body), `"feature_state_value":"fast"`) {
		t.Errorf("flags: %d %s", response.Status, response.Body)
	}

	refused := harness.Run(t, harness.Setup{Binary: binary, Args: []string{"store", "list", "--store", "s3://bucket"}})
	if refused.Code != 2 || !strings.Contains(refused.Stderr, "bolt:, dir:, memory:") {
		t.Errorf("an unknown scheme: %+v", refused)
	}
}
