package httpapi

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
)

var (
	serverKey = regexp.MustCompile(`\bser\.[^\s"'&,;]+`)
	// Any character of a URL may be sent as its number, and then begins a word
	// wherever it is: rather too much is masked. A prefix without such characters is
	// serverKey's.
	encodedServerKey = regexp.MustCompile(`(?:s|%73)(?:e|%65)(?:r|%72)(?:\.|%2[eE])([^\s"'&,;]+)`)
)

// redact masks the server-side keys in a text that is going to a log.
func redact(text string) string {
	if strings.Contains(text, domain.ServerKeyPrefix) {
		text = serverKey.ReplaceAllStringFunc(text, domain.MaskServerKey)
	}
	if mayEncodeServerKey(text) {
		text = encodedServerKey.ReplaceAllStringFunc(text, maskEncodedServerKey)
	}
	return text
}

// mayEncodeServerKey tells most of what encodedServerKey does not match in less time.
func mayEncodeServerKey(text string) bool {
	return strings.Contains(text, "%") && slices.ContainsFunc([]string{"%73", "%65", "%72", "%2e", "%2E"}, func(e string) bool {
		return strings.Contains(text, e)
	})
}

func maskEncodedServerKey(found string) string {
	if strings.HasPrefix(found, domain.ServerKeyPrefix) {
		return found // masked before, or in the middle of a word
	}
	return domain.MaskServerKey(encodedServerKey.FindStringSubmatch(found)[1])
}

// requestPath returns the request's path and query as sent, fit for a log.
func requestPath(r *http.Request) string {
	path := r.RequestURI
	if path == "" || path[0] != '/' {
		path = r.URL.RequestURI()
	}
	return redact(path)
}
