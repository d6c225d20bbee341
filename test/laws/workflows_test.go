package laws_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const workflows = "../../.github/workflows"

// workflow has the fields of a GitHub workflow that the tests use.
type workflow struct {
	Permissions map[string]string
	Jobs        map[string]struct {
		Permissions map[string]string
		Uses        string
		Needs       string
		Timeout     int `yaml:"timeout-minutes"`
		Strategy    struct {
			Matrix struct{ Include []struct{ Command string } }
		}
		Steps []struct {
			Uses, Run string
			With      map[string]string
		}
	}
}

func readWorkflow(t *testing.T, name string) workflow {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(workflows, name))
	if err != nil {
		t.Fatal(err)
	}
	var w workflow
	if err := yaml.Unmarshal(text, &w); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return w
}

// The jobs of the workflow run what .ci/run runs, no more and no less.
func TestWorkflowRunsTheStepsOfCI(t *testing.T) {
	script, err := os.ReadFile("../../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for line := range strings.Lines(string(script)) {
		if command, isStep := strings.CutPrefix(strings.TrimSpace(line), "step "); isStep {
			want = append(want, command)
		}
	}
	job := readWorkflow(t, "ci.yaml").Jobs["step"]
	for _, entry := range job.Strategy.Matrix.Include {
		got = append(got, entry.Command)
	}
	if len(want) < 5 || !slices.Equal(got, want) {
		t.Errorf("the workflow runs %q\n.ci/run runs      %q", got, want)
	}
	if last := job.Steps[len(job.Steps)-1]; last.Run != "$COMMAND" {
		t.Errorf("the last step of the job runs %q", last.Run)
	}
}

// Nothing is released that has not passed CI.
func TestReleaseNeedsCI(t *testing.T) {
	release := readWorkflow(t, "release.yaml")
	if uses := release.Jobs["ci"].Uses; uses != "./.github/workflows/ci.yaml" {
		t.Errorf("ci uses %q", uses)
	}
	if needs := release.Jobs["publish"].Needs; needs != "ci" {
		t.Errorf("publish needs %q", needs)
	}
}

// What is published is signed and attested, and docs/releases.md verifies it by the names
// under which that is done.
func TestReleasesCanBeVerified(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	page, publish := read("docs/releases.md"), read(".ci/publish")
	const registry, image, chart, sums = "ghcr.io/edge-proxy", "/edge-proxy", "/charts/edge-proxy", "bin/release/SHA256SUMS"
	job := readWorkflow(t, "release.yaml").Jobs["publish"]
	for _, permission := range []string{"id-token", "attestations"} {
		if job.Permissions[permission] != "write" {
			t.Errorf("publish has no permission %s: write", permission)
		}
	}
	var attested []string
	for _, step := range job.Steps {
		if strings.HasPrefix(step.Uses, "actions/attest-build-provenance@") {
			attested = append(attested, step.With["subject-checksums"]+step.With["subject-name"])
		}
	}
	if want := []string{sums, registry + image, registry + chart}; !slices.Equal(attested, want) {
		t.Errorf("attested are %q, want %q", attested, want)
	}
	for _, want := range []string{
		"registry=${REGISTRY:-" + registry + "}", "image=$registry" + image, `sign --yes "$image@$image_digest"`,
		`sign --yes "$registry` + chart + `@$chart_digest"`, "sign-blob --yes --bundle " + sums + ".sigstore.json " + sums,
	} {
		if !strings.Contains(publish, want) {
			t.Errorf(".ci/publish has no %q", want)
		}
	}
	identity := regexp.MustCompile(`--certificate-identity (\S+)`)
	const signer = `^https://github\.com/edge-proxy/edge-proxy/\.github/workflows/release\.yaml@refs/tags/v\d+\.\d+\.\d+$`
	found := identity.FindAllStringSubmatch(page, -1)
	for _, match := range found {
		if !regexp.MustCompile(signer).MatchString(match[1]) {
			t.Errorf("docs/releases.md verifies by the identity %s, which is not that of the workflow", match[1])
		}
	}
	for _, want := range []string{
		"cosign verify " + registry + image + ":", "cosign verify " + registry + chart + ":", "gh attestation verify oci://" + registry + image + ":",
		"gh attestation verify oci://" + registry + chart + ":", "--bundle SHA256SUMS.sigstore.json",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("docs/releases.md has no %q", want)
		}
	}
	if len(found) != 3 {
		t.Errorf("%d identities, want those of the files, the image and the chart", len(found))
	}
}

// usesPattern finds an action that a workflow uses.
var usesPattern = regexp.MustCompile(`(?m)^[ -]*uses: *(.*)$`)

// pinnedPattern matches an action by digest, with its version as a comment, and a
// workflow of this repository.
var pinnedPattern = regexp.MustCompile(`^([\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\./\.github/workflows/[\w.-]+( #.*)?)$`)

func TestWorkflowsAreConfined(t *testing.T) {
	entries, err := os.ReadDir(workflows)
	if err != nil || len(entries) < 3 {
		t.Fatalf("%d workflows, %v", len(entries), err)
	}
	for _, entry := range entries {
		w := readWorkflow(t, entry.Name())
		if w.Permissions == nil || len(w.Permissions) > 0 {
			t.Errorf("%s: the permissions are %v, want {}, so that each job says what it needs", entry.Name(), w.Permissions)
		}
		for name, job := range w.Jobs {
			if job.Permissions == nil {
				t.Errorf("%s: %s does not say which permissions it needs", entry.Name(), name)
			}
			if job.Uses == "" && job.Timeout == 0 {
				t.Errorf("%s: %s has no time limit", entry.Name(), name)
			}
			for permission, level := range job.Permissions {
				if level != "read" && (entry.Name() != "release.yaml" || name != "publish") {
					t.Errorf("%s: %s has the permission %s: %s", entry.Name(), name, permission, level)
				}
			}
		}
		text, err := os.ReadFile(filepath.Join(workflows, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range usesPattern.FindAllStringSubmatch(string(text), -1) {
			if !pinnedPattern.MatchString(strings.TrimSpace(match[1])) {
				t.Errorf("%s: %s is not pinned by a digest with its version as a comment", entry.Name(), match[1])
			}
		}
	}
}

// Each folder with dependencies of its own gets updates.
func TestUpdatesCoverTheTree(t *testing.T) {
	text, err := os.ReadFile("../../.github/dependabot.yml")
	if err != nil {
		t.Fatal(err)
	}
	var updates struct {
		Updates []struct {
			Ecosystem   string `yaml:"package-ecosystem"`
			Directory   string
			Directories []string
			Groups      map[string]any
		}
	}
	if err := yaml.Unmarshal(text, &updates); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"github-actions": {"/"}}
	ecosystems := map[string]string{"go.mod": "gomod", "package-lock.json": "npm", "requirements.txt": "pip"}
	err = fs.WalkDir(os.DirFS("../.."), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", "bin", "node_modules"}, entry.Name()):
			return fs.SkipDir
		}
		if ecosystem := ecosystems[entry.Name()]; ecosystem != "" {
			want[ecosystem] = append(want[ecosystem], path.Join("/", path.Dir(name)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, update := range updates.Updates {
		got := update.Directories
		if update.Directory != "" {
			got = append(got, update.Directory)
		}
		slices.Sort(got)
		slices.Sort(want[update.Ecosystem])
		if !slices.Equal(got, want[update.Ecosystem]) {
			t.Errorf("%s: updates are for %q, there are %q", update.Ecosystem, got, want[update.Ecosystem])
		}
		if len(update.Groups) == 0 {
			t.Errorf("%s: updates are not grouped", update.Ecosystem)
		}
		delete(want, update.Ecosystem)
	}
	for ecosystem, folders := range want {
		t.Errorf("%s: no updates for %q", ecosystem, folders)
	}
}
