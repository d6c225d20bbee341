package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/archive"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

func now() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC) }

func shop() ports.Record {
	return ports.Record{Key: "shop", Body: []byte("{\"name\": \"Shop\"}\r\n"), UpdatedAt: now(), CheckedAt: now().Add(time.Hour)}
}

// export writes an export of records and returns its directory.
func export(t testing.TB, records ...ports.Record) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "export")
	w, err := archive.Create(dir, now())
	must(t, err)
	defer w.Close()
	for _, r := range records {
		must(t, w.Add(r))
	}
	n, err := w.Finish()
	must(t, err)
	if n != len(records) {
		t.Errorf("%d documents of %d", n, len(records))
	}
	return dir
}

// imported reads an export whole.
func imported(dir string) ([]ports.Record, error) {
	r, err := archive.Open(dir)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var records []ports.Record
	for _, e := range r.Entries() {
		record, err := r.Record(e)
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	return records, nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRoundTrip(t *testing.T) {
	records := []ports.Record{shop(), {Key: "no times"}}
	for i, key := range []string{
		"", ".", "..", "../a", "a/b", `a\b`, "a b", "A", "a", "manifest", "MANIFEST", "%", "%41", "+", "é", "\xff\x00\n", ".hidden", "NUL",
		strings.Repeat("x", 1024), strings.Repeat("x", 1023) + "y", strings.Repeat("\xff", 1024),
	} {
		records = append(records, ports.Record{
			Key: domain.EnvironmentKey(key), Body: bytes.Repeat([]byte{byte(i), 0xff, '\r'}, i),
			UpdatedAt: now().Add(time.Duration(i)), CheckedAt: now().Add(time.Duration(i) * time.Microsecond).In(time.FixedZone("", 3600)),
		})
	}
	dir := export(t, records...)
	got, err := imported(dir)
	must(t, err)
	if len(got) != len(records) {
		t.Fatalf("%d records of %d", len(got), len(records))
	}
	for i, want := range records {
		if r := got[i]; r.Key != want.Key || !bytes.Equal(r.Body, want.Body) || !r.UpdatedAt.Equal(want.UpdatedAt) || !r.CheckedAt.Equal(want.CheckedAt) {
			t.Errorf("%q came back as %q, %d bytes, %v, %v", want.Key, r.Key, len(r.Body), r.UpdatedAt, r.CheckedAt)
		}
	}

	content, err := os.ReadFile(filepath.Join(dir, "shop.json"))
	must(t, err)
	if !bytes.Equal(content, shop().Body) {
		t.Errorf("shop.json holds %q", content)
	}
	files, err := os.ReadDir(dir)
	must(t, err)
	if len(files) != len(records)+1 {
		t.Errorf("%d files", len(files))
	}
	for _, file := range files {
		info, err := file.Info()
		must(t, err)
		if len(file.Name()) > 204 || strings.HasPrefix(file.Name(), ".") || info.Mode() != 0o600 {
			t.Errorf("file %q with mode %s", file.Name(), info.Mode())
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", info.Mode(), err)
	}
}

// Where upper and lower case are one, the second key's file has another name.
func TestNameThatIsTaken(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "export")
	w, err := archive.Create(dir, now())
	must(t, err)
	defer w.Close()
	must(t, os.WriteFile(filepath.Join(dir, "shop.json"), []byte("somebody else's"), 0o600))
	must(t, w.Add(shop()))
	_, err = w.Finish()
	must(t, err)
	got, err := imported(dir)
	must(t, err)
	if len(got) != 1 || got[0].Key != "shop" || !bytes.Equal(got[0].Body, shop().Body) {
		t.Errorf("got %q", got)
	}
}

func TestCreateRefuses(t *testing.T) {
	full := export(t, shop())
	file := filepath.Join(full, "shop.json")
	for path, want := range map[string]string{
		full:                            "is not empty",
		file:                            "not a directory",
		filepath.Join(full, "no", "no"): "no such file",
	} {
		_, err := archive.Create(path, now())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q in it", path, err, want)
		}
	}
}

func TestAddRefusesServerSideKeys(t *testing.T) {
	w, err := archive.Create(t.TempDir(), now())
	must(t, err)
	defer w.Close()
	err = w.Add(ports.Record{Key: "ser.never_to_be_seen_4711"})
	if err == nil || strings.Contains(err.Error(), "never_to_be_seen") || !strings.Contains(err.Error(), "4711") {
		t.Errorf("error %v", err)
	}
}

func TestUnfinished(t *testing.T) {
	dir := t.TempDir()
	w, err := archive.Create(dir, now())
	must(t, err)
	must(t, w.Add(shop()))
	w.Close()
	if _, err := imported(dir); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("error %v", err)
	}
	if _, err := imported(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// edit changes a text of a manifest.
func edit(former, replacement string) func(testing.TB, string) {
	return func(t testing.TB, dir string) {
		path := filepath.Join(dir, "manifest.json")
		text, err := os.ReadFile(path)
		must(t, err)
		edited := strings.Replace(string(text), former, replacement, 1)
		if edited == string(text) {
			t.Fatalf("no %q in %s", former, text)
		}
		must(t, os.WriteFile(path, []byte(edited), 0o600))
	}
}

// manifest replaces a whole manifest.
func manifest(text string) func(testing.TB, string) {
	return func(t testing.TB, dir string) {
		must(t, os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(text), 0o600))
	}
}

// document puts something else in the place of a document.
func document(with func(path string) error) func(testing.TB, string) {
	return func(t testing.TB, dir string) {
		path := filepath.Join(dir, "shop.json")
		must(t, os.Remove(path))
		must(t, with(path))
	}
}

func TestUnsound(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside.json")
	must(t, os.WriteFile(outside, shop().Body, 0o600))
	for name, tt := range map[string]struct {
		damage func(testing.TB, string)
		want   string
	}{
		"manifest is not JSON":     {manifest("{"), "cannot be read"},
		"manifest is empty":        {manifest(""), "cannot be read"},
		"of something else":        {manifest("{}"), "not of an export"},
		"newer":                    {edit(`"version": 1`, `"version": 2`), "newer version"},
		"version 0":                {edit(`"version": 1`, `"version": 0`), "never written"},
		"document is missing":      {document(func(string) error { return nil }), "shop.json"},
		"document was cut off":     {document(func(path string) error { return os.WriteFile(path, []byte("{"), 0o600) }), "shop.json is not what was exported"},
		"document grew":            {document(func(path string) error { return os.WriteFile(path, append(shop().Body, 'x'), 0o600) }), "is not what was exported"},
		"document was changed":     {document(func(path string) error { return os.WriteFile(path, bytes.ToUpper(shop().Body), 0o600) }), "is not what was exported"},
		"document is a directory":  {document(func(path string) error { return os.Mkdir(path, 0o700) }), "not a regular file"},
		"link that leads out":      {document(func(path string) error { return os.Symlink(outside, path) }), "escapes"},
		"relative link, out":       {document(func(path string) error { return os.Symlink("../x.json", path) }), "escapes"},
		"file elsewhere":           {edit(`"shop.json"`, `"../shop.json"`), "records[1]: its file must be"},
		"absolute file":            {edit(`"shop.json"`, `"/etc/passwd"`), "its file must be"},
		"file in a subdirectory":   {edit(`"shop.json"`, `"a/shop.json"`), "its file must be"},
		"file without a name":      {edit(`"shop.json"`, `""`), "its file must be"},
		"the directory":            {edit(`"shop.json"`, `"."`), "its file must be"},
		"the one above":            {edit(`"shop.json"`, `".."`), "its file must be"},
		"the manifest itself":      {edit(`"shop.json"`, `"manifest.json"`), "its file must be"},
		"key is not escaped":       {edit(`"key": "shop"`, `"key": "sh op"`), "its key must be"},
		"key is too long":          {edit(`"key": "shop"`, `"key": "`+strings.Repeat("x", 1025)+`"`), "its key must be"},
		"key is a server-side key": {edit(`"key": "shop"`, `"key": "ser.never_to_be_seen_4711"`), "server-side key"},
		"and one in disguise":      {edit(`"key": "shop"`, `"key": "%73er.never_to_be_seen_4711"`), "server-side key"},
		"key is there twice":       {edit(`"key": "shop"`, `"key": "first"`), "earlier one"},
		"file is there twice":      {edit(`"file": "shop.json"`, `"file": "first.json"`), "earlier one"},
		"negative size":            {edit(`"bytes": 18`, `"bytes": -1`), "size is impossible"},
		"huge size":                {edit(`"bytes": 18`, `"bytes": 9223372036854775807`), "size is impossible"},
		"other size":               {edit(`"bytes": 18`, `"bytes": 17`), "is not what was exported"},
		"no checksum":              {edit(`"sha256": "`, `"sha257": "`), "sha256 is missing"},
		"time is not a time":       {edit(`"updated_at": "`, `"updated_at": "x`), "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := export(t, ports.Record{Key: "first", Body: []byte("{}")}, shop())
			tt.damage(t, dir)
			_, err := imported(dir)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q in it", err, tt.want)
			}
			if strings.Contains(err.Error(), "never_to_be_seen") {
				t.Error("a server-side key is shown")
			}
		})
	}
}

// A link within the directory, as a mounted volume may have, is followed.
func TestLinkWithin(t *testing.T) {
	dir := export(t, shop())
	must(t, os.Rename(filepath.Join(dir, "shop.json"), filepath.Join(dir, "..data")))
	must(t, os.Symlink("..data", filepath.Join(dir, "shop.json")))
	if _, err := imported(dir); err != nil {
		t.Error(err)
	}
}

func FuzzParseManifest(f *testing.F) {
	text, err := os.ReadFile(filepath.Join(export(f, shop(), ports.Record{Key: "a/\xff", Body: []byte("{}")}), "manifest.json"))
	must(f, err)
	f.Add(text)
	f.Add(fmt.Appendf(nil, `{"format":"edge-proxy documents","version":1,"records":[{"key":"%%2E","file":"..","sha256":"%064d"}]}`, 0))
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, err := archive.ParseManifest(text)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, e := range entries {
			key, ok := archive.UnescapeKey(e.Key)
			if !ok || len(key) > 1024 || strings.HasPrefix(key, domain.ServerKeyPrefix) || archive.EscapeKey(key) != e.Key {
				t.Errorf("key %q", e.Key)
			}
			if filepath.Dir(filepath.Join("dir", e.File)) != "dir" || strings.ContainsAny(e.File, `/`) {
				t.Errorf("file %q leads elsewhere", e.File)
			}
			if seen["key "+key] || seen["file "+e.File] || e.Bytes < 0 {
				t.Errorf("entry %+v", e)
			}
			seen["key "+key], seen["file "+e.File] = true, true
		}
	})
}
