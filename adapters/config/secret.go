package config

import (
	"strings"
	"unique"

	"github.com/edge-proxy/edge-proxy/domain"
)

// masked replaces a secret of which nothing may be shown.
const masked = domain.MaskedSecret

// Secret is a text that must not be shown. Formatting, logging or encoding one
// shows a masked form; only Reveal returns the text. The zero value is unset.
// Secrets are equal under == when their texts are.
type Secret struct {
	// A handle instead of a string: a formatter that reads unexported fields finds
	// only an address.
	handle unique.Handle[string]
}

// NewSecret wraps text; an empty text is the zero Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{unique.Make(text)}
}

// Reveal returns the text itself: for requests and signatures, never for output.
func (s Secret) Reveal() string {
	if s.IsZero() {
		return ""
	}
	return s.handle.Value()
}

// IsZero reports whether s is unset.
func (s Secret) IsZero() bool { return s == Secret{} }

// String returns the masked form, "" when unset.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return mask(s.Reveal())
}

// GoString returns the masked form.
func (s Secret) GoString() string { return s.String() }

// MarshalText returns the masked form, so that no encoder writes the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// mask returns the part of a secret that may be shown: of a server-side key the
// prefix and at most four characters at the end, of anything else nothing.
func mask(secret string) string {
	if strings.HasPrefix(secret, domain.ServerKeyPrefix) {
		return domain.MaskServerKey(secret)
	}
	return masked
}
