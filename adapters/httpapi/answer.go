package httpapi

import (
	"net/http"
	"strconv"
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
}

// write answers with the body.
func (b *prepared) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Content-Type"] = headerJSON
	body, length := b.plain, b.plainLength
	if len(body) >= compressFrom {
		varyByEncoding(h)
		if b.zipped != nil && acceptsGzip(r.Header) {
			h["Content-Encoding"] = headerGzip
			body, length = b.zipped, b.zippedLength
		}
	}
	h["Content-Length"] = length
	_, _ = w.Write(body)
}

// writeJSON answers with a body that was made for this request. It keeps nothing
// of it.
func (a *API) writeJSON(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	h := w.Header()
	h["Content-Type"] = headerJSON
	if len(body) >= compressFrom {
		varyByEncoding(h)
		if acceptsGzip(r.Header) {
			h["Content-Encoding"] = headerGzip
			c := a.compressors.Get().(*compressor)
			defer a.release(c)
			body = c.compress(body)
		}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
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
