//go:build deploy

package deploy_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// podsRun runs the image as a kubelet would run the manifests: with their mounts,
// as their user, on a read-only file system. The documents come from a directory,
// since the test has no Flagsmith.
func podsRun(t *testing.T, image string) {
	ran := 0
	for _, m := range manifests(t) {
		if _, discovers := m.variables(t)["PROXY_KEY_FILE"]; discovers {
			continue // a Flagsmith lists its environments
		}
		ran++
		t.Run(m.name, func(t *testing.T) { podRuns(t, image, m) })
	}
	if ran < 4 {
		t.Errorf("only %d pods were run", ran)
	}
}

func podRuns(t *testing.T, image string, m manifest) {
	root := t.TempDir()
	if err := os.Chmod(filepath.Dir(root), 0o755); err != nil {
		t.Fatal(err)
	}
	put := func(name, text string) {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range m.files(t) {
		put(name, text)
	}
	for _, key := range []string{"client_key_of_the_shop", "client_key_of_the_blog"} {
		put("/srv/"+key+".json", string(environment(key, "2026-01-02T03:04:05Z", "on")))
	}

	arguments := []string{"run", "-d", "--user", "10001:10001", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
		"--health-interval", "1s", "-v", root + "/srv:/srv:ro", "-e", "API_URL=file:///srv"}
	for name, value := range m.variables(t) {
		arguments = append(arguments, "-e", name+"="+value)
	}
	for _, mount := range m.workload(t).Spec.Template.Spec.Containers[0].VolumeMounts {
		outside, mode := root+mount.MountPath, ":ro"
		if !mount.ReadOnly {
			mode = ""
			if err := os.MkdirAll(outside, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(outside, 0o777); err != nil { // as fsGroup does for the pod's group
				t.Fatal(err)
			}
		}
		arguments = append(arguments, "-v", outside+":"+mount.MountPath+mode)
	}
	id, code := tool(t, "docker", append(arguments, image)...)
	if id = strings.TrimSpace(id); code != 0 {
		t.Fatal(id)
	}
	t.Cleanup(func() {
		log, _ := tool(t, "docker", "logs", id)
		for _, secret := range []string{"ser.key_of", "hidden_word"} {
			if strings.Contains(log, secret) {
				t.Error("the log has a secret")
			}
		}
		if t.Failed() {
			t.Log(log)
		}
		tool(t, "docker", "rm", "-f", "-v", id)
	})
	awaitHealthy(t, id)               // readiness, by the image's own check
	for _, pod := range m.of("Pod") { // that of "helm test", which asks the Service
		command := slices.Clone(pod.Spec.Containers[0].Command)
		last := len(command) - 1
		u, err := url.Parse(command[last])
		if err != nil {
			t.Fatal(err)
		}
		u.Host = fmt.Sprintf("127.0.0.1:%d", load(t, m).Server.Port)
		command[last] = u.String()
		if out, code := tool(t, "docker", append([]string{"exec", id}, command...)...); code != 0 {
			t.Errorf("%q: exit code %d\n%s", command, code, out)
		}
	}
	if file, isBolt := strings.CutPrefix(load(t, m).Store.URL.Reveal(), "bolt://"); isBolt {
		if _, err := os.Stat(root + file); err != nil {
			t.Errorf("documents were not stored: %v", err)
		}
	}
}

// variables returns those of the container.
func (m manifest) variables(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, v := range m.workload(t).Spec.Template.Spec.Containers[0].Env {
		found[v.Name] = v.Value
	}
	return found
}
