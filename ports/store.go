// Package ports holds the contracts between the application and its adapters: the
// document store, upstream, and the receivers of reports. Anybody may implement them;
// test/storetest checks a store against its contract, sentence by sentence.
package ports

import (
	"context"
	"errors"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// The errors of a Store, tested with errors.Is. A call that ends because its
// context did returns the context's error instead of any of these.
var (
	// ErrNotFound: no record, lease or state has that name.
	ErrNotFound = errors.New("not found")
	// ErrConflict: ifVersion is not the current version; nothing was changed.
	ErrConflict = errors.New("version conflict")
	// ErrUnavailable: the backend does not answer or cannot do it now. It is
	// transient: back off and try again.
	ErrUnavailable = errors.New("store unavailable")
	// ErrCorrupt: what is stored cannot be read. Put treats it as absent.
	ErrCorrupt = errors.New("corrupt record")
	// ErrClosed: the call came after Close.
	ErrClosed = errors.New("store closed")
)

// Version names one stored state of one key. It is opaque and compared with ==
// only. "" means no record. A version is never used again for the
// same key, not even after the backend lost its data.
type Version string

// Record is one environment document and what is known about it. It is keyed by
// the client-side key; server-side keys never reach a store.
type Record struct {
	Key       domain.EnvironmentKey
	Body      []byte    // as upstream sent it, pages merged
	UpdatedAt time.Time // the document's updated_at; microseconds count, the zone does not
	CheckedAt time.Time // when upstream last confirmed it, by 200 or 304; microseconds count
	Version   Version   // set by the store, ignored by Put
}

// Reader reads records.
type Reader interface {
	// Get returns the record under key. The caller owns its Body, and may keep and
	// change it. Errors: ErrNotFound, ErrCorrupt, ErrUnavailable, ErrClosed.
	Get(ctx context.Context, key domain.EnvironmentKey) (Record, error)
	// Stat is Get without the Body, which it does not transfer: what a follower
	// asks each interval. Errors: as Get.
	Stat(ctx context.Context, key domain.EnvironmentKey) (Record, error)
	// List returns the keys of all records, in any order, including those of corrupt
	// records whose keys can be read. Errors: ErrUnavailable, ErrClosed.
	List(ctx context.Context) ([]domain.EnvironmentKey, error)
}

// Writer changes records. Its methods are atomic, across processes where the
// backend is shared.
type Writer interface {
	// Put replaces the record under r.Key if its version is still ifVersion ("": if the
	// record does not exist or is corrupt) and returns the new version. It does not
	// change r.Body, and may keep it: the caller does not change it either from then on.
	// When it returns nil the record survives a crash of this process, where the backend
	// is durable. After an error other than ErrConflict the record is whole, either the
	// former or the new one. Errors: ErrConflict, ErrUnavailable, ErrClosed.
	Put(ctx context.Context, r Record, ifVersion Version) (Version, error)
	// Touch moves the record's CheckedAt forward, never back, if its version is v. The
	// version stays, and nobody is woken. It may be delayed, and lost in a crash.
	// Errors: ErrConflict when the record has another version, ErrNotFound when the
	// record does not exist, ErrUnavailable, ErrClosed.
	Touch(ctx context.Context, key domain.EnvironmentKey, v Version, checkedAt time.Time) error
	// Delete removes the record; it is not an error when the record does not exist. Errors:
	// ErrUnavailable, ErrClosed.
	Delete(ctx context.Context, key domain.EnvironmentKey) error
}

// Watcher notifies of changes.
type Watcher interface {
	// Watch calls wake once for every one of keys as soon as it is subscribed,
	// then after each change of one of them (Put or Delete, through whichever
	// handle or process), until ctx ends (it returns the context's error), the
	// store is closed (ErrClosed) or the subscription breaks (ErrUnavailable;
	// call Watch again). Wakes are hints: several changes may be one wake, and a
	// wake may be without a change, so re-read with Stat or Get. wake is called
	// from one goroutine at a time; one that takes long delays no other call of
	// the store and no other watcher. errors.ErrUnsupported: the store cannot
	// watch, the caller polls.
	Watch(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error
}

// Lease is a lease as the store has it.
type Lease struct {
	Holder string    // who has it; "" when nobody does
	Until  time.Time // when it runs out, by this node's clock; zero when nobody has it
	Note   string    // what a holder noted last; "" when nobody did
	Gained bool      // TryLeases gave it to a holder that did not have it before
}

// Claim asks for a lease.
type Claim struct {
	Name string
	Note string // becomes the lease's note if the holder gets the lease; "" leaves the note as it is
}

// Leaser lends names, so that of several nodes one polls. Leases only save
// fetches: safety is Put's ifVersion. A call is about any number of leases with
// different names, also none. A thousand of them should cost a shared backend little more
// than one, because every node asks for those of all its environments.
type Leaser interface {
	// TryLeases takes each lease that is claimed for holder, or extends it when holder
	// has it, and never waits. It returns the leases as they are afterwards, in the order
	// of the claims: of those that holder got, until when; of those that another holder
	// has, which one, when that lease will run out, and the note. ttl is at least a
	// millisecond, holder is not empty, and a note has up to 1,024 bytes. After an error,
	// each lease may have been taken or not. Errors: ErrUnavailable, ErrClosed.
	TryLeases(ctx context.Context, claims []Claim, holder string, ttl time.Duration) ([]Lease, error)
	// Leases returns the leases with these names, in their order, and changes nothing.
	// The note of a lease that nobody has may be lost. Errors: ErrUnavailable, ErrClosed.
	Leases(ctx context.Context, names []string) ([]Lease, error)
	// DropLeases gives back the leases with these names that holder has; it does nothing
	// to the others. Errors: ErrUnavailable, ErrClosed.
	DropLeases(ctx context.Context, names []string, holder string) error
}

// Stater keeps small named values with Put's compare-and-set: the list of
// discovered environments, a spool of usage counts. They live in a name space of
// their own, apart from records and leases.
type Stater interface {
	// GetState returns the value, which the caller owns like a record's Body.
	// Errors: ErrNotFound, ErrCorrupt, ErrUnavailable, ErrClosed.
	GetState(ctx context.Context, name string) ([]byte, Version, error)
	// PutState replaces the value if its version is still ifVersion ("": if the value
	// does not exist or is corrupt). It does not keep or change value. Errors:
	// ErrConflict, ErrUnavailable, ErrClosed.
	PutState(ctx context.Context, name string, value []byte, ifVersion Version) (Version, error)
	// ExpireState has the value removed when lasts has passed without another call, and at
	// once for 0; it is not an error when the value does not exist. A store may keep a value
	// for longer unless lasts is 0. A shared one should not: nobody else removes what its
	// users have stopped to need. Errors: ErrUnavailable, ErrClosed.
	ExpireState(ctx context.Context, name string, lasts time.Duration) error
}

// Store is a document store. All methods are safe for concurrent use, do not touch a
// call's arguments after it has returned, except for the Body of a record, and obey the
// context: a call whose context has ended returns its error. Each call takes effect at one
// moment between its start and its return, for all handles; a call about several keys or
// names may do so at a different moment for each of them. Keys, lease names and state
// names are arbitrary texts of up to 1,024 bytes, compared byte for byte.
type Store interface {
	Reader
	Writer
	Watcher
	Leaser
	Stater
	// Close ends every Watch, waits for calls under way, writes what is delayed
	// and releases the backend. Further calls of Close return nil; every other
	// call returns ErrClosed from then on.
	Close() error
}
