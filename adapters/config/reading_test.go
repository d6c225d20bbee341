package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReadingAgain(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write(t, at("config.json"), "1")
	write(t, at("secret"), "a")
	var first config.Reading
	read := func(r *config.Reading, name string) string {
		t.Helper()
		content, err := r.ReadFile(at(name))
		if err != nil {
			return err.Error()
		}
		return string(content)
	}
	read(&first, "config.json")
	read(&first, "secret")
	read(&first, "absent")
	write(t, at("config.json"), "2")
	write(t, at("secret"), "b")

	again := first.Again(at("config.json"), at("unknown"))
	if got := read(again, "config.json") + read(again, "secret"); got != "1b" {
		t.Errorf("read %q, want the held file as it was and the other as it is: 1b", got)
	}
	third := again.Again()
	if got := read(third, "config.json"); got != "2" {
		t.Errorf("read %q, want 2", got)
	}
	write(t, at("config.json"), "3")
	if got := read(third, "config.json"); got != "2" {
		t.Errorf("one load read the file as %q, after 2", got)
	}
	if err := os.Remove(at("config.json")); err != nil {
		t.Fatal(err)
	}
	gone := third.Again()
	if got := read(gone, "config.json"); !strings.Contains(got, "was there before") {
		t.Errorf("a file that is gone is read as %q", got)
	}
	if got := read(gone, "absent"); !strings.Contains(got, "no such file") && !strings.Contains(got, "cannot find") {
		t.Errorf("a file that never was there is read as %q", got)
	}
	if err := os.Mkdir(at("directory"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := read(gone, "directory"); !strings.Contains(got, "not a regular file") {
		t.Errorf("a directory is read as %q", got)
	}
}

// A configuration file that is gone is a problem: an empty configuration must not replace it.
func TestLoadAgainWithoutTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.json")
	load := func(r *config.Reading) error {
		_, _, err := config.Load(config.Source{Environ: []string{keys}, ReadFile: r.ReadFile, WorkingDir: dir})
		return err
	}
	var never config.Reading
	if err := load(&never); err != nil {
		t.Fatal(err)
	}
	if err := load(never.Again()); err != nil {
		t.Errorf("a file that never was there: %v", err)
	}
	write(t, path, `{}`)
	found := never.Again()
	if err := load(found); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	err := load(found.Again())
	if err == nil || !strings.Contains(err.Error(), "config.json is not readable: it was there before") {
		t.Errorf("a file that is gone: %v", err)
	}
	if err := load(found.Again(path)); err != nil {
		t.Errorf("a file that is gone, and held: %v", err)
	}
}
