package httpapi

import (
	"bytes"

	"github.com/klauspost/compress/gzip"
)

// compressor gzips bodies that are made for one request. It is reused, because its
// tables cost more than the compression.
type compressor struct {
	out    bytes.Buffer
	writer *gzip.Writer
}

func newCompressor() *compressor {
	c := new(compressor)
	c.writer, _ = gzip.NewWriterLevel(&c.out, gzip.BestSpeed) // fails for invalid levels only
	return c
}

// keep returns c to the pool, without the memory of a large answer.
func (a *API) keep(c *compressor) {
	if c.out.Cap() > keepBuffer {
		c.out = bytes.Buffer{}
	}
	a.compressors.Put(c)
}

// compress returns body gzipped, valid until the next call.
func (c *compressor) compress(body []byte) []byte {
	c.out.Reset()
	c.writer.Reset(&c.out)
	_, _ = c.writer.Write(body) // never fails
	_ = c.writer.Close()
	return c.out.Bytes()
}
