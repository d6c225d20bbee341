package standard_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/standard"
	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

// bench is a store under the URLs of scheme "test" and a directory to work in.
type bench struct {
	*sharedmemory.Backend
	dir    string
	handle ports.Store
	// wrap changes what commands are given.
	wrap   func(ports.Store) ports.Store
	prefix string // that was asked for last
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{Backend: sharedmemory.New(), dir: t.TempDir(), wrap: func(s ports.Store) ports.Store { return s }}
	b.handle = b.open(t)
	t.Cleanup(func() { _ = b.handle.Close() })
	return b
}

func (b *bench) open(t testing.TB) ports.Store {
	t.Helper()
	s, err := b.Open(t.Context(), &url.URL{Scheme: memory.Scheme}, ports.StoreDeps{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (b *bench) put(t testing.TB, r ports.Record) ports.Version {
	t.Helper()
	held, err := b.handle.Stat(t.Context(), r.Key)
	if err != nil && !errors.Is(err, ports.ErrNotFound) {
		t.Fatal(err)
	}
	v, err := b.handle.Put(t.Context(), r, held.Version)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (b *bench) get(t testing.TB, key domain.EnvironmentKey) ports.Record {
	t.Helper()
	r, err := b.handle.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("Get(%q): %v", key, err)
	}
	return r
}

type result struct {
	code           int
	stdout, stderr string
}

// run runs "edge-proxy store" with args, on the bench's store.
func (b *bench) run(t testing.TB, args ...string) result {
	t.Helper()
	// No proxy of the machine is to be asked.
	return b.runWith(t, []string{"STORE_URL=test:", "ADMIN_PORT=0"}, args...)
}

func (b *bench) runWith(t testing.TB, environ []string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := standard.Run(t.Context(), standard.Process{
		Args: append([]string{"edge-proxy", "store"}, args...), Environ: environ, WorkingDir: b.dir,
		Stdout: &stdout, Stderr: &stderr,
	}, standard.WithStore("test", func(_ context.Context, u *url.URL, d ports.StoreDeps) (ports.Store, error) {
		b.prefix = d.Prefix
		if u.Opaque == "broken" {
			return nil, errors.New("repair it")
		}
		return b.wrap(b.open(t)), nil
	}))
	return result{code, stdout.String(), stderr.String()}
}

func (r result) want(t testing.TB, code int, stdout, stderr []string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	for _, want := range stdout {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("no %q on standard output", want)
		}
	}
	for _, want := range stderr {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("no %q on standard error", want)
		}
	}
	if stdout == nil && r.stdout != "" || stderr == nil && r.stderr != "" {
		t.Error("something was printed that should not")
	}
	if t.Failed() {
		t.Logf("standard output:\n%sstandard error:\n%s", r.stdout, r.stderr)
	}
}

func updated() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC) }
func checked() time.Time { return time.Date(2026, 2, 3, 4, 5, 6, 1000, time.UTC) }

func shop() ports.Record {
	return ports.Record{Key: "shop", Body: []byte("{\"name\": \"Shop\"}\r\n"), UpdatedAt: updated(), CheckedAt: checked()}
}

func TestStoreUsage(t *testing.T) {
	b := newBench(t)
	for _, tt := range []struct {
		args           []string
		code           int
		stdout, stderr []string
	}{
		{[]string{}, 2, nil, []string{"a command is missing", "Usage: edge-proxy store COMMAND"}},
		{[]string{"--help"}, 0, []string{"Usage: edge-proxy store COMMAND", "list", "get", "export", "import"}, nil},
		{[]string{"-h"}, 0, []string{"Usage: edge-proxy store COMMAND"}, nil},
		{[]string{"drop"}, 2, nil, []string{`unknown command "drop"`, "Usage: edge-proxy store COMMAND"}},
		{[]string{"delete"}, 2, nil, []string{"KEY is missing", "Usage: edge-proxy store delete KEY"}},
		{[]string{"diff"}, 2, nil, []string{"OTHER is missing", "Usage: edge-proxy store diff OTHER"}},
		{[]string{"verify", "shop"}, 2, nil, []string{`unexpected argument "shop"`}},
		{[]string{"list", "--help"}, 0, []string{"Usage: edge-proxy store list\n", "-json", "-store", "-prefix"}, nil},
		{[]string{"get", "--help"}, 0, []string{"Usage: edge-proxy store get KEY\n", "-output", "-stat"}, nil},
		{[]string{"export", "--help"}, 0, []string{"Usage: edge-proxy store export DIR\n"}, nil},
		{[]string{"import", "--help"}, 0, []string{"Usage: edge-proxy store import DIR\n", "-force"}, nil},
		{[]string{"list", "shop"}, 2, nil, []string{`unexpected argument "shop"`}},
		{[]string{"get"}, 2, nil, []string{"KEY is missing"}},
		{[]string{"get", "a", "b"}, 2, nil, []string{`unexpected argument "b"`}},
		{[]string{"get", "a", "--nope"}, 2, nil, []string{"nope", "Usage: edge-proxy store get KEY"}},
		{[]string{"get", "a", "--json"}, 2, nil, []string{"--json goes with --stat"}},
		{[]string{"get", "a", "--stat", "--output", "x"}, 2, nil, []string{"--output without it"}},
		{[]string{"export"}, 2, nil, []string{"DIR is missing"}},
		{[]string{"import"}, 2, nil, []string{"DIR is missing"}},
		{[]string{"list", "--store", "nowhere"}, 2, nil, []string{`store.url is "nowhere"`, "(flag --store)"}},
		{[]string{"list", "--store", "ftp://u:geheim@h"}, 2, nil, []string{"unknown scheme", "bolt:", "memory:", "redis:", "test:"}},
		{[]string{"list", "--store", "memory:"}, 2, nil, []string{"inside the process"}},
		{[]string{"list", "--store", "test:broken"}, 1, nil, []string{"opening the store test:broken: repair it"}},
		{[]string{"list", "--prefix", "{"}, 2, nil, []string{"store.prefix is", "(flag --prefix)"}},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			got := b.run(t, tt.args...)
			got.want(t, tt.code, tt.stdout, tt.stderr)
			if strings.Contains(got.stderr, "geheim") {
				t.Error("the password is shown")
			}
		})
	}
}

func TestStoreOfTheConfiguration(t *testing.T) {
	b := newBench(t)
	b.put(t, shop())
	if err := os.WriteFile(filepath.Join(b.dir, "config.json"), []byte(`{"server": {"port": "any"}, "store": {"url": "test:", "prefix": "blue", "prefx": 1}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	got := b.runWith(t, nil, "list")
	got.want(t, 0, []string{"shop"}, []string{"warning: store.prefx"})
	if b.prefix != "blue" {
		t.Errorf("prefix %q", b.prefix)
	}
	b.runWith(t, nil, "list", "--prefix", "green")
	if b.prefix != "green" {
		t.Errorf("prefix %q", b.prefix)
	}
	b.runWith(t, []string{"STORE_URL=bolt:///none/none/none"}, "list", "--store=test:").want(t, 0, []string{"shop"}, []string{"warning"})
}

func TestStoreList(t *testing.T) {
	b := newBench(t)
	b.run(t, "list").want(t, 0, []string{"KEY", "BYTES", "UPDATED_AT", "CHECKED_AT", "VERSION"}, nil)
	if got := b.run(t, "list", "--json"); got.stdout != "" || got.code != 0 {
		t.Errorf("an empty store: %+v", got)
	}

	v := b.put(t, shop())
	b.put(t, ports.Record{Key: "a b/\n\xff"})
	b.put(t, ports.Record{Key: "ser.never_to_be_seen_4711"})
	got := b.run(t, "list")
	got.want(t, 0, []string{"shop", "18", "2026-01-02T03:04:05.678901Z", "2026-02-03T04:05:06.000001Z", string(v), "a%20b%2F%0A%FF", "4711"}, nil)
	if n := strings.Count(got.stdout, "\n"); n != 4 {
		t.Errorf("%d lines, want 4", n)
	}
	if strings.Contains(got.stdout, "never_to_be_seen") {
		t.Error("a server-side key is shown")
	}

	lines := strings.Split(strings.TrimSpace(b.run(t, "list", "--json").stdout), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines, want 3: %q", len(lines), lines)
	}
	var last struct {
		Key, SHA256, Version string
		Bytes                int
		UpdatedAt            time.Time `json:"updated_at"`
		CheckedAt            time.Time `json:"checked_at"`
	}
	if err := json.Unmarshal([]byte(lines[2]), &last); err != nil {
		t.Fatal(err)
	}
	if last.Key != "shop" || last.Bytes != 18 || len(last.SHA256) != 64 || last.Version != string(v) || !last.UpdatedAt.Equal(updated()) || !last.CheckedAt.Equal(checked()) {
		t.Errorf("%+v", last)
	}
	if strings.Contains(lines[0], "_at") {
		t.Errorf("times that are unknown: %s", lines[0])
	}
}

// faulty is a store some of whose calls fail.
type faulty struct {
	ports.Store
	get   func(domain.EnvironmentKey) error
	list  error
	close error
}

func (f *faulty) Get(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	if f.get != nil {
		if err := f.get(key); err != nil {
			return ports.Record{}, err
		}
	}
	return f.Store.Get(ctx, key)
}

func (f *faulty) List(ctx context.Context) ([]domain.EnvironmentKey, error) {
	if f.list != nil {
		return nil, f.list
	}
	return f.Store.List(ctx)
}

func (f *faulty) Close() error { return errors.Join(f.Store.Close(), f.close) }

func TestStoreFailures(t *testing.T) {
	b := newBench(t)
	b.put(t, shop())
	b.put(t, ports.Record{Key: "other"})
	failing := func(key domain.EnvironmentKey, err error) func(domain.EnvironmentKey) error {
		return func(k domain.EnvironmentKey) error {
			if k == key {
				return err
			}
			return nil
		}
	}
	for _, tt := range []struct {
		name           string
		fault          faulty
		args           []string
		stdout, stderr []string
	}{
		{"list: away", faulty{list: ports.ErrUnavailable}, []string{"list"}, nil, []string{"store unavailable"}},
		{"list: away amid", faulty{get: failing("shop", ports.ErrUnavailable)}, []string{"list"}, []string{"other"}, []string{"store unavailable"}},
		{"list: corrupt", faulty{get: failing("other", ports.ErrCorrupt)}, []string{"list"}, []string{"shop", "other", "(corrupt record)"}, []string{"1 of the documents cannot be read"}},
		{"list: corrupt, JSON", faulty{get: failing("other", ports.ErrCorrupt)}, []string{"list", "--json"}, []string{`{"key":"other","error":"corrupt record"}`}, []string{"1 of"}},
		{"list: close", faulty{close: ports.ErrUnavailable}, []string{"list"}, []string{"shop"}, []string{"closing the store"}},
		{"get: none", faulty{}, []string{"get", "nope"}, nil, []string{"no document under nope"}},
		{"get: no server-side key", faulty{}, []string{"get", "ser.never_to_be_seen_4711"}, nil, []string{"no document under ser."}},
		{"get: corrupt", faulty{get: failing("shop", ports.ErrCorrupt)}, []string{"get", "shop"}, nil, []string{"corrupt record"}},
		{"get: interrupted", faulty{get: failing("shop", context.Canceled)}, []string{"get", "shop"}, nil, []string{"interrupted"}},
		{"get: nowhere to write", faulty{}, []string{"get", "shop", "--output", "no/such/file"}, nil, []string{"no such file"}},
		{"export: away", faulty{list: ports.ErrUnavailable}, []string{"export", "away"}, nil, []string{"store unavailable"}},
		{"export: corrupt", faulty{get: failing("other", ports.ErrCorrupt)}, []string{"export", "partial"}, []string{"exported 1 document(s)"}, []string{"left out: other: corrupt record"}},
		{"export: no such place", faulty{}, []string{"export", "no/such/place"}, nil, []string{"no such file"}},
		{"import: no such place", faulty{}, []string{"import", "nowhere"}, nil, []string{"no such file"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b.wrap = func(s ports.Store) ports.Store { f := tt.fault; f.Store = s; return &f }
			got := b.run(t, tt.args...)
			got.want(t, 1, tt.stdout, tt.stderr)
			if strings.Contains(got.stdout+got.stderr, "never_to_be_seen") {
				t.Error("a server-side key is shown")
			}
		})
	}
}

func TestStoreGet(t *testing.T) {
	b := newBench(t)
	v := b.put(t, shop())
	b.put(t, ports.Record{Key: "a b%", Body: []byte("odd")})
	if got := b.run(t, "get", "shop"); got.stdout != string(shop().Body) || got.code != 0 {
		t.Errorf("got %+v", got)
	}
	for _, key := range []string{"a b%", "a%20b%25"} {
		if got := b.run(t, "get", key); got.stdout != "odd" {
			t.Errorf("get %q: %+v", key, got)
		}
	}
	b.run(t, "get", "shop", "--stat").want(t, 0, []string{
		"key         shop\n", "bytes       18\n", "sha256      ", "updated_at  2026-01-02T03:04:05.678901Z\n", "checked_at  2026-02-03T04:05:06.000001Z\n", "version     " + string(v) + "\n",
	}, nil)
	b.run(t, "get", "--stat", "a%20b%25").want(t, 0, []string{"updated_at  -\n"}, nil)
	b.run(t, "get", "--stat", "--json", "shop").want(t, 0, []string{`{"key":"shop","bytes":18,`}, nil)

	path := filepath.Join(b.dir, "document.json")
	if err := os.WriteFile(path, []byte("replace me"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.run(t, "get", "shop", "--output", "document.json").want(t, 0, nil, nil)
	wantFile(t, path, shop().Body)
}

func wantFile(t testing.TB, path string, content []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, content) {
		t.Errorf("%s holds %q, want %q", path, got, content)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("%s has mode %s", path, info.Mode())
	}
}

func TestStoreExportAndImport(t *testing.T) {
	from, to := newBench(t), newBench(t)
	records := []ports.Record{
		shop(),
		{Key: "no times"},
		{Key: "../\xff\x00", Body: []byte("\xff\r\n"), UpdatedAt: updated().Add(time.Microsecond), CheckedAt: checked().Add(time.Microsecond)},
	}
	for _, r := range records {
		from.put(t, r)
	}
	from.run(t, "export", "backup").want(t, 0, []string{"exported 3 document(s) to backup"}, nil)
	dir := filepath.Join(from.dir, "backup")
	wantFile(t, filepath.Join(dir, "shop.json"), shop().Body)

	to.run(t, "import", dir).want(t, 0, []string{"shop: imported\n", "..%2F%FF%00: imported\n", "3 imported, 0 there already, 0 kept"}, nil)
	for _, r := range records {
		got := to.get(t, r.Key)
		if !bytes.Equal(got.Body, r.Body) || !got.UpdatedAt.Equal(r.UpdatedAt) || !got.CheckedAt.Equal(r.CheckedAt) {
			t.Errorf("%q came back as %q, %v, %v", r.Key, got.Body, got.UpdatedAt, got.CheckedAt)
		}
	}
	to.run(t, "import", dir).want(t, 0, []string{"0 imported, 3 there already, 0 kept"}, nil)

	from.run(t, "export", "backup").want(t, 1, nil, []string{"backup is not empty"})
	if err := os.Mkdir(filepath.Join(from.dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	from.run(t, "export", "empty").want(t, 0, []string{"exported"}, nil)
}

func TestStoreExportRefusesServerSideKeys(t *testing.T) {
	b := newBench(t)
	b.put(t, ports.Record{Key: "ser.never_to_be_seen_4711"})
	got := b.run(t, "export", "backup")
	got.want(t, 1, nil, []string{"4711", "must never be in a store"})
	if strings.Contains(got.stderr, "never_to_be_seen") {
		t.Error("it is shown")
	}
	b.run(t, "import", "backup").want(t, 1, nil, []string{"has no manifest.json"})
}

func TestStoreImportOverOthers(t *testing.T) {
	day := 24 * time.Hour
	change := func(body string, updatedBy, checkedBy time.Duration) ports.Record {
		r := shop()
		if body != "" {
			r.Body = []byte(body)
		}
		r.UpdatedAt, r.CheckedAt = r.UpdatedAt.Add(updatedBy), r.CheckedAt.Add(checkedBy)
		return r
	}
	for name, tt := range map[string]struct {
		held   ports.Record
		want   string
		forced string
	}{
		"the same":                           {shop(), "there already", "there already"},
		"the same but for nanoseconds":       {change("", 1, 1), "there already", "there already"},
		"the same, confirmed before":         {change("", 0, -day), "imported", "imported"},
		"the same, confirmed since":          {change("", 0, day), "there already", "imported"},
		"older":                              {change("old", -day, -day), "imported", "imported"},
		"newer":                              {change("new", day, day), "kept", "imported"},
		"newer, confirmed before":            {change("new", day, -day), "kept", "imported"},
		"older, confirmed since":             {change("old", -day, day), "kept", "imported"},
		"other content, confirmed since":     {change("other", 0, day), "kept", "imported"},
		"other content, confirmed before":    {change("other", 0, -day), "imported", "imported"},
		"other content, everything the same": {change("other", 0, 0), "imported", "imported"},
	} {
		for _, force := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", forced"}[force], func(t *testing.T) {
				b := newBench(t)
				b.put(t, shop())
				b.run(t, "export", "backup").want(t, 0, []string{"exported"}, nil)
				b.put(t, tt.held)
				args, want := []string{"import", "backup"}, tt.want
				if force {
					args, want = append(args, "--force"), tt.forced
				}
				code := map[bool]int{true: 1}[want == "kept"]
				b.run(t, args...).want(t, code, []string{"shop: " + want}, nil)
				expected := shop()
				if want != "imported" {
					expected = tt.held
				}
				if got := b.get(t, "shop"); !bytes.Equal(got.Body, expected.Body) || !got.UpdatedAt.Equal(expected.UpdatedAt) || !got.CheckedAt.Equal(expected.CheckedAt) {
					t.Errorf("the store has %q, %v, %v", got.Body, got.UpdatedAt, got.CheckedAt)
				}
			})
		}
	}
}

// racing lets somebody else change a record whenever it was read.
type racing struct {
	ports.Store
	change func()
}

func (r *racing) Get(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	record, err := r.Store.Get(ctx, key)
	r.change()
	return record, err
}

func TestStoreImportAmidChanges(t *testing.T) {
	b := newBench(t)
	b.put(t, shop())
	b.run(t, "export", "backup").want(t, 0, []string{"exported"}, nil)
	old := shop()
	old.Body, old.UpdatedAt, old.CheckedAt = []byte("old"), time.Time{}, time.Time{}
	b.put(t, old)

	newer := shop()
	newer.Body, newer.UpdatedAt = []byte("new"), updated().Add(time.Hour)
	b.wrap = func(s ports.Store) ports.Store { return &racing{s, func() { b.put(t, newer) }} }
	b.run(t, "import", "backup").want(t, 1, []string{"shop: kept"}, nil)
	if got := b.get(t, "shop"); string(got.Body) != "new" {
		t.Errorf("the store has %q", got.Body)
	}

	b.wrap = func(s ports.Store) ports.Store { return &racing{s, func() { b.put(t, old) }} }
	b.put(t, old)
	b.run(t, "import", "backup").want(t, 1, nil, []string{"shop: version conflict: others changed it"})
}

func TestStoreImportOverACorruptRecord(t *testing.T) {
	b := newBench(t)
	b.put(t, shop())
	b.run(t, "export", "backup").want(t, 0, []string{"exported"}, nil)
	b.Wipe() // what cannot be read counts as absent to Put
	b.wrap = func(s ports.Store) ports.Store {
		return &faulty{Store: s, get: func(domain.EnvironmentKey) error { return ports.ErrCorrupt }}
	}
	b.run(t, "import", "backup").want(t, 0, []string{"shop: imported"}, nil)
	b.get(t, "shop")
}

// An export that is not sound changes nothing, wherever in it the damage is.
func TestStoreImportRefuses(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"manifest is gone":     func(dir string) error { return os.Remove(filepath.Join(dir, "manifest.json")) },
		"manifest is cut off":  func(dir string) error { return os.Truncate(filepath.Join(dir, "manifest.json"), 100) },
		"document is gone":     func(dir string) error { return os.Remove(filepath.Join(dir, "shop.json")) },
		"document is cut off":  func(dir string) error { return os.Truncate(filepath.Join(dir, "shop.json"), 3) },
		"document leads out":   func(dir string) error { return replaceByLink(filepath.Join(dir, "shop.json"), "../../shop.json") },
		"directory is a file":  func(dir string) error { return errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o600)) },
		"directory is missing": os.RemoveAll,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.put(t, shop())
			b.put(t, ports.Record{Key: "first", Body: []byte("{}")})
			b.run(t, "export", "backup").want(t, 0, []string{"exported 2"}, nil)
			b.Wipe()
			if err := damage(filepath.Join(b.dir, "backup")); err != nil {
				t.Fatal(err)
			}
			b.run(t, "import", "backup").want(t, 1, nil, []string{"edge-proxy store: "})
			if keys, err := b.handle.List(t.Context()); err != nil || len(keys) > 0 {
				t.Errorf("the store has %q, %v", keys, err)
			}
		})
	}
}

func replaceByLink(path, target string) error {
	return errors.Join(os.Remove(path), os.Symlink(target, path))
}
