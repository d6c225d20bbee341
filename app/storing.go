package app

import (
	"context"
	"crypto/sha256"
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
	name := string(k.key)
	if k.tenure--; k.tenure < 0 {
		k.tenure = k.newTenure()
		if err := k.gate.do(ctx, func() error { return k.deps.Store.DropLease(ctx, name, k.config.Node) }); err == nil {
			// Another node that asks before this one's next turn has it.
			defer func() {
				if leads {
					_ = k.gate.do(ctx, func() error { return k.deps.Store.DropLease(ctx, name, k.config.Node) })
				}
			}()
		}
	}
	err := k.gate.do(ctx, func() (err error) {
		until, leads, err = k.deps.Store.TryLease(ctx, name, k.config.Node, k.config.Lease)
		return err
	})
	return until, leads || err != nil
}

// leave gives the lease back when the keeper ends.
func (k *keeper) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = k.gate.do(ctx, func() error { return k.deps.Store.DropLease(ctx, string(k.key), k.config.Node) })
}

func (k *keeper) get(ctx context.Context) (record ports.Record, err error) {
	err = k.gate.do(ctx, func() (err error) {
		record, err = k.deps.Store.Get(ctx, k.key)
		return err
	})
	return record, err
}

// follow takes over what changed in the store. Its bytes are only transferred
// when its version is new.
func (k *keeper) follow(ctx context.Context) {
	var stat ports.Record
	err := k.gate.do(ctx, func() (err error) {
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
		k.seen(stat.CheckedAt)
		return
	}
	record, err := k.get(ctx)
	if err != nil {
		k.logStoreError(ctx, "reading the document", err)
		return
	}
	if !k.takeOver(ctx, record) {
		k.save(ctx)
	}
}

// seen notes that another node had the held document confirmed. Clocks of nodes
// may differ: that the time moved on counts from when this node saw it, by its
// own clock, at most one turn after it happened.
func (k *keeper) seen(checkedAt time.Time) {
	if checkedAt.After(k.checkedAt) {
		k.checkedAt = checkedAt
		k.library.confirm(k.key, k.deps.Now())
	}
}

// takeOver judges a record and serves it unless the held document is better, which
// it reports with false.
func (k *keeper) takeOver(ctx context.Context, record ports.Record) bool {
	digest := sha256.Sum256(record.Body)
	offered := domain.Dated{UpdatedAt: record.UpdatedAt, CheckedAt: record.CheckedAt}
	var held domain.Dated
	if k.held != nil {
		held = domain.Dated{UpdatedAt: k.held.UpdatedAt, CheckedAt: k.checkedAt}
	}
	switch k.succession.FromStore(held, offered, k.held != nil && digest == k.held.Digest) {
	case domain.Confirm:
		k.version, k.stored = record.Version, true
		k.seen(record.CheckedAt)
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
	if first { // from an earlier run: how long ago is what counts
		k.checkedAt = record.CheckedAt
		k.library.confirm(k.key, earlier(record.CheckedAt, k.deps.Now()))
	} else {
		k.seen(record.CheckedAt)
	}
	return true
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
		err := k.gate.do(ctx, func() error { return k.deps.Store.Touch(ctx, k.key, k.version, k.checkedAt) })
		switch {
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
	return k.gate.do(ctx, func() error {
		version, err := k.deps.Store.Put(ctx, ports.Record{Key: k.key, Body: k.held.Body, UpdatedAt: k.held.UpdatedAt, CheckedAt: k.checkedAt}, k.version)
		if err == nil {
			k.version, k.stored = version, true
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
