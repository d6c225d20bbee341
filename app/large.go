package app

import (
	"crypto/sha256"
	"runtime/debug"
	"unsafe"

	"github.com/edge-proxy/edge-proxy/domain/pace"
)

// This file keeps documents of tens of megabytes from delaying requests and from
// inflating the process's memory. The figures are in docs/performance.md.

// background does a keeper's work on large bodies so that requests come first.
type background struct {
	run      func(work func()) // Deps.Background
	wasteful bool              // a large body has passed; see giveBack
}

// do does work on a body of that many bytes.
func (b *background) do(size int, work func()) {
	if size < pace.Large {
		work()
		return
	}
	b.wasteful = true
	b.run(work)
}

// digestOf returns the SHA-256 of a body that was fetched or read.
func digestOf(body []byte) (digest [sha256.Size]byte) {
	h := sha256.New()
	pace.Hash(h, body)
	h.Sum(digest[:0])
	return digest
}

// giveBack returns the memory that a large body and its compilation have left behind.
// By itself the garbage collector would wait until as much is allocated again, which
// takes minutes when the proxy only serves.
func (b *background) giveBack() {
	if b.wasteful {
		b.wasteful = false
		b.run(debug.FreeOSMemory)
	}
}

// textOf returns a body as a string without copying it. A copy would hold up requests,
// and would add a body's size when most memory is in use. Nothing changes a body after
// it was fetched or read (ports.Document, ports.Record).
func textOf(body []byte) string { return unsafe.String(unsafe.SliceData(body), len(body)) }
