package manual_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/standard"
	"github.com/edge-proxy/edge-proxy/adapters/standard/manual"
)

var date = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Each command of the program has a page with its flags, and two runs write the same.
func TestPages(t *testing.T) {
	t.Parallel()
	one, other := t.TempDir(), t.TempDir()
	for _, dir := range []string{one, other, other} {
		if err := manual.Write(dir, date); err != nil {
			t.Fatal(err)
		}
	}
	for command, help := range standard.CommandHelp() {
		if command == "edge-proxy help" { // the library gives it no page
			continue
		}
		name := strings.ReplaceAll(command, " ", "-") + ".1.gz"
		page := read(t, filepath.Join(one, "man1", name))
		if !bytes.Equal(page, read(t, filepath.Join(other, "man1", name))) {
			t.Errorf("%s differs between two runs", name)
		}
		text := unzipped(t, page)
		for _, want := range []string{`.TH "`, "Jan 2026", ".SH NAME", ".SH SYNOPSIS"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
		if strings.Contains(help, "--json") && !strings.Contains(text, "--json") && !strings.Contains(text, `\-\-json`) {
			t.Errorf("%s lacks the flag --json", name)
		}
	}
}

func TestCompletions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := manual.Write(dir, date); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"edge-proxy": "complete -o default", "_edge-proxy": "#compdef edge-proxy", "edge-proxy.fish": "complete -c edge-proxy"} {
		if script := string(read(t, filepath.Join(dir, "completions", name))); !strings.Contains(script, want) {
			t.Errorf("%s lacks %q", name, want)
		}
	}
	if err := manual.Write(filepath.Join(dir, "completions", "edge-proxy"), date); err == nil {
		t.Error("written below a file")
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func unzipped(t *testing.T, page []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
