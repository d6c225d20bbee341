package httpapi

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
	"github.com/edge-proxy/edge-proxy/engine/python/query"
)

// With ?page_size=N the environment document is answered in pages, as by Flagsmith's
// API: each page is the document with at most N of its identity_overrides, and Link leads
// to the next page. The page_id in a link names the document. When another document has
// arrived since, the answer is 409 and the client starts again, so pages of two documents
// are never mixed. A document that fits into one page is answered as it is.
const documentPath = "/api/v1/environment-document"

var (
	errPageSize    = refused(http.StatusBadRequest, "bad_request", "page_size must be a positive number")
	errPageID      = refused(http.StatusBadRequest, "bad_request", "page_id is unknown: follow the link of the page before, or start again without page_id")
	errPageChanged = refused(http.StatusConflict, "conflict", "the environment document has changed since its first page: start again without page_id")
)

// page is a range of a document's identity overrides.
type page struct {
	start, size int
}

// cursor returns the page_id of a page of the document with that entity tag.
func (p page) cursor(tag string) string {
	return tag + "." + strconv.Itoa(p.size) + "." + strconv.Itoa(p.start)
}

// pageOf returns the page that a query requests of the document with that entity tag. It
// reports paged as false when the query requests the whole document.
func pageOf(raw, tag string) (p page, paged bool, err error) {
	if raw == "" {
		return page{}, false, nil
	}
	if id, _ := query.Value(raw, "page_id"); id != "" {
		of, rest, _ := strings.Cut(id, ".")
		size, start, _ := strings.Cut(rest, ".")
		sizeOK, startOK := false, false
		p.size, sizeOK = pageNumber(size)
		p.start, startOK = pageNumber(start)
		switch {
		case !sizeOK || !startOK || len(of) != len(tag):
			return page{}, false, errPageID
		case of != tag:
			return page{}, false, errPageChanged
		}
		return p, true, nil
	}
	size, paged := query.Value(raw, "page_size")
	if !paged {
		return page{}, false, nil
	}
	if p.size, paged = pageNumber(size); !paged {
		return page{}, false, errPageSize
	}
	return p, true, nil
}

// pageNumber parses a positive number.
func pageNumber(text string) (int, bool) {
	n, err := strconv.ParseInt(text, 10, 32)
	return int(n), err == nil && n > 0
}

// overrideList has the offsets of a document's identity overrides: of the list and of its
// elements. It is empty when the document has no list.
type overrideList struct {
	start, end int
	starts     []int
	ends       []int
}

// findOverrides finds the identity overrides of a document, which is a valid JSON object.
// When it has several lists, the last one wins.
func findOverrides(document string) (l overrideList) {
	d := jsonscan.New(document)
	for key := range d.Keys() {
		if key != "identity_overrides" || d.Kind() != jsonscan.Array {
			d.Skip()
			continue
		}
		l = overrideList{start: d.Offset()}
		d.EnterArray()
		for d.NextElement() {
			d.Kind() // moves to the element
			l.starts = append(l.starts, d.Offset())
			d.Skip()
			l.ends = append(l.ends, d.Offset())
		}
		l.end = d.Offset()
		l.starts, l.ends = slices.Clip(l.starts), slices.Clip(l.ends)
	}
	return l
}

// page returns the document with the overrides of page p only, and the next page. It
// reports more as false after the last page, and ok as false when page p does not exist.
func (l *overrideList) page(document []byte, p page) (body []byte, next page, more, ok bool) {
	if p.start >= len(l.starts) {
		return nil, page{}, false, false
	}
	end := min(p.start+p.size, len(l.starts))
	body = bytes.Join([][]byte{
		document[:l.start], []byte("["), document[l.starts[p.start]:l.ends[end-1]], []byte("]"), document[l.end:],
	}, nil)
	return body, page{end, p.size}, end < len(l.starts), true
}

// documentLink returns the document's path relative to path, which is that of the
// document with or without a slash at its end. Clients may reach the proxy behind a
// gateway, below a prefix that the proxy does not know. A client that resolves the link
// against the root, as Flagsmith's SDK for Node.js does, gets the right path as long as
// there is no prefix.
func documentLink(path string) string {
	return strings.Repeat("../", strings.Count(path, "/")-1) + strings.TrimPrefix(documentPath, "/") + "/"
}

// writePage writes one page of the environment's document.
func (a *API) writePage(w http.ResponseWriter, r *http.Request, entry app.Entry, asked page) error {
	p := presentationOf(entry.Environment)
	overrides := p.overrides()
	if asked.start == 0 && len(overrides.starts) <= asked.size {
		return a.writeDocument(w, r, entry)
	}
	if err := a.admitDocument(r); err != nil {
		return err
	}
	defer a.leaveDocument()
	if err := a.reserve(w, len(p.document.plain)); err != nil {
		return err
	}
	body, next, more, ok := overrides.page(p.document.plain, asked)
	if !ok {
		return errPageID
	}
	a.served(w, r, entry, domain.ServedEnvironmentDocument)
	h := w.Header()
	p.stamp(h)
	tag := p.seeds.identity(domain.ServerSide, []byte(asked.cursor(p.document.tag())))
	if a.heldByDate(h, r, p) {
		h["Etag"] = []string{quoted(tag.opaque(), "")}
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if notModified(w, r, tag) {
		return nil
	}
	if more {
		h["Link"] = []string{"<" + documentLink(r.URL.Path) + "?page_id=" + next.cursor(p.document.tag()) + `>; rel="next"`}
	}
	return a.write(w, r, http.StatusOK, body, tag)
}
