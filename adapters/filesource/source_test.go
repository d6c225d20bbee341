package filesource_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/edge-proxy/edge-proxy/adapters/filesource"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const limit = 4096

// source returns a Source of a directory.
func source(t *testing.T, directory string) *filesource.Source {
	t.Helper()
	s, err := filesource.New(&url.URL{Scheme: "file", Path: directory}, filesource.Options{MaxDocumentBytes: limit})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func document(name, updatedAt string) string {
	return fmt.Sprintf(`{"api_key": "k", "name": %q, "updated_at": %q, "feature_states": [], "project": {"segments": []}}`, name, updatedAt)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func fetch(t *testing.T, s *filesource.Source, key domain.EnvironmentKey, since time.Time) (ports.Document, error) {
	t.Helper()
	return s.FetchDocument(t.Context(), ports.DocumentRequest{Environment: key, Key: domain.NewServerKey("ser.secret"), IfModifiedSince: since})
}

func TestNew(t *testing.T) {
	for address, want := range map[string]string{
		"file:///etc/documents":          "",
		"file:///":                       "",
		"file://localhost/etc/documents": "",
		"file:///etc/some%20documents/":  "",
		"https://host/etc":               `not with "https"`,
		"file://host/etc":                "three slashes",
		"file://u:p@localhost/etc":       "three slashes",
		"file:etc":                       "three slashes",
		"file://":                        "three slashes",
		"file:///etc?a=b":                "query",
		"file:///etc#a":                  "fragment",
		"file:///etc%00":                 "zero byte",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		_, err = filesource.New(u, filesource.Options{MaxDocumentBytes: 1})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
	if _, err := filesource.New(&url.URL{Scheme: "file", Path: "/"}, filesource.Options{}); err == nil {
		t.Error("a limit of 0 was accepted")
	}
}

func TestKeysAreNamesOfFiles(t *testing.T) {
	directory := t.TempDir()
	s := source(t, directory)
	for _, key := range []domain.EnvironmentKey{"B62qaMZNwfiqT76p38ggrQ", "my key", "ключ", "a.b", "..a", "*", "-"} {
		text := document(string(key), "2024-01-01T00:00:00Z")
		write(t, filepath.Join(directory, string(key)+".json"), text)
		if d, err := fetch(t, s, key, time.Time{}); err != nil || d.NotModified || string(d.Body) != text {
			t.Errorf("%s: %+v, %v", key, d, err)
		}
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	above := t.TempDir()
	directory := filepath.Join(above, "documents")
	if err := os.MkdirAll(filepath.Join(directory, "sub.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	good := document("x", "")
	write(t, filepath.Join(above, "outside.json"), good)
	write(t, filepath.Join(directory, "large.json"), strings.Repeat(" ", limit+1))
	write(t, filepath.Join(directory, "half.json"), good[:len(good)/2])
	write(t, filepath.Join(directory, "empty.json"), "")
	for name, text := range map[string]string{
		"list": "[]", "parts": `{"environment": {}}`, "comment": "// note\n" + good, "page": "<html>", "gzip": "\x1f\x8b\x08\x00",
		"utf16": "\xff\xfe{\x00}\x00", "latin1": strings.Replace(good, `"x"`, "\"\xe9\"", 1), "comma": "{,}" + good,
	} {
		write(t, filepath.Join(directory, name+".json"), text)
	}
	for name, target := range map[string]string{"out": "../outside.json", "away": filepath.Join(above, "outside.json"), "dangling": "nothing", "itself": "itself.json"} {
		if err := os.Symlink(target, filepath.Join(directory, name+".json")); err != nil {
			t.Fatal(err)
		}
	}
	s := source(t, directory)
	const cannot = "cannot be the name of a file"
	for key, want := range map[domain.EnvironmentKey][]string{
		"":                {cannot},
		"../outside":      {cannot},
		"a/../../outside": {cannot},
		"sub.json/..":     {cannot},
		"/etc/passwd":     {cannot},
		`..\outside`:      {cannot},
		"a\x00":           {cannot},
		"missing":         {filepath.Join(directory, "missing.json"), "create that file"},
		"dangling":        {"dangling.json", "create that file"},
		"out":             {"out.json", "does not lead out of the directory"},
		"away":            {"away.json", "does not lead out of the directory"},
		"itself":          {"itself.json"},
		"sub":             {"sub.json", "regular file"},
		"large":           {"large.json", "max_document_bytes", fmt.Sprint(limit)},
		"half":            {"half.json", "invalid JSON", "perhaps being written"},
		"empty":           {"empty.json", "invalid JSON: it is empty"},
		"list":            {"list.json: not a usable environment document: it is a list", "what Flagsmith answers"},
		"parts":           {"parts.json: not a usable environment document: api_key is missing", "what Flagsmith answers"},
		"utf16":           {"utf16.json", "is in UTF-16 or UTF-32, must be in UTF-8"},
		"latin1":          {"latin1.json", "invalid JSON", "must be in UTF-8"},
		"comment":         {"comment.json", "begins with a comment, which JSON does not have"},
		"page":            {"page.json", "is a web page, not JSON"},
		"gzip":            {"gzip.json", "is compressed with gzip"},
		"comma":           {"comma.json", "invalid JSON", "at byte"},
		domain.EnvironmentKey(strings.Repeat("x", 1000)): {"xxx"},
	} {
		d, err := fetch(t, s, key, time.Time{})
		var failed *ports.FetchError
		if !errors.As(err, &failed) {
			t.Errorf("%q: %+v, %v", key, d, err)
			continue
		}
		for _, part := range want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: %q does not say %q", key, err, part)
			}
		}
		if whole := key != "half"; whole && strings.Contains(err.Error(), "being written") || strings.Contains(err.Error(), "statat") || strings.Contains(err.Error(), "API that") {
			t.Errorf("%q: %q is about something else", key, err)
		}
		if failed.Status != 0 || d.Body != nil {
			t.Errorf("%q: status %d, %q", key, failed.Status, d.Body)
		}
	}
}

// Editors on Windows put a byte order mark before a text.
func TestByteOrderMark(t *testing.T) {
	directory := t.TempDir()
	text := document("x", "")
	write(t, filepath.Join(directory, "a.json"), "\ufeff"+text)
	if d, err := fetch(t, source(t, directory), "a", time.Time{}); err != nil || string(d.Body) != text {
		t.Errorf("%q, %v", d.Body, err)
	}
}

// A file where the directory should be, and a directory that is not there.
func TestWrongDirectories(t *testing.T) {
	directory := t.TempDir()
	file := filepath.Join(directory, "a.json")
	write(t, file, document("a", ""))
	for path, want := range map[string]string{
		file:                             "api_url must name the directory of the documents, not a file",
		filepath.Join(directory, "none"): "create the directory " + filepath.Join(directory, "none") + " with that file in it",
	} {
		if _, err := fetch(t, source(t, path), "a", time.Time{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func TestMissingDirectory(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "later")
	s := source(t, directory)
	if _, err := fetch(t, s, "a", time.Time{}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), filepath.Join(directory, "a.json")) {
		t.Errorf("%v", err)
	}
	if err := os.Mkdir(directory, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(directory, "a.json"), document("a", ""))
	if _, err := fetch(t, s, "a", time.Time{}); err != nil {
		t.Error(err)
	}
}

func TestJustTheLimit(t *testing.T) {
	directory := t.TempDir()
	text := document("x", "")
	text += strings.Repeat(" ", limit-len(text))
	write(t, filepath.Join(directory, "a.json"), text)
	if d, err := fetch(t, source(t, directory), "a", time.Time{}); err != nil || string(d.Body) != text {
		t.Errorf("%d bytes, %v", len(d.Body), err)
	}
}

func TestNotModified(t *testing.T) {
	const noon, later = "2024-01-01T12:00:00.123456Z", "2024-01-01T12:00:00.123457Z"
	at := func(text string) time.Time {
		tm, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return tm
	}
	const modified, notModified, failed = "modified", "not modified", "failed"
	type step struct {
		file  string // "" leaves it
		since time.Time
		want  string
	}
	unusable := `{"updated_at": "` + noon + `"}`
	for name, steps := range map[string][]step{
		"the same": {
			{document("a", noon), time.Time{}, modified},
			{"", at(noon), notModified},
			{"", at(noon).In(time.FixedZone("", 3600)), notModified},
			{"", time.Time{}, modified},
			{"", at(noon), notModified},
		},
		"written again with the same content": {
			{document("a", noon), time.Time{}, modified},
			{document("a", noon), at(noon), notModified},
		},
		"held from an earlier run": {
			{document("a", noon), at(noon), modified},
			{"", at(noon), notModified},
		},
		"another condition": {
			{document("a", noon), time.Time{}, modified},
			{"", at(later), modified},
			{"", at(noon).Truncate(time.Second), modified},
		},
		"changed": {
			{document("a", noon), time.Time{}, modified},
			{document("b", later), at(noon), modified},
			{"", at(noon), modified}, // it was not taken
			{"", at(later), notModified},
		},
		"changed, with the same updated_at and size": {
			{document("a", noon), time.Time{}, modified},
			{document("b", noon), at(noon), modified},
		},
		"unusable, with the same updated_at": {
			{document("a", noon), time.Time{}, modified},
			{unusable, at(noon), failed},
			{"", at(noon), failed}, // does not confirm the document before it
			{document("a", noon), at(noon), modified},
			{"", at(noon), notModified},
		},
		"half-written": {
			{document("a", noon), time.Time{}, modified},
			{document("b", later)[:20], at(noon), failed},
			{"", at(noon), failed},
			{document("b", later), at(noon), modified},
		},
		"without updated_at": {
			{strings.Replace(document("a", noon), "updated_at", "x", 1), time.Time{}, modified},
			{"", time.Time{}, modified},
			{"", at(noon), modified},
		},
	} {
		t.Run(name, func(t *testing.T) {
			directory := t.TempDir()
			s := source(t, directory)
			// A neighbour must not matter.
			write(t, filepath.Join(directory, "other.json"), document("other", later))
			text := ""
			for i, step := range steps {
				if step.file != "" {
					text = step.file
					write(t, filepath.Join(directory, "a.json"), text)
				}
				if _, err := fetch(t, s, "other", time.Time{}); err != nil {
					t.Fatal(err)
				}
				d, err := fetch(t, s, "a", step.since)
				got := modified
				switch {
				case err != nil:
					got = failed
				case d.NotModified:
					got = notModified
				}
				if got != step.want {
					t.Errorf("step %d: %s, want %s (%v)", i+1, got, step.want, err)
				}
				if got == modified && string(d.Body) != text || got != modified && d.Body != nil {
					t.Errorf("step %d: the body is %q", i+1, d.Body)
				}
			}
		})
	}
}

func TestContextOfAFetch(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := source(t, t.TempDir()).FetchDocument(ctx, ports.DocumentRequest{Environment: "a"}); err != context.Canceled {
		t.Errorf("%v, want the context's error", err)
	}
}
