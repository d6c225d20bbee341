package bolt_test

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/store/bolt"
	"github.com/edge-proxy/edge-proxy/ports"
)

func TestOpenTakesURLs(t *testing.T) {
	for _, test := range []struct{ url, file string }{
		{"bolt:///DIR/documents.db", "documents.db"},
		{"bolt:/DIR/documents.db", "documents.db"},
		{"bolt:documents.db", "documents.db"},
		{"bolt:./documents.db", "documents.db"},
		{"bolt:made/documents.db", "made/documents.db"},
		{"bolt:///DIR/made/documents.db", "made/documents.db"},
		{"bolt:///DIR/a%3Fb%23c%25d%20e.db", "a?b#c%d e.db"},
		{"bolt:a%3Fb%23c%25d%20e.db", "a?b#c%d e.db"},
	} {
		t.Run(test.url, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			s := openURL(t, strings.Replace(test.url, "/DIR", location(dir).EscapedPath(), 1))
			put(t, s, "key", "{}", "")
			closeNow(t, s)
			info, err := os.Stat(filepath.Join(dir, test.file))
			if err != nil {
				t.Fatal(err)
			}
			if mode := info.Mode(); mode != 0o600 {
				t.Errorf("the file has mode %v, want 0600", mode)
			}
			if made := filepath.Join(dir, "made"); strings.Contains(test.url, "made") {
				info, err := os.Stat(made)
				if err != nil {
					t.Fatal(err)
				}
				if mode := info.Mode().Perm(); mode != 0o700 {
					t.Errorf("the directory has mode %v, want 0700", mode)
				}
			}
		})
	}
}

func openURL(t *testing.T, text string) ports.Store {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	s, err := bolt.Open(t.Context(), u, deps(new(journal)))
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s
}

// OpenExisting opens what is there, and makes nothing.
func TestOpenExisting(t *testing.T) {
	path := newPath(t)
	for _, missing := range []string{path, path + "/missing/documents.db"} {
		s, err := bolt.OpenExisting(t.Context(), location(missing), deps(new(journal)))
		if err == nil {
			_ = s.Close()
			t.Fatalf("%s: OpenExisting succeeded", missing)
		}
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
			t.Errorf("%s: the error is %q", missing, err)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}

	made, _ := open(t, path)
	put(t, made, "key", "{}", "")
	closeNow(t, made)
	s, err := bolt.OpenExisting(t.Context(), location(path), deps(new(journal)))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := s.Get(t.Context(), "key"); err != nil || string(r.Body) != "{}" {
		t.Errorf("Get: %q, %v", r.Body, err)
	}
	closeNow(t, s)

	path, other := filepath.Join(t.TempDir(), "other"), strings.Repeat("what a mistyped path leads to", 1000)
	if err := os.WriteFile(path, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bolt.OpenExisting(t.Context(), location(path), deps(new(journal))); err == nil || !strings.Contains(err.Error(), "left as it is") {
		t.Errorf("a file of something else: %v", err)
	}
	if kept, err := os.ReadFile(path); err != nil || string(kept) != other {
		t.Errorf("it was changed or moved: %v", err)
	}

	if _, err := bolt.OpenExisting(t.Context(), &url.URL{Scheme: "bolt", Host: "var", Path: "/x"}, deps(new(journal))); err == nil || !strings.Contains(err.Error(), "three slashes") {
		t.Errorf("a wrong URL: %v", err)
	}
}

func TestOpenRefusesURLs(t *testing.T) {
	for _, test := range []struct{ url, want string }{
		{"memory:", "known is bolt"},
		{"bolt:", "path is missing"},
		{"bolt://", "path is missing"},
		{"bolt:///", "not of a directory"},
		{"bolt:///DIR/", "not of a directory"},
		{"bolt://var/lib/documents.db", "three slashes"},
		{"bolt://user:hunter2@/DIR/documents.db", "no user or password"},
		{"bolt:///DIR/documents.db?timeout=1s", `unknown parameter "timeout"`},
		{"bolt:documents.db?timeout=1s", `unknown parameter "timeout"`},
		{"bolt:///DIR/documents.db?%zz", "unknown parameters"},
		{"bolt:///DIR/documents.db#1", "%23"},
		{"bolt:%zz.db", "%25"},
		{"bolt:a%00b.db", "zero byte"},
		{"bolt:///DIR/missing/missing/documents.db", "missing/missing does not exist"},
	} {
		t.Run(test.url, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			u, err := url.Parse(strings.Replace(test.url, "/DIR", location(dir).EscapedPath(), 1))
			if err != nil {
				t.Fatal(err)
			}
			s, err := bolt.Open(t.Context(), u, deps(new(journal)))
			if err == nil {
				_ = s.Close()
				t.Fatal("Open succeeded")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %q, want it to say %q", err, test.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows the password: %q", err)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("Open left %v", left)
			}
		})
	}
}
