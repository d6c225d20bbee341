package domain

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"
)

// Access says what the holder of a key may see.
type Access uint8

const (
	// ClientSide hides server-key-only features and, if the environment says so,
	// disabled flags. It does not give access to the environment document.
	ClientSide Access = iota
	// ServerSide sees everything.
	ServerSide
)

// KeyDigest is the SHA-256 of a server-side key. Stores may hold it, unlike the key.
type KeyDigest [sha256.Size]byte

// Digest returns the key's digest.
func (k ServerKey) Digest() KeyDigest { return sha256.Sum256([]byte(k.secret)) }

// Credential is one server-side key of an environment, known whole or, after a
// restart from a store, by its digest only.
type Credential struct {
	Key       ServerKey // zero when only the digest is known
	Digest    KeyDigest
	ExpiresAt time.Time // zero: never
}

// NewCredential returns the credential of a key that is known whole. A zero
// expiry means never.
func NewCredential(key ServerKey, expiresAt time.Time) Credential {
	return Credential{Key: key, Digest: key.Digest(), ExpiresAt: expiresAt}
}

// Valid reports whether the credential has not expired at now.
func (c Credential) Valid(now time.Time) bool {
	return c.ExpiresAt.IsZero() || now.Before(c.ExpiresAt)
}

// equal compares expiries as moments, independent of their zones.
func (c Credential) equal(other Credential) bool {
	return c.Key == other.Key && c.Digest == other.Digest && c.ExpiresAt.Equal(other.ExpiresAt)
}

// EnvironmentKeys are the keys of one environment: its client-side key and any
// number of server-side keys. There are several during a rotation.
type EnvironmentKeys struct {
	Client EnvironmentKey
	Server []Credential
	// Discovered says that the environment comes from discovery by proxy key and not
	// from the configuration.
	Discovered bool
}

// FetchKeys returns the server-side keys to fetch the document with: those that are
// known whole and valid at now, in their order.
func (e EnvironmentKeys) FetchKeys(now time.Time) []ServerKey {
	var keys []ServerKey
	for _, c := range e.Server {
		if !c.Key.IsZero() && c.Valid(now) {
			keys = append(keys, c.Key)
		}
	}
	return keys
}

// Valid reports whether any server-side key is valid at now, known whole or not.
func (e EnvironmentKeys) Valid(now time.Time) bool {
	return slices.ContainsFunc(e.Server, func(c Credential) bool { return c.Valid(now) })
}

// Equal reports whether both are the same keys in the same order, known to the same
// extent.
func (e EnvironmentKeys) Equal(other EnvironmentKeys) bool {
	return e.Client == other.Client && e.Discovered == other.Discovered && slices.EqualFunc(e.Server, other.Server, Credential.equal)
}

// KeyRing authenticates keys. It is immutable and safe for concurrent use.
type KeyRing struct {
	environments []EnvironmentKeys
	byClient     map[string]int
	byDigest     map[KeyDigest]ringEntry
}

type ringEntry struct {
	environment int
	expiresAt   time.Time
}

// NewKeyRing returns the ring of the given environments. It retains them, and they must
// not change afterwards. Of two environments with one client-side key, or two
// credentials with one key, the first wins.
func NewKeyRing(environments []EnvironmentKeys) *KeyRing {
	r := &KeyRing{
		environments: environments,
		byClient:     make(map[string]int, len(environments)),
		byDigest:     make(map[KeyDigest]ringEntry, len(environments)),
	}
	for i, e := range environments {
		if _, taken := r.byClient[string(e.Client)]; !taken {
			r.byClient[string(e.Client)] = i
		}
		for _, c := range e.Server {
			if _, taken := r.byDigest[c.Digest]; !taken {
				r.byDigest[c.Digest] = ringEntry{i, c.ExpiresAt}
			}
		}
	}
	return r
}

// Environments returns the environments in the order given. It is read-only.
func (r *KeyRing) Environments() []EnvironmentKeys { return r.environments }

// Has reports whether an environment with that client-side key is on the ring.
func (r *KeyRing) Has(key EnvironmentKey) bool {
	_, ok := r.Index(key)
	return ok
}

// Index returns where in Environments the environment with that client-side key is. It
// reports false if the ring does not have it.
func (r *KeyRing) Index(key EnvironmentKey) (int, bool) {
	i, ok := r.byClient[string(key)]
	return i, ok
}

// ServerKey returns the server-side key with that digest. It returns zero if the key is
// unknown, known by its digest only, or expired at now.
func (r *KeyRing) ServerKey(digest KeyDigest, now time.Time) ServerKey {
	entry, ok := r.byDigest[digest]
	if !ok {
		return ServerKey{}
	}
	for _, c := range r.environments[entry.environment].Server {
		if c.Digest == digest && c.Valid(now) {
			return c.Key
		}
	}
	return ServerKey{}
}

// Authenticate returns the environment of a key and what the key may see. It reports
// false for an unknown key and for a server-side key that expired before now. It
// compares server-side keys by digest, so that timing reveals nothing about them.
func (r *KeyRing) Authenticate(key string, now func() time.Time) (EnvironmentKey, Access, bool) {
	if i, ok := r.byClient[key]; ok {
		return r.environments[i].Client, ClientSide, true
	}
	if !strings.HasPrefix(key, ServerKeyPrefix) {
		return "", ClientSide, false
	}
	entry, ok := r.byDigest[sha256.Sum256([]byte(key))]
	if !ok || !entry.expiresAt.IsZero() && !now().Before(entry.expiresAt) {
		return "", ClientSide, false
	}
	return r.environments[entry.environment].Client, ServerSide, true
}
