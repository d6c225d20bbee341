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

// longestUntouched is after how long a record is touched at the latest. Stores may let
// records expire some days after the last Touch.
const longestUntouched = 12 * time.Hour

// record is the store's record of one environment's document, as this node knows it. Its
// keeper's goroutine owns it.
type record struct {
	key    domain.EnvironmentKey
	store  ports.Store
	seat   *seat
	config *atomic.Pointer[Config]
	now    func() time.Time
	random func() float64
	logger *slog.Logger

	version ports.Version // "" when none was seen
	stored  bool          // the record under version is the held document
	// checkedAt is when upstream last confirmed the held document, by the fleet's time,
	// see confirm. seenAt is the record's CheckedAt as last seen or written.
	checkedAt, seenAt time.Time
	// confirmedAt is when that was by this node's clock, as far as it knows.
	confirmedAt time.Time

	touchAt time.Time // when to touch the record next, see touch
}

// forget deletes the record, unless other processes may want it.
func (r *record) forget(ctx context.Context) {
	if !exclusive(r.store) {
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

// seen takes note of when another node had the held document confirmed, by the fleet's
// time. It reports whether that was since this node last saw such a time. Clocks of nodes
// may differ: that the time moved on counts from at, when this node heard of it, by its own
// clock.
func (r *record) seen(checkedAt, at time.Time) (confirmed bool) {
	since := r.seenAt
	if since.IsZero() {
		since = r.checkedAt
	}
	r.seenAt = checkedAt
	r.checkedAt = later(r.checkedAt, checkedAt)
	if !checkedAt.After(since) {
		return false
	}
	r.confirmedAt = at
	return true
}

// recall takes note of when a record that is the held document was confirmed. That is not
// news: followers hear of confirmations when they happen, by the fleet's notes, and a
// record may have been touched long before this node looks at it.
func (r *record) recall(stat ports.Record) { r.checkedAt = later(r.checkedAt, stat.CheckedAt) }

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
	r.confirmedAt = at
	at = at.Round(0).Truncate(time.Microsecond) // wall clocks are compared, as exactly as stores keep them
	r.checkedAt = later(at, r.checkedAt.Add(time.Microsecond))
}

// save writes the held document and when it was confirmed, and passes that on to the
// other nodes. Errors: ErrConflict when another node has written something else; others
// are logged.
func (r *record) save(ctx context.Context, held *Environment) error {
	if r.stored {
		err := r.touch(ctx)
		switch {
		case err == nil:
			r.saved()
			return nil
		case missing(err):
			r.lost()
		default:
			return r.unlessConflict(ctx, "noting the confirmation", err)
		}
	}
	version, err := r.store.Put(ctx, ports.Record{Key: r.key, Body: held.Body, UpdatedAt: held.UpdatedAt, CheckedAt: r.checkedAt}, r.version)
	if err == nil {
		r.version, r.stored = version, true
		r.saved()
	}
	return r.unlessConflict(ctx, "storing the document", err)
}

// saved takes note that the store has the held document and knows when it was confirmed.
func (r *record) saved() {
	r.seenAt = r.checkedAt
	r.seat.confirm(leaseNote{version: r.version, checkedAt: r.checkedAt}, r.confirmedAt)
}

// touch notes a confirmation in the record. In a store that nodes share, the note of the
// lease has it anyway, and a node that polls many environments touches a record only now
// and then: so that it does not expire, so that a record that was lost is noticed, and so
// that its time is about right where the notes are lost.
func (r *record) touch(ctx context.Context) error {
	if polled := r.seat.polledHere(); polled > touchesPerInterval && !r.seat.fleet.exclusive {
		now := r.now()
		pause := min(r.config.Load().Freshness.PollInterval*time.Duration(polled)/touchesPerInterval, longestUntouched)
		wait := r.touchAt.Sub(now)
		first := r.touchAt.IsZero()
		if first || wait <= 0 || wait > 2*pause { // it is longer when the clock was set back, or there were more leases
			r.touchAt = now.Add(time.Duration((0.5 + r.random()) * float64(pause)))
		}
		if first || wait > 0 {
			return nil
		}
	}
	return r.store.Touch(ctx, r.key, r.version, r.checkedAt)
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

// recalled returns when something was that a store recalls, by the clock that shows now: not
// later than now, and with its monotonic reading, so that the age stays right when the wall
// clock is set. The zero time stays what it is.
func recalled(at, now time.Time) time.Time {
	if at.IsZero() {
		return at
	}
	return now.Add(-max(0, now.Round(0).Sub(at)))
}
