package httpapi

import (
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
)

// firstRead is how many bytes are allocated for a body before any of it has arrived.
const firstRead = 4 << 10

// readJSON is readBody for a body that must not be empty and must be declared as JSON.
// Otherwise it returns a validation error.
func (a *API) readJSON(w http.ResponseWriter, r *http.Request, s *scratch) (string, error) {
	body, err := a.readBody(w, r, s)
	switch {
	case err != nil:
		return "", err
	case body == "":
		return "", errMissingBody
	case !declaredJSON(r.Header["Content-Type"]):
		return "", notAnObject(body)
	}
	return body, nil
}

// readBody is readUpTo for all bodies but those of events.
func (a *API) readBody(w http.ResponseWriter, r *http.Request, s *scratch) (string, error) {
	return a.readUpTo(a.o.MaxBodyBytes, w, r, s)
}

// readUpTo returns the request's body as one string, of which everything decoded can be
// a part. It reserves the memory for it, which grows with the bytes that have arrived,
// whatever Content-Length says. It fails when the body has more than limit bytes.
func (a *API) readUpTo(limit int64, w http.ResponseWriter, r *http.Request, s *scratch) (string, error) {
	if r.ContentLength > limit {
		return "", errBodyTooLarge
	}
	first := int(min(max(r.ContentLength, 0), firstRead))
	if arrived, ok := r.Body.(interface{ Len() int }); ok {
		first = arrived.Len()
	}
	// One more byte, to reach the end of the body without growing.
	buf := slices.Grow(s.in[:0], first+1)
	if err := a.reserve(w, len(buf)+first); err != nil {
		return "", err
	}
	for {
		n, err := r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > limit {
			return "", errBodyTooLarge
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", unreadable(err)
		}
		if len(buf) == cap(buf) {
			if err := a.reserve(w, len(buf)); err != nil {
				return "", err
			}
			buf = slices.Grow(buf, len(buf))
		}
	}
	s.in = buf
	if err := a.reserve(w, len(buf)); err != nil {
		return "", err
	}
	return string(buf), nil
}

// unreadable returns the error about a body that could not be read to its end.
func unreadable(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errBodyTimeout
	}
	return errUnreadable
}

// declaredJSON reports whether a body with that Content-Type is read as JSON:
// application/json, application/*+json, or no type at all.
func declaredJSON(contentType []string) bool {
	if len(contentType) == 0 || contentType[0] == "" || contentType[0] == "application/json" {
		return true
	}
	name, _, _ := strings.Cut(contentType[0], ";")
	subtype, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(name)), "application/")
	return ok && (subtype == "json" || strings.HasSuffix(subtype, "+json") && !strings.Contains(subtype, "/"))
}
