package sse

import "sync"

// buffers are buffers for events while they are sent. Tens of thousands of streams send one
// at almost the same time: with new memory for each, the garbage collector would run during
// broadcasts, and requests would wait for it. The zero value is ready to use.
type buffers struct{ pool sync.Pool }

// buffer holds an event.
type buffer struct{ bytes []byte }

// take returns an empty buffer, which the caller gives back.
func (b *buffers) take() *buffer {
	if free, ok := b.pool.Get().(*buffer); ok {
		return free
	}
	return &buffer{make([]byte, 0, 256)}
}

// give takes a buffer back, with its bytes.
func (b *buffers) give(used *buffer) {
	const most = 4 << 10 // the memory of a large event must not stay
	if cap(used.bytes) <= most {
		used.bytes = used.bytes[:0]
		b.pool.Put(used)
	}
}
