package httpapi

import (
	"net/http"
	"sync/atomic"
	"time"
)

// headerRevalidate lets clients keep an answer, but not use it without asking
// whether it still holds. A date without it would let browsers and caches guess
// how long an answer is good for, a tenth of the document's age as a rule. Caches
// that are shared keep nothing: what is seen depends on the key.
var headerRevalidate = []string{"private, no-cache"}

// settleAfter is the age from which a document is taken for the last one of the
// second that its updated_at lies in.
const settleAfter = 5 * time.Minute

// modified says by date when an answer changed: in whole seconds, as HTTP has it.
//
// A second is long enough to change a document twice. A client that got the first
// of two such documents must not be told by date that nothing changed, so a
// document that is younger than settleAfter has no date: it is neither given out
// nor compared. When that time is over the later document has long arrived, and
// whoever has the date has that document. Nor is a date taken for a range: only
// the very date that was given out counts, so that a document that upstream took
// back to an older one is not hidden from those who hold the newer.
type modified struct {
	value   []string // Last-Modified; nil when the document states no time
	at      time.Time
	settled atomic.Bool // saves asking for the time
}

// set takes the document's updated_at, which may be zero.
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

// isSince reports whether If-Modified-Since names this date.
func (m *modified) isSince(header []string) bool {
	if len(header) != 1 {
		return false
	}
	since, err := http.ParseTime(header[0])
	return err == nil && since.Equal(m.at)
}

// writePrepared answers with a body of p, or with 304 to who has it already.
func (a *API) writePrepared(w http.ResponseWriter, r *http.Request, p *presentation, b *prepared) {
	h := w.Header()
	p.stamp(h)
	if len(b.plain) >= compressFrom {
		varyByEncoding(h)
	}
	form := formNone
	if a.heldByDate(h, r, p) {
		form = formAny
	} else if named := r.Header["If-None-Match"]; len(named) > 0 {
		form = matchTag(named, b.tag)
	}
	if form == formNone {
		b.write(w, r)
		return
	}
	h["Etag"] = b.plainTag
	if form == formZipped || form == formAny && b.zips(r) {
		h["Etag"] = b.zippedTag
	}
	w.WriteHeader(http.StatusNotModified)
}

// heldByDate sets Last-Modified, where there is a date, and reports whether the
// client has what is of that date. If-None-Match takes the date's place where
// there are both.
func (a *API) heldByDate(h http.Header, r *http.Request, p *presentation) bool {
	if !p.modified.reliable(a.now) {
		return false
	}
	h["Last-Modified"] = p.modified.value
	since := r.Header["If-Modified-Since"]
	return len(since) > 0 && len(r.Header["If-None-Match"]) == 0 && p.modified.isSince(since)
}

// notModified answers 304 to who has the answer with that tag already, and
// reports whether it did. It does so for POST too, which asks a question here and
// changes nothing: RFC 9110 has 412 for it, OFREP has 304.
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
	plain, zipped := quoted(opaque)
	h["Etag"] = plain
	if form == formZipped {
		h["Etag"] = zipped
	}
	varyByEncoding(h) // how long the body would be is not known, but this never misleads
	w.WriteHeader(http.StatusNotModified)
	return true
}
