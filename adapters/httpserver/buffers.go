package httpserver

import "sync"

const (
	// maxHead is the largest head of a plain request, in bytes. An http.Server
	// accepts more than that, whatever its MaxHeaderBytes. It is also the size of the
	// buffer that a connection begins with.
	maxHead = 4 << 10
	// mediumBuffer is the size of the buffer between the smallest and the largest.
	mediumBuffer = 16 << 10
	// maxRequest is the largest plain request, head and body, in bytes.
	maxRequest = 64 << 10
)

// buffers are the buffers that connections read requests into, in three sizes. They are
// reused. The zero value is ready to use. It is safe for concurrent use.
type buffers struct {
	small  sync.Pool // *[maxHead]byte
	medium sync.Pool // *[mediumBuffer]byte
	large  sync.Pool // *[maxRequest]byte
}

// get returns a buffer of one of the three sizes.
func (b *buffers) get(size int) []byte {
	switch size {
	case maxHead:
		if a, _ := b.small.Get().(*[maxHead]byte); a != nil {
			return a[:]
		}
	case mediumBuffer:
		if a, _ := b.medium.Get().(*[mediumBuffer]byte); a != nil {
			return a[:]
		}
	default:
		if a, _ := b.large.Get().(*[maxRequest]byte); a != nil {
			return a[:]
		}
	}
	return make([]byte, size)
}

// put takes back a buffer that get returned.
func (b *buffers) put(buffer []byte) {
	switch len(buffer) {
	case maxHead:
		b.small.Put((*[maxHead]byte)(buffer))
	case mediumBuffer:
		b.medium.Put((*[mediumBuffer]byte)(buffer))
	default:
		b.large.Put((*[maxRequest]byte)(buffer))
	}
}
