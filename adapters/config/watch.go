package config

import (
	"context"
	"maps"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settle is how long it must be quiet before a change is told of: writing a
	// file is several events, and several files are often written together.
	settle = 200 * time.Millisecond
	// longestSettle bounds that where it never gets quiet, and the wait for a
	// file that is gone or empty while somebody replaces it.
	longestSettle = 2 * time.Second
	// recheck is how often files are read without an event: some file systems have
	// none, links further up can change, and a missed event must not stick.
	recheck = 10 * time.Second
)

// Watch waits until a file has other content than in f, and returns the files as
// they are then; a change from before the call counts. It sees files that are
// written, that others are renamed over, and that are reached by links which are
// swapped, as those of a ConfigMap are. Several changes in a short time are one.
// It returns the context's error when that ends first. Where the system cannot
// tell of changes, degraded is called with the reason, and files are looked at
// every few seconds.
func (f Files) Watch(ctx context.Context, degraded func(error)) (Files, error) {
	if len(f) == 0 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	places := f.places()
	var events <-chan fsnotify.Event
	var failures <-chan error
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		defer func() { _ = watcher.Close() }()
		err = places.watch(watcher)
		events, failures = watcher.Events, watcher.Errors
	}
	if err != nil {
		degraded(err)
	}
	again := time.NewTicker(recheck)
	defer again.Stop()
	due := time.NewTimer(settle) // as something may have changed before the watch stood
	defer due.Stop()
	since := time.Now() // when something was first noticed that has not settled
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case event, open := <-events:
			if !open {
				events = nil
			} else if !places.concern(event) {
				continue
			}
		case _, open := <-failures: // events were lost
			if !open {
				failures = nil
			}
		case <-again.C:
		case <-due.C:
			now := f.now()
			switch {
			case maps.Equal(f, now):
				since = time.Time{}
				continue
			case !f.lost(now) || time.Since(since) >= longestSettle && !since.IsZero():
				return now, nil
			}
		}
		if since.IsZero() {
			since = time.Now()
		}
		due.Reset(max(0, min(settle, longestSettle-time.Since(since))))
	}
}

// lost reports whether a file of f is gone or empty now.
func (f Files) lost(now Files) bool {
	for name, before := range f {
		if before != (fingerprint{}) && now[name] == (fingerprint{}) {
			return true
		}
	}
	return false
}

// places are where changes of files can be seen.
type places struct {
	names       map[string]bool // of the files, where they lead to, and their directories
	directories map[string]bool // of these
}

func (f Files) places() places {
	p := places{map[string]bool{}, map[string]bool{}}
	for name := range f {
		p.add(name)
		if target, err := filepath.EvalSymlinks(name); err == nil {
			p.add(target)
		}
	}
	return p
}

func (p places) add(name string) {
	name = filepath.Clean(name)
	directory := filepath.Dir(name)
	p.names[name], p.names[directory], p.directories[directory] = true, true, true
}

// watch returns the first error of a directory that cannot be watched. One that is
// not there is looked for from the one above, if that is there.
func (p places) watch(w *fsnotify.Watcher) error {
	var failed error
	for directory := range p.directories {
		above := w.Add(filepath.Dir(directory)) // tells when the directory itself is replaced
		if err := w.Add(directory); err != nil && above != nil && failed == nil {
			failed = err
		}
	}
	return failed
}

// concern reports whether an event can be a change of the files: one of their own,
// or of a name beside them that they may be reached by. What is merely written
// beside them, such as a log, is none.
func (p places) concern(e fsnotify.Event) bool {
	name := filepath.Clean(e.Name)
	if p.names[name] {
		return true
	}
	return p.directories[filepath.Dir(name)] && e.Op&(fsnotify.Create|fsnotify.Rename|fsnotify.Remove) != 0
}
