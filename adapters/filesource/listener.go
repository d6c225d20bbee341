package filesource

import (
	"context"
	"os"
	"path/filepath"
	"sync"
)

// listener is one call of Notify.
type listener struct {
	names   []string
	changed func(name string)

	mu   sync.Mutex
	over bool                   // the call has returned
	seen map[string]os.FileInfo // of names as they were told of last; nil: it was not there
}

// tell calls changed for the files that events named, those that are others than
// before, and those never told of. all says that any may have been named.
func (l *listener) tell(directory string, named map[string]bool, all bool) {
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
		l.seen[name] = info
		if !known || all || named[name] || !same(before, info) {
			l.changed(name)
		}
	}
}

// end returns once changed is not called any more.
func (l *listener) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}

// watching is the watch that all listeners of a Source share: it begins with the
// first one and ends with the last.
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
	list := make([]*listener, 0, len(w.listeners))
	for l := range w.listeners {
		list = append(list, l)
	}
	return list
}
