package filesource

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/edge-proxy/edge-proxy/domain"
)

const (
	// settle is how long events are collected before changes are reported: writing a
	// file causes several of them.
	settle = 50 * time.Millisecond
	// check is how often the directory is examined without an event: some file
	// systems report none, and links further up can change.
	check = 10 * time.Second
	// shortest and longest bound the wait before the next try to watch a directory
	// that could not be watched.
	shortest, longest = 500 * time.Millisecond, 10 * time.Second
)

// Notify calls changed for a key after its file was written, replaced, created
// or removed. Once the directory is watched it also calls changed for each key whose
// file differs from what was last read, so that nothing is missed between a fetch and
// the watch. The time it passes is always zero, since only fetching reads the file.
//
// Notify notices a change by an event that names the file, or when another file has
// its name after an event of any kind: editors rename, a ConfigMap swaps a link
// beside the file, other tools swap the directory itself. While the directory cannot
// be watched, for example before it exists, Notify tries again; polling finds
// changes meanwhile. Concurrent calls share one watch, of which an operating system
// has few. Notify returns ctx's error when ctx ends.
func (s *Source) Notify(ctx context.Context, keys []domain.EnvironmentKey, changed func(domain.EnvironmentKey, time.Time)) error {
	l := &listener{seen: map[string]os.FileInfo{}, lastRead: s.lastRead}
	byName := make(map[string]domain.EnvironmentKey, len(keys))
	for _, key := range keys {
		name, err := fileName(key)
		if _, again := byName[name]; err == nil && !again {
			byName[name] = key
			l.names = append(l.names, name)
		}
	}
	l.changed = func(name string) { changed(byName[name], time.Time{}) }
	s.watching.join(s.directory, l)
	<-ctx.Done()
	s.watching.leave(l)
	return ctx.Err()
}

func (s *Source) lastRead(name string) (os.FileInfo, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, known := s.read[name]
	return info, known
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// errReplaced: another directory is now where the watched one was.
var errReplaced = errors.New("the directory was replaced")

// watch watches a directory for listeners, in one goroutine.
type watch struct {
	directory string
	listeners func() []*listener // those of the moment
	joined    chan struct{}      // has one when there is a new listener
}

// keep watches until ctx ends.
func (w *watch) keep(ctx context.Context) {
	wait := shortest
	for ctx.Err() == nil {
		if errors.Is(w.run(ctx), errReplaced) {
			wait = shortest // watching worked, and the next directory may exist already
			continue
		}
		pause(ctx, wait)
		wait = min(2*wait, longest)
	}
}

// run watches until ctx ends, the directory is replaced (errReplaced) or
// watching fails.
func (w *watch) run(ctx context.Context) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching %s: %w", w.directory, err)
	}
	defer func() { _ = watcher.Close() }()
	here, err := os.Stat(w.directory)
	if err == nil {
		err = watcher.Add(w.directory)
	}
	if err != nil {
		return fmt.Errorf("watching %s: %w", w.directory, err)
	}
	// The parent reports when the directory itself is replaced. Where the parent
	// cannot be watched, the check notices.
	_ = watcher.Add(filepath.Dir(w.directory))

	checks := time.NewTicker(check)
	defer checks.Stop()
	named := map[string]bool{} // by events that have not been reported
	all := false               // events were lost: they may have named any file
	due := time.After(settle)  // nil while there is nothing to report
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case event, open := <-watcher.Events:
			switch {
			case !open:
				return fsnotify.ErrClosed
			case event.Name != w.directory && filepath.Dir(event.Name) != w.directory:
				continue // a neighbour of the directory
			}
			named[filepath.Base(event.Name)] = true
		case err := <-watcher.Errors:
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				return fmt.Errorf("watching %s: %w", w.directory, err)
			}
			all = true
		case <-checks.C:
		case <-w.joined:
		case <-due:
			due = nil
			if now, err := os.Stat(w.directory); err != nil || !os.SameFile(here, now) {
				return errReplaced
			}
			for _, l := range w.listeners() {
				l.report(w.directory, named, all)
			}
			clear(named)
			all = false
			continue
		}
		if due == nil {
			due = time.After(settle)
		}
	}
}

func same(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}
