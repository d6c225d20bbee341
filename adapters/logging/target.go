package logging

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// flushSize is how many waiting bytes are written without further delay.
	flushSize = 64 << 10
	// flushDelay is the longest an access line waits in a buffer.
	flushDelay = 200 * time.Millisecond
	// maxWaiting is how many bytes may wait for a destination that takes none.
	maxWaiting = 8 << 20
	// maxKept is the largest buffer that is kept for the next lines.
	maxKept = 1 << 20
	// closeTimeout is how long Close waits for destinations to take the last lines.
	closeTimeout = time.Second
)

// outlet is where bytes end up. Its methods are not called concurrently.
type outlet interface {
	// write takes whole lines. It returns how many bytes of them were written,
	// and an error when those are not all or when something else went wrong
	// that an operator should know.
	write(lines []byte) (int, error)
	close() error
}

// target is a destination of lines, shared by the handlers that write to it. Lines
// keep the order in which they were handed over. A goroutine of its own, the writer,
// writes them, so that a destination that fails or blocks never delays who logs.
type target struct {
	name   string // in reports
	out    outlet
	lost   *atomic.Uint64
	report func(t *target, err error)
	// notice returns a line that says how many lines were lost, nil for none.
	notice func(t *target, lost uint64) []byte

	mu      sync.Mutex // held for the copy of a line only
	waiting []byte
	missing uint64 // lines lost since the last notice
	state   targetState

	// Made when the writer starts.
	dirty, urgent, stop chan struct{}
	flushes             chan chan<- struct{} // to be closed once all lines are written
	done                chan struct{}        // closed when the writer has ended; nil if none started

	// Owned by the writer.
	spare    []byte // the buffer that is not waiting
	reported bool

	late sync.Mutex // held for lines that are written after close
}

type targetState uint8

const (
	targetOpen  targetState = iota
	targetEnded             // closed, all lines written: later lines are written by who logs them
	targetStuck             // closed, and the writer is blocked: later lines are lost
)

// write hands a line over to be written now, with those that wait before it.
func (t *target) write(line []byte) { t.put(line, true) }

// buffer hands a line over to be written with others, within flushDelay.
func (t *target) buffer(line []byte) { t.put(line, false) }

// put waits for no destination: with maxWaiting bytes before it, the line is lost.
func (t *target) put(line []byte, now bool) {
	t.mu.Lock()
	if t.state != targetOpen {
		stuck := t.state == targetStuck
		t.mu.Unlock()
		t.writeLate(line, stuck)
		return
	}
	if t.done == nil {
		t.start()
	}
	before := len(t.waiting)
	if before+len(line) > maxWaiting {
		t.missing++
		t.mu.Unlock()
		t.lost.Add(1)
		return
	}
	t.waiting = append(t.waiting, line...)
	after := len(t.waiting)
	t.mu.Unlock()
	switch {
	case now, before < flushSize && after >= flushSize:
		signal(t.urgent)
	case before == 0:
		signal(t.dirty)
	}
}

// writeLate writes a line after close, or counts it as lost.
func (t *target) writeLate(line []byte, stuck bool) {
	t.late.Lock()
	defer t.late.Unlock()
	if !stuck {
		if n, _ := t.out.write(line); n == len(line) {
			return
		}
	}
	t.lost.Add(1)
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // one is there already, and its reader will see what is new
	}
}

// start starts the writer, which close ends. mu is held.
func (t *target) start() {
	t.dirty, t.urgent = make(chan struct{}, 1), make(chan struct{}, 1)
	t.stop, t.done = make(chan struct{}), make(chan struct{})
	t.flushes = make(chan chan<- struct{})
	go t.writer()
}

func (t *target) writer() {
	defer close(t.done)
	delay := time.NewTimer(flushDelay)
	delay.Stop()
	defer delay.Stop()
	for {
		select {
		case <-t.dirty:
			delay.Reset(flushDelay)
		case <-delay.C:
			t.drain()
		case <-t.urgent:
			t.drain()
		case written := <-t.flushes:
			t.drain()
			close(written)
		case <-t.stop:
			for t.drain() {
			}
			return
		}
	}
}

// drain writes everything that waits and reports whether there was anything. Once
// it finds nothing after close was called, the target has ended.
func (t *target) drain() bool {
	t.mu.Lock()
	lines := t.waiting
	if len(lines) == 0 {
		select {
		case <-t.stop:
			t.state = max(t.state, targetEnded)
		default:
		}
		t.mu.Unlock()
		return false
	}
	t.waiting = t.spare[:0]
	t.mu.Unlock()
	if t.spare = lines; cap(lines) > maxKept {
		t.spare = nil // a rare flood does not keep its memory
	}
	n, err := t.out.write(lines)
	if n < len(lines) {
		lost := uint64(bytes.Count(lines[n:], []byte("\n")))
		t.lost.Add(lost)
		t.addMissing(lost)
	}
	switch {
	case err == nil:
		t.noticeLoss()
	case !t.reported:
		t.reported = true
		t.report(t, err)
	}
	return true
}

// noticeLoss writes how many lines were lost, after others could be written again.
func (t *target) noticeLoss() {
	t.mu.Lock()
	missing := t.missing
	t.missing = 0
	t.mu.Unlock()
	if missing == 0 {
		return
	}
	if line := t.notice(t, missing); line != nil {
		if n, _ := t.out.write(line); n < len(line) {
			t.addMissing(missing)
		}
	}
}

func (t *target) addMissing(lines uint64) {
	t.mu.Lock()
	t.missing += lines
	t.mu.Unlock()
}

// flush waits until the lines handed over so far are written, or ctx ends.
func (t *target) flush(ctx context.Context) {
	t.mu.Lock()
	flushes, done := t.flushes, t.done
	t.mu.Unlock()
	if done == nil {
		return
	}
	written := make(chan struct{})
	select {
	case flushes <- written:
		select {
		case <-written:
		case <-ctx.Done():
		}
	case <-done:
	case <-ctx.Done():
	}
}

// close writes what waits, ends the writer and closes the outlet. When ctx ends
// first, what waits is lost, and the writer ends with its present write.
func (t *target) close(ctx context.Context) error {
	t.mu.Lock()
	started := t.done != nil
	if !started {
		t.state = targetEnded
	}
	t.mu.Unlock()
	if started {
		close(t.stop)
		select {
		case <-t.done:
		case <-ctx.Done():
			t.mu.Lock()
			t.state = targetStuck
			t.lost.Add(uint64(bytes.Count(t.waiting, []byte("\n"))))
			t.waiting = nil
			t.mu.Unlock()
			return fmt.Errorf("it took no lines for %s", closeTimeout)
		}
	}
	t.late.Lock()
	defer t.late.Unlock()
	return t.out.close()
}
