package config

import (
	"context"
	"maps"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// longestSettle bounds the time until a change settles when events keep coming, and the wait for a
	// file that is missing or empty while somebody replaces it.
	longestSettle = 2 * time.Second
	// recheck is the time between two looks without an event: some file systems send
	// none, links further up can change, and events can be missed.
	recheck = 10 * time.Second
)

// Watch waits until the content of a file differs from f, and returns the files as
// they are then. It notices changes from before the call, writes, files renamed over
// others, and swapped links such as those of a ConfigMap. Several changes within a
// short time are one: settle is the quiet time that ends a change, since writing a file
// causes several events and several files are often written together. When ctx ends first, Watch returns its error. Where the system
// cannot report changes, Watch calls degraded with the reason and reads the files
// every few seconds.
func (f Files) Watch(ctx context.Context, settle time.Duration, degraded func(error)) (Files, error) {
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
	due := time.NewTimer(settle) // something may have changed before the watch began
	defer due.Stop()
	since := time.Now() // the first event that has not settled yet
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

// lost reports whether a file of f has become missing or empty.
func (f Files) lost(now Files) bool {
	for name, before := range f {
		if before != (fingerprint{}) && now[name] == (fingerprint{}) {
			return true
		}
	}
	return false
}

// places are the paths at which changes of files show.
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

// watch returns the first error of a directory that cannot be watched. A directory
// that is missing is watched for from the one above it.
func (p places) watch(w *fsnotify.Watcher) error {
	var failed error
	for directory := range p.directories {
		above := w.Add(filepath.Dir(directory)) // reports that the directory itself is replaced
		if err := w.Add(directory); err != nil && above != nil && failed == nil {
			failed = err
		}
	}
	return failed
}

// concern reports whether an event can be a change of the files: an event of their
// own, or a new, renamed or removed name beside them, through which a link may lead
// to them. A write beside them, such as to a log, does not concern them.
func (p places) concern(e fsnotify.Event) bool {
	name := filepath.Clean(e.Name)
	if p.names[name] {
		return true
	}
	return p.directories[filepath.Dir(name)] && e.Op&(fsnotify.Create|fsnotify.Rename|fsnotify.Remove) != 0
}
