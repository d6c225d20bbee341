package app

import (
	"context"
	"errors"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// This file is a keeper's dealings with the store.

// tenureTurns is about how many polls a node keeps a lease before it offers it to
// the others, so that leadership spreads over the nodes.
const tenureTurns = 30

func (s *shared) newTenure() int {
	return tenureTurns/2 + int(s.deps.Random()*tenureTurns)
}

// lease takes or extends the lease of the environment. It reports whether this
// node is to poll, which without a store it is, and until when another node has
// the lease.
func (k *keeper) lease(ctx context.Context) (until time.Time, leads bool) {
	if k.tenure--; k.tenure < 0 {
		k.tenure = k.newTenure()
		if k.dropLease(ctx) == nil {
			// Another node that asks before this one's next turn has it.
			defer func() {
				if leads {
					_ = k.dropLease(ctx)
				}
			}()
		}
	}
	err := k.gate.probe(ctx, storeWait, func(ctx context.Context) (err error) {
		until, leads, err = k.deps.Store.TryLease(ctx, string(k.key), k.config().Node, k.config().Lease)
		return err
	})
	former := k.leading
	k.leading = leads && err == nil
	if k.leading && !former {
		k.follow(ctx) // what the node before stored last
	}
	return until, leads || err != nil
}

func (k *keeper) dropLease(ctx context.Context) error {
	k.leading = false
	return k.gate.do(ctx, storeWait, func(ctx context.Context) error {
		return k.deps.Store.DropLease(ctx, string(k.key), k.config().Node)
	})
}

// leave gives the lease back when the keeper ends. Before that it stores what is
// served, unless the environment is no longer: the end may have come in between.
func (k *keeper) leave(ctx context.Context) {
	removed := errors.Is(context.Cause(ctx), errRemoved)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if k.held != nil && !k.stored && !removed {
		_ = k.put(ctx) // on a conflict another node has seen to it
	}
	_ = k.dropLease(ctx)
}

// forget deletes the record of an environment that is no longer served, unless
// other processes may want it.
func (k *keeper) forget(ctx context.Context) {
	if own, ok := k.deps.Store.(ports.Exclusive); !ok || !own.Exclusive() {
		return
	}
	err := k.gate.do(context.WithoutCancel(ctx), storeWait, func(ctx context.Context) error {
		return k.deps.Store.Delete(ctx, k.key)
	})
	if err != nil && !errors.Is(err, ports.ErrUnavailable) && !errors.Is(err, ports.ErrClosed) {
		k.logger.ErrorContext(ctx, "store_error", "doing", "deleting the document", "error", err)
	}
}

func (k *keeper) get(ctx context.Context) (record ports.Record, err error) {
	err = k.gate.do(ctx, documentWait, func(ctx context.Context) (err error) {
		record, err = k.deps.Store.Get(ctx, k.key)
		return err
	})
	return record, err
}

// follow takes over what changed in the store. Its bytes are only transferred
// when its version is new.
func (k *keeper) follow(ctx context.Context) {
	var stat ports.Record
	err := k.gate.do(ctx, storeWait, func(ctx context.Context) (err error) {
		stat, err = k.deps.Store.Stat(ctx, k.key)
		return err
	})
	switch {
	case errors.Is(err, ports.ErrNotFound), errors.Is(err, ports.ErrCorrupt):
		// The leaseholder will fill it again on its next turn.
		k.version, k.stored = "", false
		return
	case err != nil:
		return // the gate has told; without the store the next turn polls
	case stat.Version == k.version && k.stored:
		k.seen(stat)
		return
	case stat.Version == k.version && k.held == nil:
		return // known to be unusable, and there is nothing yet to put in its place
	}
	record, err := k.get(ctx)
	if errors.Is(err, ports.ErrNotFound) { // deleted since
		k.version, k.stored = "", false
		return
	}
	if err != nil {
		k.logStoreError(ctx, "reading the document", err)
		return
	}
	if !k.takeOver(ctx, record) {
		k.save(ctx)
	}
}

// seen notes whether another node had the held document, which is the record's,
// confirmed since this node last looked. Clocks of nodes may differ: that the
// record's time moved on counts from when this node saw it, by its own clock, at
// most one turn after it happened.
func (k *keeper) seen(record ports.Record) {
	since := k.seenAt
	if since.IsZero() {
		since = k.checkedAt
	}
	if record.CheckedAt.After(since) {
		k.schedule.failures = 0
		k.library.confirm(k.key, k.deps.Now())
	}
	k.seenAt = record.CheckedAt
	k.checkedAt = later(k.checkedAt, record.CheckedAt)
}

// takeOver judges a record and serves it unless the held document is better, which
// it reports with false.
func (k *keeper) takeOver(ctx context.Context, record ports.Record) (taken bool) {
	k.inBackground(len(record.Body), func() { taken = k.judgeRecord(ctx, record) })
	return taken
}

// judgeRecord is takeOver where it runs.
func (k *keeper) judgeRecord(ctx context.Context, record ports.Record) bool {
	digest := digestOf(record.Body)
	offered := domain.Dated{UpdatedAt: record.UpdatedAt, CheckedAt: record.CheckedAt}
	var held domain.Dated
	if k.held != nil {
		held = domain.Dated{UpdatedAt: k.held.UpdatedAt, CheckedAt: k.checkedAt}
	}
	switch k.succession.FromStore(held, offered, k.held != nil && digest == k.held.Digest) {
	case domain.Confirm:
		k.version, k.stored = record.Version, true
		k.seen(record)
		return true
	case domain.Refuse:
		k.version, k.stored = record.Version, false
		return false
	}
	c, err := k.compile(ctx, record.Body, digest)
	if err != nil {
		if ctx.Err() == nil {
			k.logStoreError(ctx, "reading the document", err)
		}
		k.version, k.stored = record.Version, false
		return k.held == nil // nothing better to put in its place yet
	}
	first := k.held == nil
	k.version, k.stored = record.Version, true
	k.serve(ctx, c, "store")
	// How often upstream sent something older than the former document is of no
	// matter for this one.
	k.succession = domain.Succession{}
	if first { // from an earlier run: how long ago is what counts
		k.checkedAt, k.seenAt = record.CheckedAt, record.CheckedAt
		k.library.confirm(k.key, earlier(record.CheckedAt, k.deps.Now()))
	} else {
		k.unconditional = true // the node that fetched it may be gone before its own such poll
		k.seen(record)
	}
	return true
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

// save makes the store's record what is held: by a note that upstream confirmed
// it, or by the document when the store has another or none.
func (k *keeper) save(ctx context.Context) {
	if k.held == nil {
		return
	}
	if k.stored {
		err := k.gate.do(ctx, storeWait, func(ctx context.Context) error {
			return k.deps.Store.Touch(ctx, k.key, k.version, k.checkedAt)
		})
		switch {
		case err == nil:
			k.seenAt = k.checkedAt
			return
		case errors.Is(err, ports.ErrNotFound), errors.Is(err, ports.ErrCorrupt):
			k.version, k.stored = "", false
		case errors.Is(err, ports.ErrConflict):
			k.reconcile(ctx)
			return
		default:
			k.logStoreError(ctx, "noting the confirmation", err)
			return
		}
	}
	if err := k.put(ctx); errors.Is(err, ports.ErrConflict) {
		k.reconcile(ctx)
	} else {
		k.logStoreError(ctx, "storing the document", err)
	}
}

func (k *keeper) put(ctx context.Context) error {
	return k.gate.do(ctx, documentWait, func(ctx context.Context) error {
		version, err := k.deps.Store.Put(ctx, ports.Record{Key: k.key, Body: k.held.Body, UpdatedAt: k.held.UpdatedAt, CheckedAt: k.checkedAt}, k.version)
		if err == nil {
			k.version, k.stored, k.seenAt = version, true, k.checkedAt
		}
		return err
	})
}

// reconcile settles a conflict: another node stored something else meanwhile. The
// better document wins; after one more conflict the next turn tries again.
func (k *keeper) reconcile(ctx context.Context) {
	record, err := k.get(ctx)
	switch {
	case errors.Is(err, ports.ErrNotFound), errors.Is(err, ports.ErrCorrupt):
		k.version, k.stored = "", false
	case err != nil:
		k.logStoreError(ctx, "reading the document", err)
		return
	case k.takeOver(ctx, record):
		return
	}
	if err := k.put(ctx); !errors.Is(err, ports.ErrConflict) {
		k.logStoreError(ctx, "storing the document", err)
	}
}

// logStoreError logs what the gate does not.
func (k *keeper) logStoreError(ctx context.Context, doing string, err error) {
	if err == nil || ctx.Err() != nil || errors.Is(err, ports.ErrUnavailable) || errors.Is(err, ports.ErrClosed) {
		return
	}
	k.logger.ErrorContext(ctx, "store_error", "doing", doing, "error", err)
}
