package httpapi

import (
	"io"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// decompressed returns r with a body that is decompressed as it is read, so that limits of
// the body apply to the decompressed bytes. It returns r itself if the body is not
// compressed, and r and false if its encoding is unknown.
func decompressed(r *http.Request) (plain *http.Request, ok bool) {
	encoding := r.Header["Content-Encoding"]
	if len(encoding) == 0 {
		return r, true
	}
	switch strings.ToLower(strings.TrimSpace(strings.Join(encoding, ","))) {
	case "", "identity":
		return r, true
	case "gzip", "x-gzip":
		decoded := *r // with its Content-Length: one above the limit is refused as it is
		decoded.Body = &gzipBody{ReadCloser: r.Body}
		return &decoded, true
	}
	return r, false
}

// gzipBody is a body that is decompressed. An empty one stays empty.
type gzipBody struct {
	io.ReadCloser
	text *gzip.Reader // nil until the first Read
}

// Read reads decompressed bytes.
func (b *gzipBody) Read(p []byte) (int, error) {
	if b.text == nil {
		text, err := gzip.NewReader(b.ReadCloser)
		if err != nil {
			return 0, err
		}
		b.text = text
	}
	return b.text.Read(p)
}
