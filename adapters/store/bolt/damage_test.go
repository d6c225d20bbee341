package bolt_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bbolt "go.etcd.io/bbolt"

	"github.com/edge-proxy/edge-proxy/adapters/store/bolt"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const pageSize = 4096

// goodFile returns the bytes of a file with documents of several sizes and
// revisions, and a state.
func goodFile(t testing.TB) []byte {
	t.Helper()
	path := newPath(t)
	s, _ := open(t, path)
	for i, size := range []int{10, 3000, 70_000} { // the last is two pieces
		key := domain.EnvironmentKey(fmt.Sprint("key-", i))
		v := put(t, s, key, strings.Repeat("first ", size/6), "")
		put(t, s, key, strings.Repeat("second ", size/7), v)
	}
	if _, err := s.PutState(context.Background(), "state", []byte("value"), ""); err != nil {
		t.Fatal(err)
	}
	closeNow(t, s)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A file that cannot be read is set aside as it is, and the store works.
func TestDamagedFileIsSetAside(t *testing.T) {
	t.Parallel()
	good := goodFile(t)
	patched := func(offset int, patch []byte) []byte {
		b := bytes.Clone(good)
		copy(b[offset:], patch)
		return b
	}
	for name, damaged := range map[string][]byte{
		"one byte":                     good[:1],
		"a part of the first page":     good[:100],
		"one page":                     good[:pageSize],
		"two pages":                    good[:2*pageSize],
		"two pages and a half":         good[:2*pageSize+pageSize/2],
		"four pages":                   good[:4*pageSize],
		"half of it":                   good[:len(good)/2],
		"all but the last pages":       good[:highWater(t, good)-pageSize],
		"all but the last byte in use": good[:highWater(t, good)-1],
		"both first pages of zeros":    patched(0, make([]byte, 2*pageSize)),
		"both first pages of noise":    patched(0, noise(2*pageSize)),
		"all but the first of zeros":   patched(2*pageSize, make([]byte, len(good))),
		"all but the first of noise":   patched(2*pageSize, noise(len(good))),
		"only zeros":                   make([]byte, len(good)),
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			s, log := open(t, path)
			names := aside(t, path)
			if len(names) != 1 {
				t.Fatalf("set aside: %v, want one file", names)
			}
			if kept, err := os.ReadFile(names[0]); err != nil || !bytes.Equal(kept, damaged) {
				t.Errorf("what was set aside is not what was there (%d bytes, %v)", len(kept), err)
			}
			if log.count("store_file_set_aside") != 1 || !strings.Contains(log.String(), "level=ERROR") ||
				!strings.Contains(log.String(), names[0]) {
				t.Errorf("it was not told at ERROR, or not where to: %s", log)
			}
			if keys, err := s.List(t.Context()); err != nil || len(keys) > 0 {
				t.Errorf("List of a new file: %v, %v", keys, err)
			}
			put(t, s, "key", "{}", "")
			closeNow(t, s)

			// The next start finds a good file.
			s, log = open(t, path)
			get(t, s, "key")
			if len(aside(t, path)) != 1 || log.String() != "" {
				t.Errorf("set aside again: %v: %s", aside(t, path), log)
			}
		})
	}
}

// highWater returns how many bytes of file are in use or were.
func highWater(t testing.TB, file []byte) int {
	t.Helper()
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	size := 0
	if err := db.View(func(tx *bbolt.Tx) error { size = int(tx.Size()); return nil }); err != nil {
		t.Fatal(err)
	}
	return size
}

func noise(size int) []byte {
	b := make([]byte, size)
	state := uint32(1)
	for i := range b {
		state = state*1664525 + 1013904223
		b[i] = byte(state >> 24)
	}
	return b
}

func foreignDatabase(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "foreign.db")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucket([]byte("theirs"))
		if err == nil {
			err = bucket.Put([]byte("key"), []byte("value"))
		}
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Files set aside within one second keep apart.
func TestSettingAsideOverwritesNothing(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	for i := range 3 {
		if err := os.WriteFile(path, make([]byte, 1+i), 0o600); err != nil {
			t.Fatal(err)
		}
		s, _ := open(t, path)
		closeNow(t, s)
	}
	if names := aside(t, path); len(names) != 3 {
		t.Errorf("set aside: %v, want three files", names)
	}
}

func TestVersionsAfterSettingAside(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	seen := make(map[ports.Version]bool)
	for range 3 {
		s, _ := open(t, path)
		v := ports.Version("")
		for range 5 {
			v = put(t, s, "key", "{}", v)
			if seen[v] {
				t.Fatalf("version %q was used again", v)
			}
			seen[v] = true
		}
		closeNow(t, s)
		if err := os.WriteFile(path, make([]byte, 6), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, _ := open(t, path)
	closeNow(t, s)
}

// bbolt opens these files without a complaint. Later it would allocate without end,
// overwrite a page in use, or fail every Put of an environment.
func TestDamageThatBboltDoesNotNotice(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s, _ := open(t, path)
	for i := range 300 { // enough for a page of branches
		put(t, s, domain.EnvironmentKey(fmt.Sprintf("key-%03d", i)), "first ", "")
	}
	closeNow(t, s)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const branch, leaf, freelist = "branch", "leaf", "freelist"
	order := binary.NativeEndian
	pageOf := func(t *testing.T, kind string) int { return pageInUse(t, path, kind) }
	for name, damage := range map[string]func(t *testing.T, file []byte){
		"a page that leads to itself": func(t *testing.T, file []byte) {
			page := pageOf(t, branch)
			order.PutUint64(file[page*pageSize+16+8:], uint64(page))
		},
		"a page in use that is listed as free": func(t *testing.T, file []byte) {
			order.PutUint64(file[pageOf(t, freelist)*pageSize+16:], uint64(pageOf(t, branch)))
		},
		"keys out of order": func(t *testing.T, file []byte) {
			element := pageOf(t, leaf)*pageSize + 16
			file[element+int(order.Uint32(file[element+4:]))] = 0xFF
		},
	} {
		t.Run(name, func(t *testing.T) {
			path, file := newPath(t), bytes.Clone(good)
			damage(t, file)
			if err := os.WriteFile(path, file, 0o600); err != nil {
				t.Fatal(err)
			}
			s, _ := open(t, path)
			if len(aside(t, path)) != 1 {
				t.Error("the file was not set aside")
			}
			closeNow(t, s)
		})
	}
}

// pageInUse returns the number of a page of the kind that is in use.
func pageInUse(t *testing.T, path, kind string) int {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, PreLoadFreelist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	found := 0
	err = db.View(func(tx *bbolt.Tx) error {
		for page := 2; found == 0; page++ {
			info, err := tx.Page(page)
			if err != nil || info == nil {
				return errors.Join(err, fmt.Errorf("no page of kind %s is in use", kind))
			}
			if info.Type == kind && info.Count > 0 {
				found = page
			}
			page += info.OverflowCount
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Each page of a file in turn is overwritten. Whatever it was, there is a store in
// the end whose documents are whole.
func TestOverwrittenPages(t *testing.T) {
	t.Parallel()
	good := goodFile(t)
	pages := highWater(t, good) / pageSize
	for name, patch := range map[string]func(page int) []byte{
		"zeros":        func(int) []byte { return make([]byte, pageSize) },
		"noise":        func(int) []byte { return noise(pageSize) },
		"ones":         func(int) []byte { return bytes.Repeat([]byte{0xFF}, pageSize) },
		"another page": func(page int) []byte { return good[(page+1)%pages*pageSize:][:pageSize] },
		"half a page":  func(page int) []byte { return good[page*pageSize+pageSize/2:][:pageSize/2] },
	} {
		t.Run(name, func(t *testing.T) {
			for page := range pages {
				path := newPath(t)
				damaged := bytes.Clone(good)
				copy(damaged[page*pageSize:], patch(page))
				if err := os.WriteFile(path, damaged, 0o600); err != nil {
					t.Fatal(err)
				}
				s, _ := open(t, path)
				exercise(t, s)
				closeNow(t, s)
			}
		})
	}
}

// exercise uses a store on what was a good file: documents are whole or corrupt, and
// can be replaced.
func exercise(t testing.TB, s ports.Store) {
	t.Helper()
	ctx := context.Background()
	keys, err := s.List(ctx)
	if err != nil {
		t.Errorf("List: %v", err)
	}
	for _, key := range append(keys, "key-0", "key-1", "key-2") {
		r, err := s.Get(ctx, key)
		switch {
		case err == nil:
			if !repeats(r.Body, "first ") && !repeats(r.Body, "second ") {
				t.Errorf("Get(%q) returned %.40q, which was never put", key, r.Body)
			}
		case !errors.Is(err, ports.ErrNotFound) && !errors.Is(err, ports.ErrCorrupt):
			t.Errorf("Get(%q): %v", key, err)
		}
		put(t, s, key, "second ", r.Version)
		if r := get(t, s, key); string(r.Body) != "second " {
			t.Errorf("Get(%q) after Put: %.40q", key, r.Body)
		}
	}
	if _, _, err := s.GetState(ctx, "state"); err != nil && !errors.Is(err, ports.ErrNotFound) && !errors.Is(err, ports.ErrCorrupt) {
		t.Errorf("GetState: %v", err)
	}
	for _, key := range keys {
		if err := s.Delete(ctx, key); err != nil {
			t.Errorf("Delete(%q): %v", key, err)
		}
	}
}

// repeats reports whether body is text again and again.
func repeats(body []byte, text string) bool {
	return bytes.Equal(body, bytes.Repeat([]byte(text), len(body)/len(text)))
}

// Damage that leaves the file's structure sound is in nobody's way.
func TestPutAfterSoundDamage(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(ports.Store) error{
		"the count of revisions starts again": bolt.RewindRevisions,
		"a former revision became a value":    func(s ports.Store) error { return bolt.FlattenFormerBody(s, "key") },
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := open(t, newPath(t))
			v := put(t, s, "key", "first", put(t, s, "key", "zeroth", ""))
			state, err := s.PutState(t.Context(), "state", []byte("first"), "")
			if err != nil {
				t.Fatal(err)
			}
			if err := damage(s); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				v = put(t, s, "key", "second", v)
				if r := get(t, s, "key"); string(r.Body) != "second" {
					t.Errorf("Get after Put: %q", r.Body)
				}
				if state, err = s.PutState(t.Context(), "state", []byte("second"), state); err != nil {
					t.Errorf("PutState: %v", err)
				}
			}
		})
	}
}

// A file that is overwritten or cut off under the store's hands ends the store's
// use of it, and nothing else.
func TestDamageWhileOpen(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(f *os.File, size int64) error{
		"emptied":                func(f *os.File, _ int64) error { return f.Truncate(0) },
		"cut off":                func(f *os.File, _ int64) error { return f.Truncate(3 * pageSize) },
		"overwritten with zeros": func(f *os.File, size int64) error { return writeAt(f, make([]byte, size), 0) },
		"overwritten with noise": func(f *os.File, size int64) error { return writeAt(f, noise(int(size)), 0) },
		"overwritten but for the first pages": func(f *os.File, size int64) error {
			return writeAt(f, noise(int(size)), 2*pageSize)
		},
	} {
		for order, calls := range map[string][]func(ctx context.Context, s ports.Store) error{
			"read first":  {callGet, callPut, callStat, callTouch},
			"write first": {callPut, callGet, callTouch, callStat},
		} {
			t.Run(name+", "+order, func(t *testing.T) {
				path := newPath(t)
				s, log := open(t, path)
				put(t, s, "key", strings.Repeat("{}", 50_000), "")
				f, err := os.OpenFile(path, os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				info, err := f.Stat()
				if err == nil {
					err = damage(f, info.Size())
				}
				if err != nil {
					t.Fatal(err)
				}
				for _, call := range calls {
					wantError(t, "a call", call(t.Context(), s), ports.ErrUnavailable)
				}
				if log.count("store_file_damaged") != 1 {
					t.Errorf("it was logged %d times that the file is damaged, want once: %s", log.count("store_file_damaged"), log)
				}
				closeNow(t, s)
				if name == "overwritten with noise" { // nothing in it shows whose it was
					_, err := bolt.Open(t.Context(), location(path), deps(new(journal)))
					if err == nil || !strings.Contains(err.Error(), "move the file away") {
						t.Errorf("Open of noise: %v", err)
					}
					if err := os.Remove(path); err != nil {
						t.Error(err)
					}
					return
				}

				s, log = open(t, path)
				if info, err := os.Stat(path); err != nil || info.Size() == 0 {
					t.Errorf("Stat of the new file: %v", err)
				}
				put(t, s, "key", "{}", "")
				if name != "emptied" && log.count("store_file_set_aside") != 1 {
					t.Errorf("the damaged file was not set aside: %s", log)
				}
			})
		}
	}
}

// bbolt panics with a lock held when it finds the first pages gone. Without help,
// running calls would wait for the lock forever.
func TestDamageAmidCalls(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s, _ := open(t, path)
	put(t, s, "key", "{}", "")
	err := bolt.Within(s, func() {
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
		wantError(t, "Get", callGet(t.Context(), s), ports.ErrUnavailable)
		wantError(t, "Put", callPut(t.Context(), s), ports.ErrUnavailable)
	})
	if err != nil {
		t.Errorf("the call under way: %v", err)
	}
	closeNow(t, s)
	s, _ = open(t, path)
	put(t, s, "key", "{}", "")
}

func writeAt(f *os.File, b []byte, offset int64) error {
	_, err := f.WriteAt(b, offset)
	return err
}

func callGet(ctx context.Context, s ports.Store) error {
	_, err := s.Get(ctx, "key")
	return err
}

func callStat(ctx context.Context, s ports.Store) error {
	_, err := s.Stat(ctx, "key")
	return err
}

func callPut(ctx context.Context, s ports.Store) error {
	_, err := s.Put(ctx, ports.Record{Key: "new", Body: make([]byte, 100_000)}, "")
	return err
}

func callTouch(ctx context.Context, s ports.Store) error {
	return s.Touch(ctx, "key", "version", checkedAt())
}

// A file that is not damaged but cannot be used is refused, with what to do, and left
// as it is.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(t *testing.T, path string)
		want    []string
	}{
		"a newer schema": {func(t *testing.T, path string) {
			s, _ := open(t, path)
			closeNow(t, s)
			setSchema(t, path, 2)
		}, []string{"newer version", "schema is 2", "move the file away"}},
		"a newer database format": {func(t *testing.T, path string) {
			b := goodFile(t)
			for page := range 2 {
				b[page*pageSize+16+4]++ // the version in a meta page
				sign(b[page*pageSize:])
			}
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}, []string{"newer version", "move the file away"}},
		"a directory": {func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, []string{"is a directory"}},
		"a text": {func(t *testing.T, path string) {
			fill(t, path, []byte("{\"environment_key_pairs\": []}\n"))
		}, []string{"not a database of this program", "left as it is", "correct store.url"}},
		"a long text": {func(t *testing.T, path string) {
			fill(t, path, bytes.Repeat([]byte("not a database\n"), 10_000))
		}, []string{"not a database of this program", "left as it is"}},
		"noise": {func(t *testing.T, path string) {
			fill(t, path, noise(3<<20))
		}, []string{"not a database of this program", "left as it is"}},
		"another program's database": {func(t *testing.T, path string) {
			fill(t, path, foreignDatabase(t))
		}, []string{"not a database of this program but that of another one", "left as it is"}},
		"a directory with a file": {func(t *testing.T, path string) {
			if err := os.MkdirAll(filepath.Join(path, "more"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, []string{"is a directory"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "documents.db")
			test.prepare(t, path)
			before, _ := os.ReadFile(path)
			for range 2 {
				j := new(journal)
				s, err := bolt.Open(t.Context(), location(path), deps(j))
				if err == nil {
					_ = s.Close()
					t.Fatal("Open succeeded")
				}
				for _, want := range append(test.want, path) {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("the error is %q, want it to say %q", err, want)
					}
				}
				if after, _ := os.ReadFile(path); !bytes.Equal(after, before) || len(aside(t, path)) > 0 || j.String() != "" {
					t.Errorf("the file was changed or set aside: %v: %s", aside(t, path), j)
				}
			}
		})
	}
}

func fill(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func setSchema(t *testing.T, path string, number uint32) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { return bolt.WriteSchema(tx, number) })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestOpenWhereAFileIsInTheWay(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file", "documents.db")
	if err := os.WriteFile(filepath.Dir(path), []byte("a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, filepath.Join(filepath.Dir(path), "deeper", "documents.db")} {
		s, err := bolt.Open(t.Context(), location(path), deps(new(journal)))
		if err == nil {
			_ = s.Close()
			t.Fatalf("Open(%s) succeeded", path)
		}
		if !strings.Contains(err.Error(), "not a directory") || !strings.Contains(err.Error(), path[:len(path)-len("/documents.db")]) {
			t.Errorf("the error is %q, want it to say what is not a directory", err)
		}
	}
}

func TestOpenAnEmptyFile(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, log := open(t, path)
	put(t, s, "key", "{}", "")
	if log.String() != "" {
		t.Errorf("told: %s", log)
	}
}

// One of the two meta pages may have been half written when the power went.
func TestOneMetaPageIsEnough(t *testing.T) {
	t.Parallel()
	good := goodFile(t)
	for page := range 2 {
		path := newPath(t)
		damaged := bytes.Clone(good)
		copy(damaged[page*pageSize:], noise(pageSize))
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		s, log := open(t, path)
		if names := aside(t, path); len(names) > 0 {
			t.Errorf("without meta page %d the file was set aside", page)
		}
		if log.count("store_file_incomplete") != 1 {
			t.Errorf("it was not told that meta page %d is damaged: %s", page, log)
		}
		if r := get(t, s, "key-2"); !bytes.HasPrefix(r.Body, []byte("second ")) {
			t.Errorf("Get: %.20q", r.Body)
		}
		for range 2 { // each writes the page that the one before did not
			put(t, s, "new", "{}", "")
			if err := s.Delete(t.Context(), "new"); err != nil {
				t.Fatal(err)
			}
		}
		closeNow(t, s)
		s, log = open(t, path)
		get(t, s, "key-2")
		if log.String() != "" {
			t.Errorf("told once more: %s", log)
		}
	}
}
