package filesource_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/filesource"
	"github.com/edge-proxy/edge-proxy/domain"
)

// notified is a Notify under way.
type notified struct {
	t       *testing.T
	changes chan domain.EnvironmentKey
}

// notify starts Notify with distinct keys and waits until it has reported each for
// the first time; it ends, and has to end, with the test.
func notify(t *testing.T, s *filesource.Source, keys ...domain.EnvironmentKey) *notified {
	t.Helper()
	n := start(t, s, keys...)
	for range keys {
		n.next()
	}
	return n
}

func start(t *testing.T, s *filesource.Source, keys ...domain.EnvironmentKey) *notified {
	n := &notified{t, make(chan domain.EnvironmentKey, 100)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		ended <- s.Notify(ctx, keys, func(key domain.EnvironmentKey, at time.Time) {
			if !at.IsZero() {
				t.Errorf("%s: the time is %v", key, at)
			}
			n.changes <- key
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != context.Canceled {
			t.Errorf("Notify returned %v, want the context's error", err)
		}
	})
	return n
}

func (n *notified) next() domain.EnvironmentKey {
	n.t.Helper()
	select {
	case key := <-n.changes:
		return key
	case <-time.After(30 * time.Second):
		n.t.Fatal("no change was announced")
		return ""
	}
}

// expect waits until the keys have been reported, in any order, and no other has.
func (n *notified) expect(keys ...domain.EnvironmentKey) {
	n.t.Helper()
	left := map[domain.EnvironmentKey]bool{}
	wanted := map[domain.EnvironmentKey]bool{}
	for _, key := range keys {
		left[key], wanted[key] = true, true
	}
	for len(left) > 0 {
		key := n.next()
		if !wanted[key] {
			n.t.Errorf("a change of %s was reported, want %v", key, keys)
		}
		delete(left, key)
	}
}

func do(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestNotify(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, directory, file string){
		"written": func(t *testing.T, _, file string) { write(t, file, document("new", "")) },
		"appended": func(t *testing.T, _, file string) {
			f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
			do(t, err)
			_, err = f.WriteString(" ")
			do(t, err, f.Close())
		},
		"written, same size and time": func(t *testing.T, _, file string) {
			info, err := os.Stat(file)
			do(t, err)
			write(t, file, document("b", ""))
			do(t, os.Chtimes(file, time.Time{}, info.ModTime()))
		},
		"replaced": func(t *testing.T, directory, file string) {
			write(t, filepath.Join(directory, ".a.json.tmp"), document("new", ""))
			do(t, os.Rename(filepath.Join(directory, ".a.json.tmp"), file))
		},
		"replaced from elsewhere": func(t *testing.T, directory, file string) {
			write(t, directory+".tmp", document("new", ""))
			do(t, os.Rename(directory+".tmp", file))
		},
		"backed up and written": func(t *testing.T, _, file string) {
			do(t, os.Rename(file, file+"~"))
			write(t, file, document("new", ""))
		},
		"removed": func(t *testing.T, _, file string) { do(t, os.Remove(file)) },
	} {
		t.Run(name, func(t *testing.T) {
			directory := filepath.Join(t.TempDir(), "documents")
			file := filepath.Join(directory, "a.json")
			do(t, os.Mkdir(directory, 0o700))
			write(t, file, document("a", ""))
			write(t, filepath.Join(directory, "b.json"), document("b", ""))
			n := notify(t, source(t, directory), "a", "b", "c")
			change(t, directory, file)
			n.expect("a")
			write(t, filepath.Join(directory, "c.json"), document("c", ""))
			for n.next() != "c" { // "a" once more is not a mistake
			}
		})
	}
}

func TestNotifyTellsEachKeyFirst(t *testing.T) {
	start(t, source(t, t.TempDir()), "a", "../x", "b", "a").expect("a", "b")
}

func TestNotifyOfAConfigMap(t *testing.T) {
	directory := t.TempDir()
	version := func(name string) {
		do(t, os.Mkdir(filepath.Join(directory, name), 0o700))
		for _, key := range []string{"a", "b"} {
			write(t, filepath.Join(directory, name, key+".json"), document(name, ""))
		}
		do(t, os.Symlink(name, filepath.Join(directory, "..data_tmp")),
			os.Rename(filepath.Join(directory, "..data_tmp"), filepath.Join(directory, "..data")))
	}
	version("..2024_1")
	for _, key := range []string{"a", "b"} {
		do(t, os.Symlink(filepath.Join("..data", key+".json"), filepath.Join(directory, key+".json")))
	}
	write(t, filepath.Join(directory, "c.json"), document("c", ""))
	if d, err := fetch(t, source(t, directory), "a", time.Time{}); err != nil || string(d.Body) != document("..2024_1", "") {
		t.Errorf("%s, %v", d.Body, err)
	}
	s := source(t, directory) // one that has read nothing yet
	n := notify(t, s, "a", "b", "c")
	version("..2024_2")
	n.expect("a", "b")
	if d, err := fetch(t, s, "a", time.Time{}); err != nil || string(d.Body) != document("..2024_2", "") {
		t.Errorf("%s, %v", d.Body, err)
	}
}

func TestNotifyWhenTheDirectoryIsReplaced(t *testing.T) {
	above := t.TempDir()
	directory := filepath.Join(above, "current")
	version := func(name string) {
		do(t, os.Mkdir(filepath.Join(above, name), 0o700))
		write(t, filepath.Join(above, name, "a.json"), document(name, ""))
		do(t, os.Symlink(name, filepath.Join(above, "tmp")), os.Rename(filepath.Join(above, "tmp"), directory))
	}
	version("1")
	n := notify(t, source(t, directory), "a")
	for _, name := range []string{"2", "3"} {
		version(name)
		n.expect("a")
	}
	// The new one is the one that is watched.
	write(t, filepath.Join(above, "3", "a.json"), document("4", ""))
	n.expect("a")
}

func TestNotifyWaitsForTheDirectory(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "later")
	n := start(t, source(t, directory), "a")
	do(t, os.Mkdir(directory, 0o700))
	n.expect("a")
	write(t, filepath.Join(directory, "a.json"), document("a", ""))
	n.expect("a")
	do(t, os.RemoveAll(directory), os.Mkdir(directory, 0o700))
	n.expect("a")
}

// A callee that takes its time loses nothing: what happens meanwhile is reported
// when it has returned.
func TestNotifyWithASlowCallee(t *testing.T) {
	directory := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	entered, release := make(chan domain.EnvironmentKey), make(chan struct{})
	ended := make(chan error)
	go func() {
		ended <- source(t, directory).Notify(ctx, []domain.EnvironmentKey{"a"}, func(key domain.EnvironmentKey, _ time.Time) {
			select {
			case entered <- key:
				<-release
			case <-ctx.Done():
			}
		})
	}()
	<-entered
	for range 5000 {
		write(t, filepath.Join(directory, "a.json"), "{}")
	}
	release <- struct{}{}
	if key := <-entered; key != "a" {
		t.Errorf("%s was notified", key)
	}
	release <- struct{}{}
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Errorf("%v", err)
	}
}

// A file that was read just before the watch began, and has not changed since, is not
// reported: reading it again would repeat what the first time gave, errors included.
func TestNotifyAfterAFetch(t *testing.T) {
	directory := t.TempDir()
	s := source(t, directory)
	write(t, filepath.Join(directory, "same.json"), document("same", ""))
	write(t, filepath.Join(directory, "changed.json"), document("old", ""))
	for _, key := range []domain.EnvironmentKey{"same", "changed", "missing", "created"} {
		_, _ = fetch(t, s, key, time.Time{})
	}
	write(t, filepath.Join(directory, "changed.json"), document("changed", ""))
	write(t, filepath.Join(directory, "created.json"), document("created", ""))
	write(t, filepath.Join(directory, "unread.json"), document("unread", ""))
	ctx, cancel := context.WithCancel(t.Context())
	reported, ended := make(chan domain.EnvironmentKey, 100), make(chan error)
	go func() {
		ended <- s.Notify(ctx, []domain.EnvironmentKey{"same", "missing", "changed", "created", "unread"}, func(key domain.EnvironmentKey, _ time.Time) { reported <- key })
	}()
	got := map[domain.EnvironmentKey]bool{}
	for range 3 {
		got[<-reported] = true
	}
	if !got["changed"] || !got["created"] || !got["unread"] {
		t.Errorf("reported %v", got)
	}
	write(t, filepath.Join(directory, "same.json"), document("another", ""))
	for key := range reported {
		if key == "missing" {
			t.Errorf("%s was reported", key)
		}
		if key == "same" {
			break
		}
	}
	cancel()
	<-ended
}

// Calls come and go on their own, and share one watch.
func TestNotifyManyTimes(t *testing.T) {
	directory := t.TempDir()
	s := source(t, directory)
	first := notify(t, s, "a")
	second := notify(t, s, "a", "b")
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan domain.EnvironmentKey, 100)
	ended := make(chan error)
	go func() {
		ended <- s.Notify(ctx, []domain.EnvironmentKey{"c"}, func(key domain.EnvironmentKey, _ time.Time) { told <- key })
	}()
	if key := <-told; key != "c" {
		t.Errorf("%s was notified", key)
	}
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Errorf("Notify returned %v", err)
	}
	for _, key := range []string{"c", "b", "a"} {
		write(t, filepath.Join(directory, key+".json"), document(key, ""))
	}
	first.expect("a")
	second.expect("a", "b")
	if len(told) != 0 {
		t.Error("changed was called after Notify had returned")
	}
	if runtime.GOOS == "linux" {
		if watches := inotifyInstances(t); watches != 1 {
			t.Errorf("%d watches for two calls", watches)
		}
	}
}

// inotifyInstances returns how many this process has open.
func inotifyInstances(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	do(t, err)
	n := 0
	for _, f := range files {
		if target, err := os.Readlink("/proc/self/fd/" + f.Name()); err == nil && strings.Contains(target, "inotify") {
			n++
		}
	}
	return n
}
