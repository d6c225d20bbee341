package httpapi

import (
	"net/http"

	"github.com/edge-proxy/edge-proxy/domain"
)

// redact masks the server-side keys in a text for a log.
func redact(text string) string { return domain.RedactServerKeys(text) }

// requestPath returns the request's path and query as sent, with keys masked for a log.
func requestPath(r *http.Request) string {
	path := r.RequestURI
	if path == "" || path[0] != '/' {
		path = r.URL.RequestURI()
	}
	return redact(path)
}
