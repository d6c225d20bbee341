package httpapi

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine/python/jsonpath"
	"github.com/edge-proxy/edge-proxy/engine/python/text"
)

// transientIdentifier returns the identifier of an identity that has none
// (docs/spec/behaviour.md#transient-identities): a hash of the traits, or a random one
// without traits.
func transientIdentifier(traits []domain.Trait) string {
	if len(traits) == 0 {
		return randomUUID()
	}
	sorted := slices.Clone(traits)
	slices.SortStableFunc(sorted, func(a, b domain.Trait) int { return cmp.Compare(a.Key, b.Key) })
	var hashed []byte
	for _, t := range sorted {
		if t.Value.IsNull() {
			continue
		}
		hashed = text.AppendStr(append(hashed, t.Key...), jsonpath.Node(t.Value))
	}
	digest := sha256.Sum256(hashed)
	return hex.EncodeToString(digest[:])
}

// randomUUID returns the 32 digits of a random UUID (RFC 9562, version 4).
func randomUUID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	id[6] = id[6]&0x0F | 0x40
	id[8] = id[8]&0x3F | 0x80
	return hex.EncodeToString(id[:])
}
