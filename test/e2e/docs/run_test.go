package docs_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

const (
	sampleKey     = "sample_client_key"
	webhookSecret = "a_webhook_secret"
	adminToken    = "an_admin_token"
)

// Every command of the documentation does what its page says.
func TestBlocksRun(t *testing.T) {
	w := newWorld(t)
	all := pages(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		var run []block
		for _, b := range blocksOf(name, all[name]) {
			switch what, err := rule(b); {
			case err != nil:
				t.Errorf("%s:%d: %v", name, b.line, err)
			case what == "list":
				t.Logf("%s:%d: %s", name, b.line, b.marker)
			case what == "run":
				run = append(run, b)
			}
		}
		if len(run) == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			dir := w.directory(t)
			for _, b := range run {
				w.run(t, dir, b)
			}
		})
	}
}

// world has what the commands of the documentation use.
type world struct {
	environment []string
	samples     string // directory of the sample
	store       string // a file with the sample's document
	binary      string
	address     string // of the proxy that serves the sample
	admin       string // address of its admin listener
}

func newWorld(t *testing.T) *world {
	t.Helper()
	root, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{samples: filepath.Join(root, "docs", "sample"), binary: harness.Binary(t)}
	w.store = filepath.Join(t.TempDir(), "documents.db")
	source := "file://" + filepath.ToSlash(filepath.Join(w.samples, "environments"))

	config, err := os.ReadFile(filepath.Join(w.samples, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	w.admin = fmt.Sprintf("127.0.0.1:%d", harness.FreePort(t))
	_, adminPort, _ := strings.Cut(w.admin, ":")
	start := func(variable, value string) *harness.Proxy {
		p := harness.StartProxy(t, harness.Setup{ConfigText: string(config), Env: map[string]string{
			"API_URL": source, "WEBHOOK_SECRET": webhookSecret, "ADMIN_PORT": adminPort, "ADMIN_TOKEN": adminToken, variable: value,
			"EVENTS_URL": "http://127.0.0.1:1", // nothing leaves this machine
		}})
		p.WaitReady(t)
		return p
	}
	filling := start("STORE_URL", "bolt://"+filepath.ToSlash(w.store))
	filling.Signal(t, syscall.SIGTERM)
	if code := filling.Wait(t, time.Minute); code != 0 {
		t.Fatalf("the proxy that fills the store ended with exit code %d", code)
	}
	w.address = start("STORE_URL", "memory:").Address

	bin := t.TempDir()
	if err := os.Symlink(w.binary, filepath.Join(bin, "edge-proxy")); err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(w.address, ":")
	w.environment = []string{
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir(),
		"API_URL=" + source, "SERVER_PORT=" + port, "STORE_URL=bolt:documents.db", "SECRET=" + webhookSecret, "LC_ALL=C.UTF-8",
		"ADMIN_PORT=" + adminPort, "TOKEN=" + adminToken,
		"GORACE=atexit_sleep_ms=10", // the race detector makes every program sleep for a second before it exits
	}
	return w
}

// directory makes the directory that a page's commands run in.
func (w *world) directory(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	config, err := os.ReadFile(filepath.Join(w.samples, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := os.ReadFile(w.store)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.WriteFile(filepath.Join(dir, "config.json"), config, 0o600),
		os.WriteFile(filepath.Join(dir, "documents.db"), store, 0o600),
		os.Mkdir(filepath.Join(dir, "bin"), 0o700),
		os.Symlink(w.binary, filepath.Join(dir, "bin", "edge-proxy")),
		os.Symlink(filepath.Dir(w.samples), filepath.Join(dir, "docs")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var (
	keyPattern  = regexp.MustCompile(`\bKEY\b`)
	assignments = regexp.MustCompile(`^(?:[A-Z_]+=(?:'[^']*'|\S*)(?:\s+#.*)?\n)+$`)
	// Tools that a developer's machine may not have.
	tools = regexp.MustCompile(`\b(?:curl|openssl)\b`)
)

func (w *world) run(t *testing.T, dir string, b block) {
	t.Helper()
	for _, tool := range tools.FindAllString(b.text, -1) {
		if _, err := exec.LookPath(tool); err != nil && os.Getenv("CI") == "" {
			t.Logf("%s:%d: left out: %s is not installed", b.page, b.line, tool)
			return
		}
	}
	text := keyPattern.ReplaceAllString(strings.NewReplacer("localhost:8000", w.address, "localhost:8001", w.admin).Replace(b.text), sampleKey)
	if b.language == "console" {
		w.compare(t, dir, b, text)
		return
	}
	if assignments.MatchString(text) {
		text = "set -a\n" + text + "edge-proxy validate\n"
	}
	// An error status fails the command.
	if printed, err := w.bash(t, dir, "curl() { command curl -sS --fail-with-body \"$@\"; }\n"+text); err != nil {
		t.Errorf("%s:%d: %v\n%s%s", b.page, b.line, err, text, printed)
	}
}

// compare runs the commands of a console block and compares what they print with
// what the page shows. What they return does not matter: errors are shown too.
func (w *world) compare(t *testing.T, dir string, b block, text string) {
	t.Helper()
	const end = "\x1eend of the output\n"
	script, want := "set +e\ncurl() { command curl -sS \"$@\"; }\n", []string{}
	for command := range strings.SplitSeq(strings.TrimPrefix(text, "$ "), "\n$ ") {
		lines := strings.SplitAfter(strings.TrimSuffix(command, "\n")+"\n", "\n")
		n := 1
		for strings.HasSuffix(lines[n-1], "\\\n") {
			n++
		}
		script += strings.Join(lines[:n], "") + "printf '" + strings.TrimSuffix(end, "\n") + "\\n'\n"
		want = append(want, strings.Join(lines[n:], ""))
	}
	printed, err := w.bash(t, dir, script)
	if err != nil {
		t.Errorf("%s:%d: %v\n%s", b.page, b.line, err, printed)
		return
	}
	got := strings.Split(strings.ReplaceAll(printed, "\r\n", "\n"), end)
	for i := range want {
		if !matches(want[i], got[i]) {
			t.Errorf("%s:%d: command %d prints\n%s\nand the page shows\n%s", b.page, b.line, i+1, got[i], want[i])
		}
	}
}

// matches compares an output with a shown one, in which … stands for anything.
// Empty lines at the end do not count.
func matches(shown, printed string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimRight(shown, "\n")), "…", "(?s:.*?)")
	return regexp.MustCompile(`^` + pattern + `\n*$`).MatchString(printed)
}

// bash runs a script, which ends with its first failing command, and returns what
// it prints.
func (w *world) bash(t *testing.T, dir, script string) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = dir, w.environment
	var printed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &printed
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("the command does not end: %w", ctx.Err())
	}
	return printed.String(), err
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		shown, printed string
		want           bool
	}{
		{"a\nb\n", "a\nb\n", true},
		{"a\n", "a\n\n", true},
		{"a … c\n", "a bbb\nb c\n", true},
		{"…\n", "", true},
		{"a.c\n", "abc\n", false},
		{"a\n", "ab\n", false},
		{"", "a\n", false},
		{"a …\nd\n", "a b\nc\n", false},
	} {
		if got := matches(tt.shown, tt.printed); got != tt.want {
			t.Errorf("%q for %q: %v", tt.printed, tt.shown, got)
		}
	}
}
