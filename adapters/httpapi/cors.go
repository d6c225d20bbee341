package httpapi

import (
	"net/http"
	"slices"
	"strconv"
)

// corsMethods are the methods that a preflight allows: all.
var corsMethods = []string{"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}

// Header values that answers share. Read-only.
var (
	headerTrue         = []string{"true"}
	headerAny          = []string{"*"}
	headerMethods      = []string{"DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"}
	headerMaxAge       = []string{"600"}
	headerExposed      = []string{"X-Flagsmith-Document-Updated-At, ETag, Retry-After, RateLimit, RateLimit-Policy"}
	headerExposedID    = []string{"X-Flagsmith-Document-Updated-At, ETag, Retry-After, RateLimit, RateLimit-Policy, X-Request-ID"}
	headerOrigin       = []string{"Origin"}
	headerPlainText    = []string{"text/plain; charset=utf-8"}
	varyOriginEncoding = []string{"Origin, Accept-Encoding"}
)

// cors says which origins browsers may call from (docs/spec/behaviour.md#cors).
type cors struct {
	all     bool
	origins []string
}

func newCORS(origins []string) cors {
	return cors{slices.Contains(origins, "*"), origins}
}

// answer sets the headers of answers to cross-origin requests. It answers preflights
// itself and reports whether it did.
func (c *cors) answer(w http.ResponseWriter, r *http.Request) bool {
	h := w.Header()
	if !c.all {
		h["Vary"] = headerOrigin
	}
	origin := r.Header["Origin"]
	if len(origin) == 0 {
		return false
	}
	origin = origin[:1:1]
	if r.Method == http.MethodOptions && len(r.Header["Access-Control-Request-Method"]) > 0 {
		c.preflight(w, r, origin)
		return true
	}
	h["Access-Control-Allow-Credentials"] = headerTrue
	h["Access-Control-Expose-Headers"] = headerExposed
	if h[requestIDHeader] != nil {
		h["Access-Control-Expose-Headers"] = headerExposedID
	}
	switch {
	case c.all && len(r.Header["Cookie"]) == 0:
		h["Access-Control-Allow-Origin"] = headerAny
	case c.all || slices.Contains(c.origins, origin[0]):
		// Browsers refuse "*" together with credentials.
		h["Access-Control-Allow-Origin"] = origin
		h["Vary"] = headerOrigin
	}
	return false
}

func (c *cors) preflight(w http.ResponseWriter, r *http.Request, origin []string) {
	h := w.Header()
	status, text := http.StatusOK, "OK"
	refuse := func(what string) {
		if status == http.StatusOK {
			status, text = http.StatusBadRequest, "Disallowed CORS "+what
		} else {
			text += ", " + what
		}
	}
	h["Vary"] = headerOrigin
	h["Access-Control-Allow-Methods"] = headerMethods
	h["Access-Control-Max-Age"] = headerMaxAge
	h["Access-Control-Allow-Credentials"] = headerTrue
	if c.all || slices.Contains(c.origins, origin[0]) {
		h["Access-Control-Allow-Origin"] = origin
	} else {
		refuse("origin")
	}
	if !slices.Contains(corsMethods, r.Header.Get("Access-Control-Request-Method")) {
		refuse("method")
	}
	if wanted := r.Header["Access-Control-Request-Headers"]; len(wanted) > 0 {
		h["Access-Control-Allow-Headers"] = wanted[:1:1]
	}
	h["Content-Type"] = headerPlainText
	h["Content-Length"] = []string{strconv.Itoa(len(text))}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}
