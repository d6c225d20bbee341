package httpserver

import "io"

// body is the unread part of a request's body, which has arrived completely.
type body []byte

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if len(*b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, *b)
	*b = (*b)[n:]
	return n, nil
}

// Len returns how many bytes are unread.
func (b *body) Len() int { return len(*b) }

// Close implements io.Closer.
func (b *body) Close() error {
	*b = nil
	return nil
}
