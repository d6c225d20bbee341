package httpapi

import (
	"net/http"
)

// updatedAtHeader tells when the document changed, in Unix seconds.
const updatedAtHeader = "X-Flagsmith-Document-Updated-At"

// Header values that answers share. They are assigned to the header map as they
// are, which saves an allocation each, and are read-only.
var (
	headerJSON           = []string{"application/json"}
	headerGzip           = []string{"gzip"}
	headerAcceptEncoding = []string{"Accept-Encoding"}
)

// prepared is a body that was made ahead of the requests for it. It is
// immutable.
type prepared struct {
	plain, zipped             []byte // zipped is nil where it would not pay
	plainLength, zippedLength []string
	tag                       string // opaque part of the entity tag
	plainTag, zippedTag       []string
}

// zips reports whether the client gets the gzipped form.
func (b *prepared) zips(r *http.Request) bool { return b.zipped != nil && acceptsGzip(r.Header) }

// write answers with the body.
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

// writeJSON answers with a body that was made for this request and has no entity
// tag. It keeps nothing of it.
func (a *API) writeJSON(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	a.writeTagged(w, r, status, body, 0)
}

// writeTagged is writeJSON for a body that has an entity tag.
func (a *API) writeTagged(w http.ResponseWriter, r *http.Request, status int, body []byte, tag identityTag) {
	h := w.Header()
	h["Content-Type"] = headerJSON
	zips := false
	if len(body) >= compressFrom {
		varyByEncoding(h)
		if zips = acceptsGzip(r.Header); zips {
			h["Content-Encoding"] = headerGzip
			c := a.compressors.Get().(*compressor)
			defer a.release(c)
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
}

// varyByEncoding adds to Vary, where only the origin can be before.
func varyByEncoding(h http.Header) {
	if h["Vary"] == nil {
		h["Vary"] = headerAcceptEncoding
	} else {
		h["Vary"] = varyOriginEncoding
	}
}
