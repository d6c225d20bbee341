package tracing

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Spans of requests are made in bursts. Each span that ends wakes the goroutine of the
// SDK's batches, and the code of the SDK is not in the processor's cache any more when
// few requests are traced: one at a time, a span cost 10 to 100 µs, in a burst it costs 2
// to 5.
const (
	burstPause = 100 * time.Millisecond // from the first span to its burst
	burst      = 512                    // as many spans do not wait for the pause
	backlogCap = 2048                   // as the SDK's queue has by default; further spans are lost, and counted
	breath     = 64                     // spans made before other goroutines get their turn
)

// backlog holds what is known about requests whose spans are still to be made. It is safe
// for concurrent use.
type backlog struct {
	span  func(served) // makes one
	timer *time.Timer  // runs flush
	lost  func()       // is called for each span that found no room

	mu      sync.Mutex
	waiting []served

	flushing sync.Mutex
	spare    []served // guarded by flushing
}

// newBacklog returns an empty backlog.
func newBacklog(span func(served), lost func()) *backlog {
	b := &backlog{span: span, lost: lost}
	b.timer = time.AfterFunc(burstPause, b.flush)
	return b
}

// add leaves a request for the next burst. It does not wait for one.
func (b *backlog) add(s served) {
	b.mu.Lock()
	n := len(b.waiting)
	if n < backlogCap {
		b.waiting = append(b.waiting, s)
	}
	b.mu.Unlock()
	switch n {
	case 0:
		b.timer.Reset(burstPause)
	case burst:
		b.timer.Reset(0)
	case backlogCap:
		b.lost()
	}
}

// flush makes the spans of all requests that wait.
func (b *backlog) flush() {
	b.flushing.Lock()
	defer b.flushing.Unlock()
	b.mu.Lock()
	all := b.waiting
	b.waiting = b.spare[:0]
	b.mu.Unlock()
	for n, s := range all {
		if n%breath == breath-1 {
			runtime.Gosched()
		}
		b.span(s)
	}
	clear(all) // of strings
	b.spare = all
}

// traceKey is the key, in a context, of the id for a trace that begins with it.
type traceKey struct{}

// ids make the ids of spans and traces. A trace that begins with a context has the id that
// the context holds, if any: requests need it before their span is made. They are safe
// for concurrent use.
type ids struct{}

// NewIDs implements sdktrace.IDGenerator.
func (g ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	id, known := ctx.Value(traceKey{}).(trace.TraceID)
	if !known {
		id = newTraceID()
	}
	return id, g.NewSpanID(ctx, id)
}

// NewSpanID implements sdktrace.IDGenerator.
func (ids) NewSpanID(context.Context, trace.TraceID) (id trace.SpanID) {
	for !id.IsValid() {
		putRandom(id[:])
	}
	return id
}

// newTraceID returns an id at random.
func newTraceID() (id trace.TraceID) {
	for !id.IsValid() {
		putRandom(id[:])
	}
	return id
}

// putRandom fills b, whose length is a multiple of 8.
func putRandom(b []byte) {
	for ; len(b) > 0; b = b[8:] {
		binary.NativeEndian.PutUint64(b, rand.Uint64())
	}
}
