package httpapi

import (
	"net/http"
	"strconv"
	"sync"
)

// updatedAtHeader is the time at which the document changed, in Unix seconds.
const updatedAtHeader = "X-Flagsmith-Document-Updated-At"

// Header values that answers share. They are read-only. Assigning them to the header
// map saves an allocation each.
var (
	headerJSON           = []string{"application/json"}
	headerGzip           = []string{"gzip"}
	headerAcceptEncoding = []string{"Accept-Encoding"}
)

// prepared is a body that was made before it was requested. It is safe for concurrent
// use.
type prepared struct {
	plain  []byte
	length [1]string // values of headers
	etag   [1]string
	zipped *zipped // nil for a short body
}

// tag returns the opaque part of the entity tag.
func (b *prepared) tag() string { return b.etag[0][1 : len(b.etag[0])-1] }

// zipped is the gzipped form of a prepared body. It is made for the first client that
// accepts it: of thousands of environments, many are not asked for.
type zipped struct {
	once     sync.Once
	compress func([]byte) []byte

	body   []byte // nil when gzip saves nothing
	length [1]string
	etag   [1]string
}

// zip returns the gzipped form, or nil without one.
func (b *prepared) zip() *zipped {
	z := b.zipped
	if z == nil {
		return nil
	}
	z.once.Do(func() {
		if body := z.compress(b.plain); len(body) < len(b.plain) {
			z.body, z.length[0] = body, strconv.Itoa(len(body))
		}
		z.compress = nil
	})
	if z.body == nil {
		return nil
	}
	return z
}

// zipFor returns the gzipped form if the client of r accepts it and there is one.
func (b *prepared) zipFor(r *http.Request) *zipped {
	if b.zipped == nil || !acceptsGzip(r.Header) {
		return nil
	}
	return b.zip()
}

// write writes the answer.
func (b *prepared) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Content-Type"] = headerJSON
	body, length, tag := b.plain, b.length[:], b.etag[:]
	if z := b.zipFor(r); z != nil {
		h["Content-Encoding"] = headerGzip
		body, length, tag = z.body, z.length[:], z.etag[:]
	}
	h["Content-Length"] = length
	h["Etag"] = tag
	_, _ = w.Write(body)
}

// writeJSON writes an answer whose body was made for this request and has no entity
// tag. It does not keep body. It fails when the memory of the answer cannot be reserved.
func (a *API) writeJSON(w http.ResponseWriter, r *http.Request, status int, body []byte) error {
	return a.writeTagged(w, r, status, body, 0)
}

// writeTagged is writeJSON for a body with an entity tag.
func (a *API) writeTagged(w http.ResponseWriter, r *http.Request, status int, body []byte, tag identityTag) error {
	if err := a.reserve(w, len(body)); err != nil {
		return err
	}
	return a.write(w, r, status, body, tag)
}

// write is writeTagged for a body whose memory is reserved. It never fails.
func (a *API) write(w http.ResponseWriter, r *http.Request, status int, body []byte, tag identityTag) error {
	h := w.Header()
	h["Content-Type"] = headerJSON
	zips := false
	if len(body) >= compressFrom {
		varyByEncoding(h)
		if zips = acceptsGzip(r.Header); zips {
			h["Content-Encoding"] = headerGzip
			c := a.compressors.Get().(*compressor)
			defer a.keep(c)
			body = c.compress(body)
		}
	}
	length, etag := lengthAndTag(len(body), tag, zips)
	h["Content-Length"] = length
	if etag != nil {
		h["Etag"] = etag
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
	return nil
}

// varyByEncoding adds Accept-Encoding to Vary, which is empty or has Origin.
func varyByEncoding(h http.Header) {
	if h["Vary"] == nil {
		h["Vary"] = headerAcceptEncoding
	} else {
		h["Vary"] = varyOriginEncoding
	}
}
