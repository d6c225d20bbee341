package httpapi

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
)

var serverKey = regexp.MustCompile(`\bser\.[^\s"'&,;]+`)

// redact masks the server-side keys in a text that is going to a log.
func redact(text string) string {
	if !strings.Contains(text, domain.ServerKeyPrefix) {
		return text
	}
	return serverKey.ReplaceAllStringFunc(text, domain.MaskServerKey)
}

// requestPath returns the request's path and query as sent, fit for a log.
func requestPath(r *http.Request) string {
	path := r.RequestURI
	if path == "" || path[0] != '/' {
		path = r.URL.RequestURI()
	}
	return redact(path)
}
