package httpapi

import (
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
)

// trustedLength is how many bytes are allocated because of a Content-Length, before
// the body has arrived.
const trustedLength = 64 << 10

// readJSON is readBody for a body that must not be empty and must be declared as JSON.
// Otherwise it returns a validation error.
func (s *scratch) readJSON(r *http.Request, limit int64) (string, error) {
	body, err := s.readBody(r, limit)
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

// readBody returns the request's body as one string, of which everything decoded can be
// a part. It fails when the body has more than limit bytes.
func (s *scratch) readBody(r *http.Request, limit int64) (string, error) {
	if r.ContentLength > limit {
		return "", errBodyTooLarge
	}
	// One more byte than announced, to reach the end of the body without growing.
	buf := slices.Grow(s.in[:0], int(min(max(r.ContentLength, 0), trustedLength))+1)
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
			buf = slices.Grow(buf, len(buf))
		}
	}
	s.in = buf
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
