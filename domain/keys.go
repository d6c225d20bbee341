package domain

import (
	"fmt"
	"strings"
)

// EnvironmentKey is an environment's client-side key. It is public (it ships in
// web pages) and names the environment everywhere: in stores, logs and metrics.
type EnvironmentKey string

// ServerKeyPrefix begins every server-side key.
const ServerKeyPrefix = "ser."

// ServerKey is a server-side key: a secret that opens the whole environment
// document. Formatting one, in whatever way, shows a masked form; only Reveal
// returns the key itself.
type ServerKey struct{ secret string }

// NewServerKey wraps a server-side key. It does not check the prefix.
func NewServerKey(secret string) ServerKey { return ServerKey{secret} }

// Reveal returns the key itself: for the header of a request to Flagsmith and
// for authentication, never for output.
func (k ServerKey) Reveal() string { return k.secret }

// IsZero reports whether k is the zero ServerKey, which holds no key.
func (k ServerKey) IsZero() bool { return k.secret == "" }

// String returns the masked form, see MaskServerKey.
func (k ServerKey) String() string { return MaskServerKey(k.secret) }

// GoString returns the masked form.
func (k ServerKey) GoString() string { return fmt.Sprintf("domain.ServerKey(%q)", k.String()) }

// MarshalText returns the masked form, so that no encoder writes the key.
func (k ServerKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// MaskServerKey returns the part of a server-side key that may be shown: "ser." and its
// last four characters, or fewer if the key is short (docs/spec/behaviour.md#secrets).
func MaskServerKey(secret string) string {
	rest := strings.TrimPrefix(secret, ServerKeyPrefix)
	return ServerKeyPrefix + "…" + strings.ToValidUTF8(rest[len(rest)-shownOf(len(rest)):], "")
}

// keyShown is how many characters of a key may be shown at most.
const keyShown = 4

// shownOf returns how many of the characters after the prefix may be shown: at most
// half of them.
func shownOf(length int) int { return min(keyShown, length/2) }
