package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
)

// EscapeKey writes any text in letters, digits, "-._~" and %XX. Ordinary keys stay
// as they are.
func EscapeKey(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// UnescapeKey is the reverse; ok is false when EscapeKey does not make text.
func UnescapeKey(text string) (unescaped string, ok bool) {
	unescaped, err := url.PathUnescape(text)
	return unescaped, err == nil && EscapeKey(unescaped) == text
}

// Sum returns the SHA-256 of a document, in hexadecimal.
func Sum(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

const (
	extension = ".json"
	// longestName is what every file system takes, with some room.
	longestName = 200
)

// fileName returns the name of a key's file: KEY.json, for all keys that there are
// in practice.
func fileName(key domain.EnvironmentKey) string {
	name := EscapeKey(string(key)) + extension
	if len(name) > longestName || strings.HasPrefix(name, ".") || !filepath.IsLocal(name) || strings.EqualFold(name, manifestName) {
		return distinctName(key)
	}
	return name
}

// distinctName returns a name that no other key has, on any file system: EscapeKey
// makes no "+".
func distinctName(key domain.EnvironmentKey) string {
	return "+" + Sum([]byte(key)) + extension
}
