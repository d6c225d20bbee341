package domain

import (
	"crypto/sha256"
	"time"
)

// Access is what a key that authenticated may see.
type Access uint8

const (
	// ClientSide hides server-key-only features and, where the environment asks
	// for it, disabled flags; it does not open the environment document.
	ClientSide Access = iota
	// ServerSide sees everything.
	ServerSide
)

// KeyDigest is the SHA-256 of a server-side key: what may be stored of it.
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

// EnvironmentKeys are the keys of one environment: its client-side key and any
// number of server-side keys, several of them during a rotation.
type EnvironmentKeys struct {
	Client EnvironmentKey
	Server []Credential
	// Discovered: discovery by proxy key brought the environment, not the
	// configuration.
	Discovered bool
}

// FetchKey returns the first server-side key that is known whole and valid at
// now: the one to fetch the document with. The second result is false when
// there is none.
func (e EnvironmentKeys) FetchKey(now time.Time) (ServerKey, bool) {
	for _, c := range e.Server {
		if !c.Key.IsZero() && c.Valid(now) {
			return c.Key, true
		}
	}
	return ServerKey{}, false
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

// NewKeyRing returns the ring of the given environments, which it keeps and
// which must not be changed any more. Of two environments with one client-side
// key, or two credentials with one key, the first counts.
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
	_, ok := r.byClient[string(key)]
	return ok
}

// Authenticate returns the environment that key belongs to and what it may see.
// A server-side key that expired before now does not authenticate. Server-side
// keys are compared by digest, so that timing tells nothing about them.
func (r *KeyRing) Authenticate(key string, now func() time.Time) (EnvironmentKey, Access, bool) {
	if i, ok := r.byClient[key]; ok {
		return r.environments[i].Client, ClientSide, true
	}
	if len(key) < len(ServerKeyPrefix) || key[:len(ServerKeyPrefix)] != ServerKeyPrefix {
		return "", ClientSide, false
	}
	entry, ok := r.byDigest[sha256.Sum256([]byte(key))]
	if !ok || !entry.expiresAt.IsZero() && !now().Before(entry.expiresAt) {
		return "", ClientSide, false
	}
	return r.environments[entry.environment].Client, ServerSide, true
}
