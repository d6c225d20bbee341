package httpapi

import (
	"net/http"
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

// prepared is a body that was made before it was requested. It is immutable.
type prepared struct {
	plain, zipped             []byte // zipped is nil when gzip saves nothing
	plainLength, zippedLength []string
	tag                       string // opaque part of the entity tag
	plainTag, zippedTag       []string
}

// zips reports whether the client gets the gzipped form.
func (b *prepared) zips(r *http.Request) bool { return b.zipped != nil && acceptsGzip(r.Header) }

// write writes the answer.
func (b *prepared) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Content-Type"] = headerJSON
	body, length, tag := b.plain, b.plainLength, b.plainTag
	if b.zips(r) {
		h["Content-Encoding"] = headerGzip
		body, length, tag = b.zipped, b.zippedLength, b.zippedTag
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
