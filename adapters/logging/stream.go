package logging

import (
	"fmt"
	"io"
)

// stream is an outlet that somebody else owns: standard output or error. It
// stays usable after close, so that the last words of a process are not lost.
type stream struct{ w io.Writer }

func (s stream) write(lines []byte) (int, error) {
	n, err := s.w.Write(lines)
	if n < 0 || n > len(lines) {
		return 0, fmt.Errorf("writer returned the impossible count %d", n)
	}
	if err == nil && n < len(lines) {
		err = io.ErrShortWrite
	}
	return n, err
}

func (s stream) close() error { return nil }
