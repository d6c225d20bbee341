package app

import (
	"slices"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
)

// Environment is one environment as it is served. It is immutable and safe for
// concurrent use.
type Environment struct {
	Key       domain.EnvironmentKey
	Body      []byte    // the document as upstream sent it, pages merged
	UpdatedAt time.Time // the document's updated_at, zero when it has none
	// Digest is the SHA-256 of Body: the same on every node and after restarts.
	Digest  [32]byte
	Program *engine.Program
	Serving domain.Serving
	Facts   Facts
	// Presentation is what the input adapter prepared for this document.
	Presentation Presentation
}

// Presentation is what an input adapter prepares once per document, so that an answer
// is made of prepared parts. Only the adapter that made it knows its type.
type Presentation any

// Presenter prepares an environment for an input adapter. It is called in the
// background, before the environment is served, with everything but
// Presentation set. It is called from several goroutines at a time.
type Presenter interface {
	Present(e *Environment) Presentation
}

// Snapshot is all that requests are answered from: the keys and the
// environments, as they were at one moment. It is immutable and safe for
// concurrent use.
type Snapshot struct {
	ring         *domain.KeyRing
	environments []*Environment // in the order of the ring; nil while there is no document
	now          func() time.Time
	incomplete   bool
}

// NewSnapshot returns the snapshot of the given environments under the keys of ring.
// now decides which server-side keys have expired.
func NewSnapshot(ring *domain.KeyRing, environments map[domain.EnvironmentKey]*Environment, now func() time.Time) *Snapshot {
	s := &Snapshot{ring: ring, environments: make([]*Environment, len(ring.Environments())), now: now}
	for i, e := range ring.Environments() {
		s.environments[i] = environments[e.Client]
	}
	return s
}

// with returns s with another environment in place of the one at index i of the ring.
// Copying pointers is what a change costs, so that thousands of environments that
// arrive one after the other take no time that grows with their square.
func (s *Snapshot) with(i int, e *Environment) *Snapshot {
	copied := *s
	copied.environments = slices.Clone(s.environments)
	copied.environments[i] = e
	return &copied
}

// Incomplete returns s as a snapshot that is not Complete.
func (s *Snapshot) Incomplete() *Snapshot {
	copied := *s
	copied.incomplete = true
	return &copied
}

// Complete reports whether all keys are known. With discovery it is false until the
// first list has been read, from upstream or the store. Until then a key that Lookup
// does not know may still become known.
func (s *Snapshot) Complete() bool { return !s.incomplete }

// Entry is the result of a Lookup.
type Entry struct {
	// Key is the environment's client-side key, whichever was looked up.
	Key domain.EnvironmentKey
	// Access is what the key that was looked up gives access to.
	Access domain.Access
	// Environment is nil until the environment's document has arrived.
	Environment *Environment
}

// Lookup authenticates a key, client-side or server-side. It reports false for an
// unknown or expired key.
func (s *Snapshot) Lookup(key string) (Entry, bool) {
	client, access, ok := s.ring.Authenticate(key, s.now)
	if !ok {
		return Entry{}, false
	}
	return Entry{client, access, s.Environment(client)}, true
}

// Keys returns the environments' keys, in the order of the ring. Read-only.
func (s *Snapshot) Keys() []domain.EnvironmentKeys { return s.ring.Environments() }

// Environment returns the environment with a client-side key, or nil when its document
// has not arrived.
func (s *Snapshot) Environment(key domain.EnvironmentKey) *Environment {
	if i, ok := s.ring.Index(key); ok {
		return s.environments[i]
	}
	return nil
}
