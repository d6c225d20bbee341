package packages_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb"
	_ "github.com/goreleaser/nfpm/v2/rpm"
	"github.com/sassoftware/go-rpmutils"
	"go.yaml.in/yaml/v3"
)

const (
	// repository is where the tests run: paths in .goreleaser.yaml are relative to it.
	repository = "../../../.."
	version    = "1.2.3"
	date       = "2026-01-02T03:04:05Z"
)

// files are what both packages install, with their permissions.
var files = map[string]fs.FileMode{
	"/usr/bin/edge-proxy":                        0o755,
	"/usr/lib/systemd/system/edge-proxy.service": 0o644,
	"/usr/share/doc/edge-proxy/copyright":        0o644,
	"/usr/share/doc/edge-proxy/CHANGELOG.md":     0o644,

	"/usr/share/man/man1/edge-proxy.1.gz":                  0o644,
	"/usr/share/man/man1/edge-proxy-store-verify.1.gz":     0o644,
	"/usr/share/bash-completion/completions/edge-proxy":    0o644,
	"/usr/share/zsh/vendor-completions/_edge-proxy":        0o644,
	"/usr/share/fish/vendor_completions.d/edge-proxy.fish": 0o644,
}

// configuration is where the operator puts config.json, which no package has.
const configuration = "/etc/edge-proxy"

func run(t *testing.T, command string, args ...string) string {
	t.Helper()
	out, err := exec.Command(command, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", command, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// plan reads the one entry of nfpms, with templates filled in, as a configuration of
// nfpm that packs a binary.
func plan(t *testing.T, binary string) nfpm.Config {
	t.Helper()
	text, err := os.ReadFile(".goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var release struct {
		Packages []map[string]any `yaml:"nfpms"`
	}
	text = bytes.ReplaceAll(text, []byte("{{ .CommitDate }}"), []byte(date))
	if err := yaml.Unmarshal(text, &release); err != nil {
		t.Fatal(err)
	}
	if len(release.Packages) != 1 {
		t.Fatalf("%d entries in nfpms", len(release.Packages))
	}
	p := release.Packages[0]
	if got := fmt.Sprint(p["formats"]); got != "[deb rpm]" {
		t.Fatalf("the formats are %s", got)
	}
	contents, _ := p["contents"].([]any)
	p["contents"] = append(contents, map[string]any{
		"src": binary, "dst": fmt.Sprint(p["bindir"], "/edge-proxy"), "file_info": map[string]any{"mode": 0o755, "mtime": date},
	})
	p["name"], p["version"], p["arch"], p["platform"] = p["package_name"], version, "amd64", "linux"
	for _, own := range []string{"id", "package_name", "file_name_template", "formats", "bindir"} { // of GoReleaser
		delete(p, own)
	}
	converted, err := yaml.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	config, err := nfpm.Parse(bytes.NewReader(converted))
	if err != nil {
		t.Fatalf("nfpm refuses the plan: %v\n%s", err, converted)
	}
	return config
}

// build returns the path of a package of a format.
func build(t *testing.T, config nfpm.Config, format string) string {
	t.Helper()
	info, err := config.Get(format)
	if err != nil {
		t.Fatal(err)
	}
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		t.Fatal(err)
	}
	packager, err := nfpm.Get(format)
	if err != nil {
		t.Fatal(err)
	}
	var content bytes.Buffer
	if err := packager.Package(info, &content); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "edge-proxy."+format)
	if err := os.WriteFile(path, content.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPackages(t *testing.T) {
	t.Chdir(repository)
	binary := filepath.Join(t.TempDir(), "edge-proxy")
	t.Setenv("CGO_ENABLED", "0")
	t.Setenv("GOOS", "linux")
	t.Setenv("GOARCH", "amd64")
	run(t, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "./cmd/edge-proxy")
	run(t, "go", "run", "./docs/gen/manual", "bin/manual", date)
	config := plan(t, binary)
	t.Run("deb", func(t *testing.T) { debIsInstalled(t, build(t, config, "deb")) })
	t.Run("rpm", func(t *testing.T) { rpmIsComplete(t, build(t, config, "rpm")) })
	t.Run("twice", func(t *testing.T) {
		for _, format := range []string{"deb", "rpm"} {
			one, _ := os.ReadFile(build(t, config, format))
			other, _ := os.ReadFile(build(t, config, format))
			if !bytes.Equal(one, other) {
				t.Errorf("two builds of the %s differ", format)
			}
		}
	})
}

// installed checks what a package has put under root, and runs it.
func installed(t *testing.T, root string) {
	t.Helper()
	for name, mode := range files {
		about, err := os.Stat(root + name)
		if err != nil {
			t.Error(err)
		} else if about.Mode() != mode {
			t.Errorf("%s has the mode %v, want %v", name, about.Mode(), mode)
		}
	}
	if about, err := os.Stat(root + configuration); err != nil || about.Mode() != fs.ModeDir|0o750 {
		t.Errorf("%s: %v, %v", configuration, about, err)
	}
	if entries, err := os.ReadDir(root + configuration); err != nil || len(entries) > 0 {
		t.Errorf("%s has %v, %v; the configuration is the operator's", configuration, entries, err)
	}
	if got := run(t, root+"/usr/bin/edge-proxy", "version"); !strings.Contains(got, "linux/amd64") {
		t.Errorf("the version is %s", got)
	}
	unit, err := os.ReadFile(root + "/usr/lib/systemd/system/edge-proxy.service")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(unit, []byte("\nExecStart=edge-proxy serve\n")) {
		t.Errorf("the unit does not look for the program:\n%s", unit)
	}
}

func debIsInstalled(t *testing.T, path string) {
	root := t.TempDir()
	for _, dir := range []string{"updates", "info"} {
		if err := os.MkdirAll(filepath.Join(root, "var/lib/dpkg", dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"status", "available"} {
		if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg", file), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dpkg := func(args ...string) string {
		return run(t, "dpkg", append([]string{"--root=" + root, "--force-script-chrootless", "--force-not-root", "--force-architecture", "--log=/dev/null"}, args...)...)
	}
	dpkg("--install", path)
	about := dpkg("--status", "edge-proxy")
	for _, line := range []string{"Status: install ok installed", "Version: " + version, "Architecture: amd64"} {
		if !strings.Contains(about, line+"\n") {
			t.Errorf("%q is missing in\n%s", line, about)
		}
	}
	installed(t, root)
	dpkg("--install", path) // as an upgrade
	installed(t, root)

	written := filepath.Join(root, configuration, "config.json")
	if err := os.WriteFile(written, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	dpkg("--remove", "edge-proxy")
	for name := range files {
		if _, err := os.Stat(root + name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s remains: %v", name, err)
		}
	}
	if _, err := os.Stat(written); err != nil {
		t.Errorf("the operator's configuration is gone: %v", err)
	}
}

func rpmIsComplete(t *testing.T, path string) {
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	content, err := rpmutils.ReadRpm(file)
	if err != nil {
		t.Fatal(err)
	}
	name, err := content.Header.GetNEVRA()
	if err != nil || name.Name != "edge-proxy" || name.Version != version || name.Arch != "x86_64" {
		t.Errorf("it is %+v, %v", name, err)
	}
	listed, err := content.Header.GetFiles()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range listed {
		got = append(got, f.Name())
		if f.UserName() != "root" || f.GroupName() != "root" {
			t.Errorf("%s is of %s:%s", f.Name(), f.UserName(), f.GroupName())
		}
	}
	// Of the pages of the manual, files has two.
	got = slices.DeleteFunc(got, func(name string) bool {
		_, listed := files[name]
		return !listed && strings.HasPrefix(name, "/usr/share/man/man1/edge-proxy-")
	})
	want := append(slices.Collect(maps.Keys(files)), configuration)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("it has %q, want %q", got, want)
	}
	for _, script := range []int{rpmutils.POSTIN, rpmutils.PREUN} {
		if text, err := content.Header.GetString(script); err != nil || !strings.Contains(text, "systemctl") {
			t.Errorf("script %d is %q, %v", script, text, err)
		}
	}
	root := t.TempDir()
	if err := content.ExpandPayload(root); err != nil {
		t.Fatal(err)
	}
	for _, f := range listed { // unpacking does not set permissions
		if err := os.Chmod(root+f.Name(), fs.FileMode(f.Mode()&0o777)); err != nil {
			t.Fatal(err)
		}
	}
	installed(t, root)
}
