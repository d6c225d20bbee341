package commands

import (
	"strings"

	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/archive"
	"github.com/edge-proxy/edge-proxy/domain"
)

// keyArgument returns the key that an operator means: one that is written as it is
// shown, or as it is.
func keyArgument(text string) domain.EnvironmentKey {
	if unescaped, ok := archive.UnescapeKey(text); ok {
		return domain.EnvironmentKey(unescaped)
	}
	return domain.EnvironmentKey(text)
}

// shownKey is what is shown of a key. No server-side key should ever be one; if one
// is, it is not shown whole.
func shownKey(key domain.EnvironmentKey) string {
	if strings.HasPrefix(string(key), domain.ServerKeyPrefix) {
		return domain.MaskServerKey(string(key))
	}
	return archive.EscapeKey(string(key))
}
