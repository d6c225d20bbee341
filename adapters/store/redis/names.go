package redis

import (
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
)

// names makes the names of one fleet's keys and channel. Each key is
//
//	PREFIX:{NAME}:KIND
//
// with NAME the environment's key (or the name of a lease or state) escaped.
// The braces are Redis' hash tag: all that bears one NAME lives in one slot of a
// Cluster. Neither PREFIX nor NAME holds a brace, so the first ":{" of a key ends
// its prefix and two prefixes never share a key, whatever they begin with.
type names struct{ prefix string }

const (
	recordKind = "record"
	leaseKind  = "lease"
	stateKind  = "state"
)

func newNames(prefix string) names {
	return names{prefix: escape(prefix, ":/")}
}

func (n names) record(key domain.EnvironmentKey) string { return n.name(string(key), recordKind) }
func (n names) lease(name string) string                { return n.name(name, leaseKind) }
func (n names) state(name string) string                { return n.name(name, stateKind) }

// changes is the channel on which changed records are told, the environment's key
// being the message. One for all environments: a node that follows thousands
// needs one subscription.
func (n names) changes() string { return n.prefix + ":changes" }

// records is the pattern of all records' names, for SCAN. What escape leaves
// alone means nothing special in a pattern.
func (n names) records() string { return n.name("*", recordKind, "*") }

// recordKey is the reverse of record. ok is false for a name that record does
// not make.
func (n names) recordKey(name string) (key domain.EnvironmentKey, ok bool) {
	rest, hasPrefix := strings.CutPrefix(name, n.prefix+":{")
	escaped, hasKind := strings.CutSuffix(rest, "}:"+recordKind)
	if !hasPrefix || !hasKind {
		return "", false
	}
	text, ok := unescape(escaped)
	return domain.EnvironmentKey(text), ok
}

func (n names) name(text, kind string, plain ...string) string {
	return n.prefix + ":{" + escape(text, strings.Join(plain, "")) + "}:" + kind
}

const upperHex = "0123456789ABCDEF"

// escape writes every byte but letters, digits, "-", ".", "_", "~" and those of
// plain as "%XX", so that ordinary keys stay readable and any bytes are possible.
func escape(text, plain string) string {
	var b strings.Builder
	b.Grow(len(text))
	for i := range len(text) {
		c := text[i]
		if isPlain(c) || strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
		}
	}
	return b.String()
}

// unescape is the reverse of escape(text, ""); ok is false when text is not what
// escape makes, so that no two names stand for one text.
func unescape(text string) (unescaped string, ok bool) {
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c != '%' {
			if !isPlain(c) {
				return "", false
			}
			b = append(b, c)
			continue
		}
		if i+2 >= len(text) {
			return "", false
		}
		high := strings.IndexByte(upperHex, text[i+1])
		low := strings.IndexByte(upperHex, text[i+2])
		if high < 0 || low < 0 {
			return "", false
		}
		c = byte(high<<4 | low)
		if isPlain(c) {
			return "", false
		}
		b = append(b, c)
		i += 2
	}
	return string(b), true
}

func isPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}
