// Package pace reads and hashes large bodies in pieces. What takes a processor for
// long in one go holds up requests: a collection of garbage that begins meanwhile
// stops everything until the piece is done.
package pace

import (
	"hash"
	"io"
)

const (
	// Large is the size in bytes from which a body is read with pauses.
	Large = 4 << 20
	// Piece is how many bytes are read or hashed in one go.
	Piece = 256 << 10
)

// Reader reads from Source at most Piece bytes at a time. Once it has read Large
// bytes it calls Pause before each further piece. It is not safe for concurrent use.
type Reader struct {
	Source io.Reader
	Pause  func() // sleeps for about a millisecond

	read, next int64 // bytes read, and bytes read when the next pause is due
}

func (r *Reader) Read(b []byte) (int, error) {
	if r.read >= max(r.next, Large) {
		r.Pause()
		r.next = r.read + Piece
	}
	n, err := r.Source.Read(b[:min(len(b), Piece)])
	r.read += int64(n)
	return n, err
}

// Fill reads until b is full or r returns an error, which is io.EOF at the end of r.
// Unlike io.ReadFull it does not hide whether r ended or was cut off.
func Fill(r io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = r.Read(b[n:])
		n += m
	}
	return n, err
}

// Hash writes text to h in pieces.
func Hash[T string | []byte](h hash.Hash, text T) {
	for len(text) > 0 {
		n := min(len(text), Piece)
		_, _ = h.Write([]byte(text[:n])) // a hash returns no errors
		text = text[n:]
	}
}
