//go:build release

package release_test

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// output runs a command in dir and returns what it prints.
func output(t *testing.T, dir string, environment []string, command string, args ...string) string {
	t.Helper()
	cmd := exec.Command(command, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), environment...)
	var failure bytes.Buffer
	cmd.Stderr = &failure
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", command, strings.Join(args, " "), err, failure.String())
	}
	return string(text)
}

// clone copies the commit that is checked out into a new directory.
func clone(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	output(t, repository, nil, "git", "clone", "--quiet", "--local", ".", dir)
	return dir
}

// compile builds a target in a clone and returns the path of the binary.
func (b build) compile(t *testing.T, dir string, to target, environment ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "edge-proxy")
	if to.system == "windows" {
		path += ".exe"
	}
	environment = append(environment, "GOFLAGS=", "GOWORK=off", "GOOS="+to.system, "GOARCH="+to.processor, "GOAMD64="+b.AMD64[0], "GOARM64="+b.ARM64[0])
	args := slices.Concat([]string{"build"}, b.Flags, []string{"-ldflags=" + strings.Join(b.LinkerFlags, " "), "-o", path, b.Main})
	output(t, dir, append(environment, b.Environment...), "go", args...)
	return path
}

func sumOf(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func TestBinaries(t *testing.T) {
	p := readPlan(t)
	dir := clone(t, "edge-proxy")
	commit := strings.TrimSpace(output(t, dir, nil, "git", "rev-parse", "HEAD"))
	date := strings.TrimSpace(output(t, dir, []string{"TZ=UTC0"}, "git", "log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ"))

	for _, to := range p.Builds[0].targets() {
		t.Run(to.String(), func(t *testing.T) {
			path := p.Builds[0].compile(t, dir, to)
			t.Logf("sha256 %s", sumOf(t, path))
			if err := madeFor(path, to); err != nil {
				t.Error(err)
			}
			tellsOrigin(t, path, commit, date)
			hasBill(t, p, dir, path, to)
			if to.system == runtime.GOOS && to.processor == runtime.GOARCH {
				tellsVersion(t, path, commit, date)
			}
		})
	}
}

// madeFor says whether a binary is one of that system and processor, and, on Linux,
// static.
func madeFor(path string, to target) error {
	switch to.system {
	case "linux":
		file, err := elf.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		if want := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[to.processor]; file.Machine != want {
			return fmt.Errorf("it is for %v", file.Machine)
		}
		for _, part := range file.Progs {
			if part.Type == elf.PT_INTERP || part.Type == elf.PT_DYNAMIC {
				return errors.New("it is not static")
			}
		}
	case "darwin":
		file, err := macho.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		if want := map[string]macho.Cpu{"amd64": macho.CpuAmd64, "arm64": macho.CpuArm64}[to.processor]; file.Cpu != want {
			return fmt.Errorf("it is for %v", file.Cpu)
		}
	case "windows":
		file, err := pe.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		if want := map[string]uint16{"amd64": pe.IMAGE_FILE_MACHINE_AMD64, "arm64": pe.IMAGE_FILE_MACHINE_ARM64}[to.processor]; file.Machine != want {
			return fmt.Errorf("it is for machine %#x", file.Machine)
		}
	default:
		return fmt.Errorf("what a binary for %s looks like is not known", to.system)
	}
	return nil
}

// tellsOrigin checks what the linker noted.
func tellsOrigin(t *testing.T, path, commit, date string) {
	t.Helper()
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	for key, want := range map[string]string{"vcs.revision": commit, "vcs.time": date, "vcs.modified": "false", "-trimpath": "true", "CGO_ENABLED": "0"} {
		if settings[key] != want {
			t.Errorf("%s is %q, want %q", key, settings[key], want)
		}
	}
}

// tellsVersion checks what the version command prints: a tag's version, or one made
// of the commit.
func tellsVersion(t *testing.T, path, commit, date string) {
	t.Helper()
	got := output(t, t.TempDir(), nil, path, "version")
	t.Log(got)
	pattern := fmt.Sprintf(`^edge-proxy v\d+\.\d+\.\d+\S* \(commit %s of %s, %s \S+\)\n$`, commit, regexp.QuoteMeta(date), regexp.QuoteMeta(runtime.Version()))
	if !regexp.MustCompile(pattern).MatchString(got) {
		t.Errorf("the version is %q, want %s", got, pattern)
	}
	if strings.Contains(got, "dirty") {
		t.Error("a clone of a commit was changed")
	}
}

// hasBill has the plan's command write the bill of materials of a binary, and
// compares it with the modules that the Go tool names for its packages.
func hasBill(t *testing.T, p plan, dir, path string, to target) {
	t.Helper()
	document := filepath.Join(t.TempDir(), "bill.json")
	args := slices.Clone(p.SBOMs[0].Arguments)
	for i := range args {
		args[i] = strings.NewReplacer("${document}", document, "${artifact}", path).Replace(args[i])
	}
	output(t, dir, nil, p.SBOMs[0].Command, args...)
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	var bill struct {
		Format   string `json:"bomFormat"`
		Metadata struct {
			Component struct{ Name, Version string }
		}
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal(text, &bill); err != nil {
		t.Fatal(err)
	}
	if bill.Format != "CycloneDX" || bill.Metadata.Component.Name != "github.com/edge-proxy/edge-proxy" || bill.Metadata.Component.Version == "" {
		t.Errorf("the bill is of the form %q and about %+v", bill.Format, bill.Metadata.Component)
	}
	var got []string
	for _, c := range bill.Components {
		got = append(got, c.Name+" "+c.Version)
	}
	listed := output(t, dir, []string{"GOFLAGS=", "CGO_ENABLED=0", "GOOS=" + to.system, "GOARCH=" + to.processor}, "go", "list", "-deps",
		"-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", p.Builds[0].Main)
	want := append(strings.Fields(strings.ReplaceAll(listed, " ", "@")), "std@"+strings.TrimPrefix(runtime.Version(), "go"))
	for i := range want {
		want[i] = strings.Replace(want[i], "@", " ", 1)
	}
	slices.Sort(want)
	slices.Sort(got)
	if want = slices.Compact(want); !slices.Equal(got, want) {
		t.Errorf("the bill has\n%s\nthe packages are of\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Two builds in different places, the second one without anything of the first
// one's, give the same bytes.
func TestBuildsAreReproducible(t *testing.T) {
	p := readPlan(t)
	to := target{runtime.GOOS, runtime.GOARCH}
	first := p.Builds[0].compile(t, clone(t, "edge-proxy"), to)
	second := p.Builds[0].compile(t, clone(t, "another directory/with/a/longer path"), to, "GOCACHE="+t.TempDir(), "HOME="+t.TempDir(), "GOPATH="+strings.TrimSpace(output(t, ".", nil, "go", "env", "GOPATH")), "TZ=Asia/Tokyo", "LANG=C")
	if one, other := sumOf(t, first), sumOf(t, second); one != other {
		t.Errorf("one build has the SHA-256 %s, another one %s", one, other)
	} else {
		t.Logf("%s twice: %s", to, one)
	}
}
