//go:build release

package release_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const repository = "../../.."

// plan is what .goreleaser.yaml says about the binaries.
type plan struct {
	Builds []build `yaml:"builds"`
	SBOMs  []struct {
		Command   string   `yaml:"cmd"`
		Arguments []string `yaml:"args"`
		Artifacts string   `yaml:"artifacts"`
	} `yaml:"sboms"`
	Checksum struct {
		Algorithm string `yaml:"algorithm"`
	} `yaml:"checksum"`
}

type build struct {
	Main        string   `yaml:"main"`
	Environment []string `yaml:"env"`
	Flags       []string `yaml:"flags"`
	LinkerFlags []string `yaml:"ldflags"`
	Systems     []string `yaml:"goos"`
	Processors  []string `yaml:"goarch"`
	AMD64       []string `yaml:"goamd64"`
	ARM64       []string `yaml:"goarm64"`
}

func readPlan(t *testing.T) plan {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, ".goreleaser.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var p plan
	if err := yaml.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Builds) != 1 || len(p.SBOMs) != 1 || len(p.Builds[0].AMD64) != 1 || len(p.Builds[0].ARM64) != 1 {
		t.Fatalf("the plan is %+v, want one build and one bill of materials", p)
	}
	return p
}

// target is a system and its processor.
type target struct{ system, processor string }

func (t target) String() string { return t.system + "/" + t.processor }

func (b build) targets() []target {
	var all []target
	for _, system := range b.Systems {
		for _, processor := range b.Processors {
			all = append(all, target{system, processor})
		}
	}
	return all
}

func TestPlan(t *testing.T) {
	p := readPlan(t)
	var targets []string
	for _, target := range p.Builds[0].targets() {
		targets = append(targets, target.String())
	}
	slices.Sort(targets)
	want := []string{"darwin/amd64", "darwin/arm64", "linux/amd64", "linux/arm64", "windows/amd64", "windows/arm64"}
	if !slices.Equal(targets, want) {
		t.Errorf("the targets are %v, want %v", targets, want)
	}
	if p.SBOMs[0].Artifacts != "binary" || p.Checksum.Algorithm != "sha256" {
		t.Errorf("a bill of materials of each %s, checksums by %s", p.SBOMs[0].Artifacts, p.Checksum.Algorithm)
	}

	// What `make build` and the image have is what is released.
	makefile, err := os.ReadFile(filepath.Join(repository, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	want = append([]string{"-ldflags='" + strings.Join(p.Builds[0].LinkerFlags, " ") + "'"}, p.Builds[0].Flags...)
	for _, flag := range append(want, p.Builds[0].Environment...) {
		if flag = strings.Replace(flag, "-buildvcs=true", "-buildvcs=auto", 1); !strings.Contains(string(makefile), flag) {
			t.Errorf("the Makefile builds without %s", flag)
		}
	}
}
