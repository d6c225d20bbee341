package deploy_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The newest version of the changelog is that of the chart and of the images that the
// files of deployment name, and the changelog has notes for its release.
func TestVersionsAgree(t *testing.T) {
	headings := regexp.MustCompile(`(?m)^## (\S+)(?: - (\d{4}-\d{2}-\d{2}))?$`).FindAllStringSubmatch(readFile(t, repository+"/CHANGELOG.md"), -1)
	if len(headings) < 2 || headings[0][1] != "Unreleased" || headings[0][2] != "" || headings[1][2] == "" {
		t.Fatalf("the sections are %q, want Unreleased and then versions with their dates", headings)
	}
	version := headings[1][1]
	chart := readFile(t, directory+"/helm/edge-proxy/Chart.yaml")
	for _, line := range []string{"version: " + version, "appVersion: " + version} {
		if !strings.Contains(chart, "\n"+line+"\n") {
			t.Errorf("Chart.yaml lacks %q", line)
		}
	}
	images := regexp.MustCompile(`ghcr\.io/edge-proxy/edge-proxy:([\w.-]+)`)
	found := 0
	for _, pattern := range []string{"kubernetes.yaml", "compose/*.yaml", "../deployment.md"} {
		paths, err := filepath.Glob(filepath.Join(directory, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			for _, image := range images.FindAllStringSubmatch(readFile(t, path), -1) {
				if found++; image[1] != version {
					t.Errorf("%s has version %s, want %s", path, image[1], version)
				}
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d images were found", found)
	}
	if out, err := exec.CommandContext(t.Context(), repository+"/.ci/notes", version).CombinedOutput(); err != nil || len(out) < 100 {
		t.Errorf("notes of %s: %v, %s", version, err, out)
	}
}
