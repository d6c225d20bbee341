//go:build deploy

package deploy_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/certificates"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// Compose with the override for TLS serves HTTPS, and a renewed certificate without a
// restart.
func composeWithTLS(t *testing.T) {
	port, dir := harness.FreePort(t), composeDirectory(t)
	authority := certificates.NewAuthority(t, "authority")
	mounted := filepath.Join(dir, "tls")
	if err := os.Mkdir(mounted, 0o755); err != nil {
		t.Fatal(err)
	}
	issue := func() {
		authority.Issue(t, certificates.Leaf{Names: []string{"127.0.0.1"}}).Write(t, mounted)
		for _, name := range []string{"tls.crt", "tls.key"} {
			if err := os.Chmod(filepath.Join(mounted, name), 0o644); err != nil { // for the container's user
				t.Fatal(err)
			}
		}
	}
	issue()
	c := startCompose(t, dir, []string{composeOne, "docs/deploy/compose/tls.yaml"},
		map[string]string{"config.json": "{}", "keys.json": sampleKeys}, map[string]string{"PORT": fmt.Sprint(port)})
	for _, id := range c.containers(t, "edge-proxy") {
		awaitHealthy(t, id)
	}
	serial := func() string {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority.Pool()}, DisableKeepAlives: true}, Timeout: patience}
		request, err := http.NewRequest(http.MethodGet, fmt.Sprintf("https://127.0.0.1:%d/api/v1/flags/", port), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Environment-Key", "sample_client_key")
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if body, err := io.ReadAll(response.Body); response.StatusCode != http.StatusOK || err != nil {
			t.Errorf("%s %s, %v", response.Status, body, err)
		}
		return response.TLS.PeerCertificates[0].SerialNumber.String()
	}
	before := serial()
	issue()
	wait.Until(t, patience, "the new certificate is served", func() bool { return serial() != before })
}

// The walk through client certificates in docs/tls.md does what it says.
func composeWithClientCertificates(t *testing.T) {
	port, dir := harness.FreePort(t), composeDirectory(t)
	page := readFile(t, repository+"/docs/tls.md")
	_, section, found := strings.Cut(page, "### Trying it\n")
	if section, _, _ = strings.Cut(section, "\n## "); !found {
		t.Fatal("the section is missing")
	}
	block := func(language string) string {
		found := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindStringSubmatch(section)
		if found == nil {
			t.Fatalf("there is no block of %s", language)
		}
		return found[1]
	}
	run := func(command string) string {
		cmd := exec.CommandContext(t.Context(), "sh", "-ec", strings.ReplaceAll(command, "localhost:8000", fmt.Sprintf("localhost:%d", port)))
		cmd.Dir = dir
		out, _ := cmd.CombinedOutput() // curl fails where it is to
		return strings.TrimSpace(string(out))
	}
	run(block("sh"))
	const other = "other_client_key"
	document := replace(t, readFile(t, repository+"/docs/sample/environments/sample_client_key.json"), "sample_client_key", other)
	keys := strings.TrimSuffix(sampleKeys, "]") + `,{"server_side_key":"ser.other_server_key","client_side_key":"` + other + `"}]`
	c := startCompose(t, dir, []string{composeOne, "docs/deploy/compose/tls.yaml", "docs/deploy/compose/mtls.yaml"},
		map[string]string{"config.json": block("json"), "keys.json": keys, "docs/sample/environments/" + other + ".json": document},
		map[string]string{"PORT": fmt.Sprint(port)})
	for _, id := range c.containers(t, "edge-proxy") {
		awaitHealthy(t, id)
	}
	lines := strings.Split(strings.TrimSpace(block("console")), "\n")
	if len(lines) != 6 {
		t.Fatalf("%d lines", len(lines))
	}
	for i := 0; i < len(lines); i += 2 {
		command, _ := strings.CutPrefix(lines[i], "$ ")
		if got := run(command); got != lines[i+1] {
			t.Errorf("%s\nprints %q, want %q", command, got, lines[i+1])
		}
	}
}
