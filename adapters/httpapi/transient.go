package httpapi

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
	"github.com/edge-proxy/edge-proxy/engine/python/number"
)

// isBlank reports whether Python's str.strip takes r off.
func isBlank(r rune) bool { return unicode.IsSpace(r) || r >= 0x1C && r <= 0x1F }

// blank reports whether an identifier names nobody.
func blank(identifier string) bool { return strings.TrimFunc(identifier, isBlank) == "" }

// transientIdentifier returns the identifier of an identity that has none
// (docs/spec/behaviour.md#transient-identities): the same for the same traits, random for
// none at all.
func transientIdentifier(traits []domain.Trait) string {
	if len(traits) == 0 {
		return randomUUID()
	}
	sorted := slices.Clone(traits)
	slices.SortStableFunc(sorted, func(a, b domain.Trait) int { return cmp.Compare(a.Key, b.Key) })
	var text []byte
	for i, t := range sorted {
		if repeated := i+1 < len(sorted) && sorted[i+1].Key == t.Key; repeated || t.Value.IsNull() {
			continue // of one key the last value counts
		}
		text = appendPython(append(text, t.Key...), t.Value)
	}
	digest := sha256.Sum256(text)
	return hex.EncodeToString(digest[:])
}

// appendPython appends the primitive v as Python's str() writes it.
func appendPython(dst []byte, v domain.Value) []byte {
	text := v.Text()
	switch v.Kind() {
	case jsonscan.Bool:
		if text == "true" {
			return append(dst, "True"...)
		}
		return append(dst, "False"...)
	case jsonscan.Number:
		if !jsonscan.IsInteger(text) {
			f, _ := strconv.ParseFloat(text, 64) // out of range is ±infinity, as in Python
			return append(dst, number.FormatFloat(f)...)
		}
		if text == "-0" {
			text = "0"
		}
	}
	return append(dst, text...)
}

// randomUUID returns the 32 digits of a random UUID (RFC 9562, version 4).
func randomUUID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	id[6] = id[6]&0x0F | 0x40
	id[8] = id[8]&0x3F | 0x80
	return hex.EncodeToString(id[:])
}
