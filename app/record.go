package app

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// tenureTurns is about how many polls a node keeps a lease before it offers it to
// the others, so that leadership spreads over the nodes.
const tenureTurns = 30

// record is the store's record of one environment's document, as this node knows it,
// with the lease that comes with it. Its keeper's goroutine owns it.
type record struct {
	key    domain.EnvironmentKey
	store  ports.Store
	config *atomic.Pointer[Config]
	random func() float64
	logger *slog.Logger

	version ports.Version // "" when none was seen
	stored  bool          // the record under version is the held document
	// checkedAt is when upstream last confirmed the held document, by the fleet's time,
	// see confirm. seenAt is the record's CheckedAt as last seen or written.
	checkedAt, seenAt time.Time

	leading bool // this node had the lease when it last asked for it
	tenure  int  // polls until the lease is offered to others
}

func (r *record) newTenure() int {
	return tenureTurns/2 + int(r.random()*tenureTurns)
}

// lease takes or extends the lease of the environment. It reports whether this node
// should poll, as it also should while the store is away; whether it got the lease just
// now; and until when another node has it.
func (r *record) lease(ctx context.Context) (until time.Time, leads, gained bool) {
	if r.tenure--; r.tenure < 0 {
		r.tenure = r.newTenure()
		if r.dropLease(ctx) == nil {
			// Another node that asks before this one's next turn gets it.
			defer func() {
				if leads {
					_ = r.dropLease(ctx)
				}
			}()
		}
	}
	former := r.leading
	until, held, err := ports.TryLease(ctx, r.store, string(r.key), r.config.Load().Node, r.config.Load().Lease)
	r.leading = held && err == nil
	return until, held || err != nil, r.leading && !former
}

func (r *record) dropLease(ctx context.Context) error {
	r.leading = false
	return ports.DropLease(ctx, r.store, string(r.key), r.config.Load().Node)
}

// forget deletes the record, unless other processes may want it.
func (r *record) forget(ctx context.Context) {
	if own, ok := r.store.(ports.Exclusive); !ok || !own.Exclusive() {
		return
	}
	if err := r.store.Delete(context.WithoutCancel(ctx), r.key); err != nil && !errors.Is(err, ports.ErrClosed) {
		r.logger.ErrorContext(ctx, "store_error", "doing", "deleting the document", "error", err)
	}
}

// change is what stat found.
type change uint8

const (
	unknown   change = iota // the store could not be asked
	absent                  // no record could be read
	unchanged               // the record is the held document
	unusable                // the record is known to be unusable
	changed                 // the record is another one than before
)

// stat finds out whether the record has changed, without its bytes being
// transferred.
func (r *record) stat(ctx context.Context) (change, ports.Record) {
	stat, err := r.store.Stat(ctx, r.key)
	switch {
	case missing(err):
		r.lost() // the leaseholder will write it again on its next turn
		return absent, stat
	case err != nil:
		return unknown, stat
	case stat.Version != r.version:
		return changed, stat
	case r.stored:
		return unchanged, stat
	default:
		return unusable, stat
	}
}

// missing reports whether the store has no record that could be read.
func missing(err error) bool {
	return errors.Is(err, ports.ErrNotFound) || errors.Is(err, ports.ErrCorrupt)
}

// lost records that the store has no readable record.
func (r *record) lost() { r.version, r.stored = "", false }

// seen takes note of a record that is the held document. It reports whether another
// node had that confirmed since this node last looked. Clocks of nodes may differ:
// that the record's time moved on counts from when this node saw it, by its own
// clock, at most one turn after it happened.
func (r *record) seen(stat ports.Record) (confirmed bool) {
	since := r.seenAt
	if since.IsZero() {
		since = r.checkedAt
	}
	r.seenAt = stat.CheckedAt
	r.checkedAt = later(r.checkedAt, stat.CheckedAt)
	return stat.CheckedAt.After(since)
}

// judge decides whether a record that was read may take the place of the held
// document.
func (r *record) judge(read ports.Record, digest [32]byte, held *Environment) domain.Verdict {
	var current domain.Dated
	if held != nil {
		current = domain.Dated{UpdatedAt: held.UpdatedAt, CheckedAt: r.checkedAt}
	}
	offered := domain.Dated{UpdatedAt: read.UpdatedAt, CheckedAt: read.CheckedAt}
	return new(domain.Succession).FromStore(current, offered, held != nil && digest == held.Digest, r.stored)
}

// read takes note of a record that was read, and of whether it is the held document
// now.
func (r *record) read(read ports.Record, held bool) { r.version, r.stored = read.Version, held }

// confirm takes note that upstream confirmed the held document at that time.
// Followers know a confirmation by the record's time moving on, so that time moves
// on with each, even where this node's clock is behind that of the node that polled
// before, or was set back.
func (r *record) confirm(at time.Time) {
	r.checkedAt = later(at.Round(0), r.checkedAt.Add(time.Microsecond)) // Round: wall clocks are compared
}

// save writes the held document and when it was confirmed. Errors: ErrConflict when
// another node has written something else; others are logged.
func (r *record) save(ctx context.Context, held *Environment) error {
	if r.stored {
		err := r.store.Touch(ctx, r.key, r.version, r.checkedAt)
		switch {
		case err == nil:
			r.seenAt = r.checkedAt
			return nil
		case missing(err):
			r.lost()
		default:
			return r.unlessConflict(ctx, "noting the confirmation", err)
		}
	}
	version, err := r.store.Put(ctx, ports.Record{Key: r.key, Body: held.Body, UpdatedAt: held.UpdatedAt, CheckedAt: r.checkedAt}, r.version)
	if err == nil {
		r.version, r.stored, r.seenAt = version, true, r.checkedAt
	}
	return r.unlessConflict(ctx, "storing the document", err)
}

// unlessConflict returns err if it is a conflict, and logs it otherwise.
func (r *record) unlessConflict(ctx context.Context, doing string, err error) error {
	if errors.Is(err, ports.ErrConflict) {
		return err
	}
	logStoreError(ctx, r.logger, doing, err)
	return nil
}

// logStoreError logs what guardedStore does not.
func logStoreError(ctx context.Context, l *slog.Logger, doing string, err error) {
	if err == nil || ctx.Err() != nil || errors.Is(err, ports.ErrUnavailable) || errors.Is(err, ports.ErrClosed) {
		return
	}
	l.ErrorContext(ctx, "store_error", "doing", doing, "error", err)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
