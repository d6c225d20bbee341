package filesource

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// listener is one call of Notify.
type listener struct {
	names   []string
	changed func(name string)
	// lastRead returns a file as it was before it was last read, and whether it was.
	lastRead func(name string) (os.FileInfo, bool)

	mu   sync.Mutex
	over bool                   // the call has returned
	seen map[string]os.FileInfo // of each name when it was last reported; nil: the file was missing
}

// report calls changed for the files that events named, for those that differ from
// before, and for those never reported nor read. all means that events may have named
// any file.
func (l *listener) report(directory string, named map[string]bool, all bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	for _, name := range l.names {
		info, err := os.Stat(filepath.Join(directory, name))
		if err != nil {
			info = nil
		}
		before, known := l.seen[name]
		if !known {
			before, known = l.lastRead(name)
		}
		l.seen[name] = info
		if !known || all || named[name] || !same(before, info) {
			l.changed(name)
		}
	}
}

// end stops the calls of changed and returns when the last one has returned.
func (l *listener) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}

// watching is the watch that all listeners of a Source share. It begins with the
// first listener and ends with the last.
type watching struct {
	mu        sync.Mutex
	listeners map[*listener]struct{}
	joined    chan struct{}
	stop      func() // ends the watch and waits for it
}

func (w *watching) join(directory string, l *listener) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.listeners) > 0 {
		w.listeners[l] = struct{}{}
		select {
		case w.joined <- struct{}{}:
		default:
		}
		return
	}
	w.listeners = map[*listener]struct{}{l: {}}
	w.joined = make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	w.stop = func() { cancel(); <-ended }
	watch := &watch{directory: directory, listeners: w.all, joined: w.joined}
	go func() { watch.keep(ctx); close(ended) }() // ends with the last listener
}

func (w *watching) leave(l *listener) {
	l.end()
	w.mu.Lock()
	delete(w.listeners, l)
	last, stop := len(w.listeners) == 0, w.stop
	w.mu.Unlock()
	if last {
		stop()
	}
}

func (w *watching) all() []*listener {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.listeners))
}
