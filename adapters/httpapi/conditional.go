package httpapi

import (
	"net/http"
	"sync/atomic"
	"time"
)

// headerRevalidate lets clients store an answer, but not use it without validation.
// Without it, browsers and caches would guess from Last-Modified how long the answer is
// fresh, usually a tenth of the document's age. Shared caches must not store it, because
// the answer depends on the key.
var headerRevalidate = []string{"private, no-cache"}

// settleAfter is the age at which a document is considered the last one of the second
// in its updated_at.
const settleAfter = 5 * time.Minute

// modified is the date on which an answer changed, in whole seconds as in HTTP.
//
// A document can change twice within a second. A client that has the first of two such
// documents must not get a 304 because of the date. So a document that is younger than
// settleAfter, by upstream's clock, has no date: none is sent and none is compared. After that time the
// later document has arrived, and a client with the date has that document. Only the exact
// date that was sent matches. If a later one did, it would hide a document that upstream
// took back to an older state.
type modified struct {
	value   []string // Last-Modified; nil when the document has no time
	at      time.Time
	settled atomic.Bool // the document is older than settleAfter
}

// set sets the date to the document's updated_at, which may be zero.
func (m *modified) set(updatedAt time.Time) {
	if !updatedAt.IsZero() {
		m.at = updatedAt.UTC().Truncate(time.Second)
		m.value = []string{m.at.Format(http.TimeFormat)}
	}
}

// reliable reports whether the date may be used.
func (m *modified) reliable(now func() time.Time) bool {
	if m.settled.Load() {
		return true
	}
	if m.value == nil || now().Sub(m.at) < settleAfter {
		return false
	}
	m.settled.Store(true)
	return true
}

// isSince reports whether If-Modified-Since is exactly this date.
func (m *modified) isSince(header []string) bool {
	if len(header) != 1 {
		return false
	}
	since, err := http.ParseTime(header[0])
	return err == nil && since.Equal(m.at)
}

// writePrepared writes an answer with a body of p, or 304 when the client has it.
func (a *API) writePrepared(w http.ResponseWriter, r *http.Request, p *presentation, b *prepared) {
	b.answer(w, r, a.held(w, r, p, b))
}

// held sets the headers of an answer with a body of p, and returns the form in which the
// client has that body.
func (a *API) held(w http.ResponseWriter, r *http.Request, p *presentation, b *prepared) tagForm {
	h := w.Header()
	p.stamp(h)
	if len(b.plain) >= compressFrom {
		varyByEncoding(h)
	}
	if a.heldByDate(h, r, p) {
		return formAny
	}
	if named := r.Header["If-None-Match"]; len(named) > 0 {
		return matchTag(named, b.tag())
	}
	return formNone
}

// answer writes the body, or 304 to a client that has it in some form.
func (b *prepared) answer(w http.ResponseWriter, r *http.Request, held tagForm) {
	if held == formNone {
		b.write(w, r)
		return
	}
	h := w.Header()
	h["Etag"] = b.etag[:]
	if b.zipped != nil && (held == formZipped || held == formAny && b.zipFor(r) != nil) {
		h["Etag"] = b.zipped.etag[:]
	}
	w.WriteHeader(http.StatusNotModified)
}

// heldByDate sets Last-Modified if there is a date, and reports whether the client has
// the answer of that date. If-None-Match takes precedence.
func (a *API) heldByDate(h http.Header, r *http.Request, p *presentation) bool {
	if !p.modified.reliable(a.o.UpstreamNow) {
		return false
	}
	h["Last-Modified"] = p.modified.value
	since := r.Header["If-Modified-Since"]
	return len(since) > 0 && len(r.Header["If-None-Match"]) == 0 && p.modified.isSince(since)
}

// notModified writes a 304 when the client has the answer with that tag, and reports
// whether it did. It does so for POST too, which changes nothing here. RFC 9110 asks for
// 412 in that case, OFREP for 304.
func notModified(w http.ResponseWriter, r *http.Request, tag identityTag) bool {
	named := r.Header["If-None-Match"]
	if len(named) == 0 {
		return false
	}
	opaque := tag.opaque()
	form := matchTag(named, opaque)
	if form == formNone {
		return false
	}
	h := w.Header()
	suffix := ""
	if form == formZipped {
		suffix = gzipSuffix
	}
	h["Etag"] = []string{quoted(opaque, suffix)}
	varyByEncoding(h) // the length of the body is unknown, and Vary is always safe
	w.WriteHeader(http.StatusNotModified)
	return true
}
