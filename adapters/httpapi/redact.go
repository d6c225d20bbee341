package httpapi

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
)

// serverKey matches a server-side key. Any character of a URL may be sent as its
// number, and with such a prefix a key begins wherever it is found.
var serverKey = regexp.MustCompile(`(?:\bser\.|` +
	`%73(?:e|%65)(?:r|%72)(?:\.|%2[eE])|s%65(?:r|%72)(?:\.|%2[eE])|se%72(?:\.|%2[eE])|ser%2[eE]` +
	`)([^\s"'&,;]+)`)

// redact masks the server-side keys in a text that is going to a log.
func redact(text string) string {
	if !mayHoldServerKey(text) {
		return text
	}
	return serverKey.ReplaceAllStringFunc(text, func(found string) string {
		return domain.MaskServerKey(serverKey.FindStringSubmatch(found)[1])
	})
}

// mayHoldServerKey tells most texts without a key apart, in less time than it takes
// to search them.
func mayHoldServerKey(text string) bool {
	if strings.Contains(text, domain.ServerKeyPrefix) {
		return true
	}
	return strings.Contains(text, "%") && slices.ContainsFunc([]string{"%73", "%65", "%72", "%2e", "%2E"}, func(e string) bool {
		return strings.Contains(text, e)
	})
}

// requestPath returns the request's path and query as sent, fit for a log.
func requestPath(r *http.Request) string {
	path := r.RequestURI
	if path == "" || path[0] != '/' {
		path = r.URL.RequestURI()
	}
	return redact(path)
}
