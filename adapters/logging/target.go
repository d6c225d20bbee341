package logging

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// flushSize is how many waiting bytes are written without further delay.
	flushSize = 64 << 10
	// flushDelay is the longest a line waits in a buffer.
	flushDelay = 200 * time.Millisecond
	// maxWaiting is how many bytes may wait for a destination that takes none.
	maxWaiting = 8 << 20
	// maxKept is the largest buffer that is kept for the next lines.
	maxKept = 1 << 20
)

// outlet is where bytes end up. Its methods are not called concurrently.
type outlet interface {
	// write takes whole lines. It returns how many bytes of them were written,
	// and an error when those are not all or when something else went wrong
	// that an operator should know.
	write(lines []byte) (int, error)
	close() error
}

// target is a destination of lines, shared by the handlers that write to it.
// Lines keep the order in which they were handed over, buffered or not.
type target struct {
	name   string // in reports
	out    outlet
	lost   *atomic.Uint64
	report func(t *target, err error)

	// writing is held while bytes go out, and taken before mu.
	writing  sync.Mutex
	spare    []byte // the buffer that is not waiting; guarded by writing
	reported bool   // guarded by writing

	// mu is held for the copy of a line only, so that a destination that
	// blocks never blocks a request.
	mu      sync.Mutex
	waiting []byte
	direct  bool // no flusher is there: lines are written at once

	// Made when the flusher begins, before direct is unset.
	dirty, full, stop chan struct{}
	done              chan struct{} // closed when the flusher has ended; nil if none began
}

func newTarget(name string, out outlet, lost *atomic.Uint64, report func(*target, error)) *target {
	return &target{name: name, out: out, lost: lost, report: report, direct: true}
}

// startFlusher begins the goroutine that writes buffered lines, unless it runs;
// close ends it. It is not called after close.
func (t *target) startFlusher() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done != nil {
		return
	}
	t.dirty, t.full = make(chan struct{}, 1), make(chan struct{}, 1)
	t.stop, t.done = make(chan struct{}), make(chan struct{})
	t.direct = false
	go t.flusher()
}

// write writes a line, and those that wait before it, before it returns.
func (t *target) write(line []byte) {
	t.writing.Lock()
	defer t.writing.Unlock()
	t.mu.Lock()
	t.waiting = append(t.waiting, line...)
	t.mu.Unlock()
	t.drain()
}

// buffer hands a line over for the flusher to write. It waits for no
// destination: with maxWaiting bytes before it, the line is lost.
func (t *target) buffer(line []byte) {
	t.mu.Lock()
	if t.direct {
		t.mu.Unlock()
		t.write(line)
		return
	}
	before := len(t.waiting)
	if before+len(line) > maxWaiting {
		t.mu.Unlock()
		t.lost.Add(1)
		return
	}
	t.waiting = append(t.waiting, line...)
	after := len(t.waiting)
	t.mu.Unlock()
	if before == 0 {
		signal(t.dirty)
	}
	if before < flushSize && after >= flushSize {
		signal(t.full)
	}
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // one is there already, and its reader will see what is new
	}
}

func (t *target) flusher() {
	defer close(t.done)
	delay := time.NewTimer(flushDelay)
	delay.Stop()
	defer delay.Stop()
	for {
		select {
		case <-t.dirty:
			delay.Reset(flushDelay)
		case <-delay.C:
			t.flush()
		case <-t.full:
			t.flush()
		case <-t.stop:
			return
		}
	}
}

func (t *target) flush() {
	t.writing.Lock()
	defer t.writing.Unlock()
	t.drain()
}

// drain writes all that waits. writing is held.
func (t *target) drain() {
	t.mu.Lock()
	lines := t.waiting
	t.waiting = t.spare[:0]
	t.mu.Unlock()
	t.spare = lines
	if cap(lines) > maxKept {
		t.spare = nil // a rare flood does not keep its memory
	}
	if len(lines) == 0 {
		return
	}
	n, err := t.out.write(lines)
	if n < len(lines) {
		t.lost.Add(uint64(bytes.Count(lines[n:], []byte("\n"))))
	}
	if err != nil && !t.reported {
		t.reported = true
		t.report(t, err)
	}
}

// close writes what waits, ends the flusher and closes the outlet. Later lines
// are handed to the outlet at once.
func (t *target) close() error {
	t.mu.Lock()
	stop, done := t.stop, t.done
	t.mu.Unlock()
	if done != nil {
		close(stop)
		<-done
	}
	t.writing.Lock()
	defer t.writing.Unlock()
	t.mu.Lock()
	t.direct = true
	t.mu.Unlock()
	t.drain()
	return t.out.close()
}
