package httpapi

import (
	"bytes"

	"github.com/klauspost/compress/gzip"
)

// compressor gzips what is made for one request. It is reused, for its tables
// cost more than the work.
type compressor struct {
	out    bytes.Buffer
	writer *gzip.Writer
}

func newCompressor() *compressor {
	c := new(compressor)
	c.writer, _ = gzip.NewWriterLevel(&c.out, gzip.BestSpeed) // fails on a wrong level only
	return c
}

// release keeps c for reuse, but not the room that a large answer took.
func (a *API) release(c *compressor) {
	if c.out.Cap() > keepBuffer {
		c.out = bytes.Buffer{}
	}
	a.compressors.Put(c)
}

// compress returns body gzipped, valid until the next call.
func (c *compressor) compress(body []byte) []byte {
	c.out.Reset()
	c.writer.Reset(&c.out)
	_, _ = c.writer.Write(body) // a buffer takes everything
	_ = c.writer.Close()
	return c.out.Bytes()
}
