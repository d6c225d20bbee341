package config_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

// patience is how long a change may take to be noticed on a busy machine. Only a
// failing test waits for all of it.
const patience = time.Minute

// settle is the quiet time that ends a change.
const settle = 200 * time.Millisecond

// filesOf returns files as they are now.
func filesOf(t *testing.T, paths ...string) config.Files {
	t.Helper()
	var r config.Reading
	for _, path := range paths {
		_, _ = r.ReadFile(path)
	}
	return r.Files()
}

// watching is a Watch under way.
type watching struct {
	files chan config.Files
}

func watch(t *testing.T, f config.Files) *watching {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &watching{make(chan config.Files, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		files, err := f.Watch(ctx, settle, func(err error) { t.Errorf("degraded: %v", err) })
		if err == nil {
			w.files <- files
		} else if !errors.Is(err, context.Canceled) {
			t.Errorf("Watch: %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return w
}

func (w *watching) change(t *testing.T) config.Files {
	t.Helper()
	select {
	case files := <-w.files:
		return files
	case <-time.After(patience):
		t.Fatal("the change was not noticed")
		return nil
	}
}

// quiet checks that no change is reported for more than twice the time that a
// change takes to settle.
func (w *watching) quiet(t *testing.T) {
	t.Helper()
	select {
	case <-w.files:
		t.Error("a change was reported where there was none")
	case <-time.After(500 * time.Millisecond):
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func TestWatchSees(t *testing.T) {
	for name, c := range map[string]struct {
		prepare, change func(t *testing.T, dir string)
	}{
		"a write": {nil, func(t *testing.T, dir string) { write(t, filepath.Join(dir, "file"), "2") }},
		"a rename over it": {nil, func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "new"), "2")
			rename(t, filepath.Join(dir, "new"), filepath.Join(dir, "file"))
		}},
		"an editor that renames the old one away": {nil, func(t *testing.T, dir string) {
			rename(t, filepath.Join(dir, "file"), filepath.Join(dir, "file~"))
			write(t, filepath.Join(dir, "file"), "2")
		}},
		"its removal": {nil, func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "file")); err != nil {
				t.Fatal(err)
			}
		}},
		"its coming": {func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "file")); err != nil {
				t.Fatal(err)
			}
		}, func(t *testing.T, dir string) { write(t, filepath.Join(dir, "file"), "2") }},
		"the link of a ConfigMap swapped": {func(t *testing.T, dir string) {
			if err := errors.Join(os.Remove(filepath.Join(dir, "file")), os.Mkdir(filepath.Join(dir, "..1"), 0o700), os.Mkdir(filepath.Join(dir, "..2"), 0o700)); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "..1", "file"), "1")
			write(t, filepath.Join(dir, "..2", "file"), "2")
			link(t, "..1", filepath.Join(dir, "..data"))
			link(t, filepath.Join("..data", "file"), filepath.Join(dir, "file"))
		}, func(t *testing.T, dir string) {
			link(t, "..2", filepath.Join(dir, "..data_tmp"))
			rename(t, filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data"))
		}},
		"a write to where a link leads": {func(t *testing.T, dir string) {
			elsewhere := filepath.Join(t.TempDir(), "target")
			rename(t, filepath.Join(dir, "file"), elsewhere)
			link(t, elsewhere, filepath.Join(dir, "file"))
		}, func(t *testing.T, dir string) {
			target, err := os.Readlink(filepath.Join(dir, "file"))
			if err != nil {
				t.Fatal(err)
			}
			write(t, target, "2")
		}},
		"the directory replaced": {nil, func(t *testing.T, dir string) {
			if err := os.Mkdir(dir+".new", 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir+".new", "file"), "2")
			rename(t, dir, dir+".old")
			rename(t, dir+".new", dir)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "watched")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "file")
			write(t, file, "1")
			if c.prepare != nil {
				c.prepare(t, dir)
			}
			before := filesOf(t, file)
			w := watch(t, before)
			began := time.Now()
			c.change(t, dir)
			after := w.change(t)
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("noticed after %v: by chance, not by an event", took)
			}
			if after[file] == before[file] || after[file] != filesOf(t, file)[file] {
				t.Error("the reported files are not the present ones")
			}
			watch(t, after).quiet(t)
		})
	}
}

func TestWatchSeesWhatHappenedBefore(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "1")
	before := filesOf(t, file)
	write(t, file, "2")
	watch(t, before).change(t)
}

func TestWatchIgnores(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, other := filepath.Join(dir, "file"), filepath.Join(dir, "other")
	write(t, file, "1")
	w := watch(t, filesOf(t, file))
	write(t, other, "log")
	rename(t, other, other+".1")
	write(t, file, "1") // the same again
	w.quiet(t)
	write(t, file, "2")
	w.change(t)
}

// A file may be removed and written again: Watch waits for it.
func TestWatchWaitsForAFileThatVanishes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write(t, file, "1")
	w := watch(t, filesOf(t, file))
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	w.quiet(t) // for less than the two seconds that it gets
	write(t, file, "2")
	if got := w.change(t); got[file] != filesOf(t, file)[file] {
		t.Error("the absence of the file was reported")
	}
}

func TestWatchTakesABurstForOneChange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, other := filepath.Join(dir, "file"), filepath.Join(dir, "other")
	write(t, file, "1")
	write(t, other, "1")
	w := watch(t, filesOf(t, file, other))
	for range 50 {
		write(t, file, "half")
	}
	write(t, file, "2")
	write(t, other, "2")
	after := w.change(t)
	if now := filesOf(t, file, other); after[file] != now[file] || after[other] != now[other] {
		t.Error("told before the last write")
	}
}

// What changed before the watch stood may be half of something, like any other
// change.
func TestWatchLetsSettleWhatChangedBefore(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "1")
	before := filesOf(t, file)
	write(t, file, "2")
	began := time.Now()
	w := watch(t, before)
	if w.change(t); time.Since(began) < settle {
		t.Errorf("told after %s", time.Since(began))
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := filesOf(t).Watch(ctx, settle, func(error) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestWatchWithoutADirectory(t *testing.T) {
	reason := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	files := filesOf(t, filepath.Join(t.TempDir(), "no", "such", "file"))
	ended := make(chan error, 1)
	go func() {
		_, err := files.Watch(ctx, settle, func(err error) { reason <- err })
		ended <- err
	}()
	if err := <-reason; err == nil {
		t.Error("degraded without a reason")
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
