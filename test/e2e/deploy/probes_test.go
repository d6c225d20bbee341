package deploy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// Probes request paths that exist, and the right ones: while Flagsmith is away, a
// proxy without documents is alive and not ready.
func TestProbesAskTheRightPaths(t *testing.T) {
	upstream := harness.StartUpstream(t)
	config := map[string]any{
		"api_url":               upstream.APIURL(),
		"environment_key_pairs": []map[string]any{{"server_side_key": "ser.key_of_nobody_0815", "client_side_key": "client_of_nobody"}},
	}
	upstream.Kill(t)
	proxy := harness.StartProxy(t, harness.Setup{Config: config})
	status := func(path string) int {
		response, err := harness.Raw(proxy.Address, harness.RawRequest{Method: "GET", Target: path})
		if err != nil {
			t.Fatal(err)
		}
		return response.Status
	}
	for _, m := range manifests(t) {
		container := m.workload(t).Spec.Template.Spec.Containers[0]
		port := "http"
		if load(t, m).Server.HTTPPort.Chosen { // a kubelet has no certificate
			port = "plain"
		}
		for name, check := range map[string]struct {
			probe probe
			want  int
		}{"startup": {container.StartupProbe, 200}, "liveness": {container.LivenessProbe, 200}, "readiness": {container.ReadinessProbe, 503}} {
			if got := status(check.probe.HTTPGet.Path); got != check.want || check.probe.HTTPGet.Port != port || check.probe.TimeoutSeconds < 1 {
				t.Errorf("%s: %s probe %+v: %d, want %d", m.name, name, check.probe, got, check.want)
			}
		}
	}

	// The container's own checks, which are commands.
	address := "http://" + proxy.Address
	for _, check := range []struct {
		name    string
		command []string
		code    int
	}{
		{"ECS", readTask(t).ContainerDefinitions[0].HealthCheck.Command, 0},
		{"the image", imageCheck(t), 1},
	} {
		if len(check.command) < 2 || check.command[0] != "CMD" || check.command[1] != "/edge-proxy" {
			t.Errorf("%s: %v; the image has no shell, and the binary is /edge-proxy", check.name, check.command)
			continue
		}
		got := harness.Run(t, harness.Setup{Args: append(slices.Clone(check.command[2:]), "--url", address)})
		if got.Code != check.code {
			t.Errorf("%s: %v: %+v", check.name, check.command, got)
		}
	}
}

// imageCheck returns the image's own check: readiness, as in the original.
func imageCheck(t *testing.T) []string {
	t.Helper()
	_, check, found := strings.Cut(readFile(t, repository+"/Dockerfile"), "HEALTHCHECK ")
	_, list, also := strings.Cut(check, "CMD [")
	list, _, last := strings.Cut(list, "]")
	if !found || !also || !last {
		t.Fatal("the Dockerfile has no HEALTHCHECK")
	}
	command := []string{"CMD"}
	for _, word := range strings.Split(list, ",") {
		command = append(command, strings.Trim(word, ` "`))
	}
	return command
}
