package reporting

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// eventSlots names the state that has the number of slots. A slot's state and lease
	// have this name with the slot's number.
	eventSlots = "events/slots"
	mostSlots  = 4096
	// maxSlotBytes bounds a slot, unless a single event is larger.
	maxSlotBytes = 1 << 20
	// unnumbered is the number of a slot that is not in the store.
	unnumbered = -1
)

var errNoSlot = errors.New("no slot of the store is free for events")

// slot is a part of the waiting events, saved as one value of the store.
//
// The slots of a store are numbered. A slot belongs to the process that has its lease;
// other processes do not read or write it. A slot without a lease is either free or was
// left behind by a process. A restarted process, or another node, takes over what was
// left by taking leases, as far as it has room.
//
// The value names its owner. A process that was suspended for longer than its lease
// finds another owner there and gives the slot up. Until then, both may send the events
// of the slot.
type slot struct {
	// Events.mu guards these.
	batches []*eventBatch
	size    int64 // of the batches
	dirty   bool  // the store has something else

	// Events.storing guards these.
	number  int
	version ports.Version
	lost    bool // the slot has another owner
	written time.Time
}

// drop removes the first n events of a batch and returns the number of bytes that this
// frees.
func (s *slot) drop(b *eventBatch, n int) int64 {
	freed := sizeOf(b.events[:n])
	b.events = b.events[n:]
	b.stored = max(0, b.stored-n)
	b.size -= freed
	if len(b.events) == 0 {
		freed += sizeOfSource(b.source)
		b.home = nil
		s.batches = slices.DeleteFunc(s.batches, func(other *eventBatch) bool { return other == b })
	}
	s.size -= freed
	s.dirty = true
	return freed
}

func slotName(number int) string { return eventSlots + "/" + strconv.Itoa(number) }

// lifetime is how long the lease of a slot lasts.
func (e *Events) lifetime() time.Duration { return max(2*e.o.Interval(), shortestLease) }

// save writes a slot to the store, if it has changed. The caller holds e.storing.
func (e *Events) save(ctx context.Context, s *slot) {
	e.mu.Lock()
	if !s.dirty || s.lost {
		e.mu.Unlock()
		return
	}
	s.dirty = false
	empty := len(s.batches) == 0
	value := encodeSlot(e.o.Node, s.batches)
	e.mu.Unlock()

	var err error
	if e.o.Store != nil && (s.number != unnumbered || !empty) {
		err = e.write(ctx, s, value)
	}
	if errors.Is(err, errTakenOver) {
		e.lose(s)
		return
	}
	e.logStoreError(ctx, err)

	e.mu.Lock()
	switch {
	case err != nil:
		s.dirty = true
	case e.o.Store != nil: // slots do not grow during save
		for _, b := range s.batches {
			b.stored = len(b.events)
		}
	}
	done := err == nil && empty && s != e.slots[len(e.slots)-1]
	if done {
		e.slots = slices.DeleteFunc(e.slots, func(other *slot) bool { return other == s })
	}
	e.mu.Unlock()
	if done && s.number != unnumbered {
		e.release(ctx, s.number)
	}
}

// write puts the value of a slot into the store. errTakenOver: the slot has another
// owner.
func (e *Events) write(ctx context.Context, s *slot, value []byte) error {
	if s.number == unnumbered {
		if err := e.claim(ctx, s); err != nil {
			return err
		}
	}
	version, err := e.o.Store.PutState(ctx, slotName(s.number), value, s.version)
	if errors.Is(err, ports.ErrConflict) {
		// Either the store has lost the slot, or an earlier write succeeded although it
		// returned an error, or the slot has another owner.
		if s.version, err = e.current(ctx, s.number); err != nil {
			return err
		}
		version, err = e.o.Store.PutState(ctx, slotName(s.number), value, s.version)
	}
	if err == nil {
		s.version, s.written = version, e.o.Now()
	}
	return err
}

// current returns the version of a slot of this process. errTakenOver: it has another
// owner.
func (e *Events) current(ctx context.Context, number int) (ports.Version, error) {
	value, version, err := e.o.Store.GetState(ctx, slotName(number))
	switch {
	case errors.Is(err, ports.ErrNotFound), errors.Is(err, ports.ErrCorrupt):
		return "", nil
	case err != nil:
		return "", err
	case ownerOf(value) != e.o.Node:
		return "", errTakenOver
	default:
		return version, nil
	}
}

// claim gives a slot a free number. The caller holds e.storing.
func (e *Events) claim(ctx context.Context, s *slot) error {
	count, version, err := e.slotCount(ctx)
	if err != nil {
		return err
	}
	for number := range count {
		found, err := e.acquire(ctx, number)
		if err != nil {
			return err
		}
		if found == nil {
			continue
		}
		if len(found.batches) == 0 {
			s.number, s.version = number, found.version
			return nil
		}
		e.release(ctx, number) // left to sweep
	}
	if count == mostSlots {
		return errNoSlot
	}
	if _, err := e.o.Store.PutState(ctx, eventSlots, []byte(strconv.Itoa(count+1)), version); err != nil {
		return err // after ErrConflict, the next round tries again
	}
	found, err := e.acquire(ctx, count)
	switch {
	case err != nil:
		return err
	case found == nil || len(found.batches) > 0:
		return errNoSlot
	}
	s.number, s.version = count, found.version
	return nil
}

// sweep takes over slots that other processes left behind, as far as there is room. The
// caller holds e.storing.
func (e *Events) sweep(ctx context.Context) {
	if since := e.o.Now().Sub(e.swept); e.o.Store == nil || since >= 0 && since < e.lifetime() {
		return
	}
	e.swept = e.o.Now()
	count, _, err := e.slotCount(ctx)
	for number := 0; number < count && err == nil; number++ {
		var found *slot
		if found, err = e.acquire(ctx, number); found == nil {
			continue
		}
		if !e.adopt(ctx, found) {
			e.release(ctx, number)
			continue
		}
		e.save(ctx, found) // so that the former owner notices, if it still runs
	}
	e.logStoreError(ctx, err)
}

// adopt takes a slot over. It reports false if the slot is empty or too large for the
// room that is left.
func (e *Events) adopt(ctx context.Context, s *slot) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(s.batches) == 0 || e.held > 0 && e.held+s.size > e.o.MaxBytes() {
		return false
	}
	e.held += s.size
	e.slots = slices.Insert(e.slots, 0, s)
	events := 0
	for _, b := range s.batches {
		events += len(b.events)
	}
	e.ledger.pending.Add(int64(events))
	e.o.Logger.InfoContext(ctx, "events_restored", "events", events)
	return true
}

// lose gives up a slot that has another owner, and keeps the events that were not stored
// in it. The caller holds e.storing.
func (e *Events) lose(s *slot) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s.lost = true
	e.slots = slices.DeleteFunc(e.slots, func(other *slot) bool { return other == s })
	e.held -= s.size
	for _, b := range s.batches {
		b.home = nil
		mine := b.events[b.stored:]
		e.ledger.pending.Add(-int64(b.stored))
		e.held += sizeOf(mine)
		e.file(b.source, mine)
	}
}

// acquire takes the lease of a slot and returns the slot with its content. It returns nil
// if this or another process has the slot.
func (e *Events) acquire(ctx context.Context, number int) (*slot, error) {
	if slices.ContainsFunc(e.slots, func(s *slot) bool { return s.number == number }) {
		return nil, nil
	}
	_, held, err := ports.TryLease(ctx, e.o.Store, slotName(number), e.o.Node, e.lifetime())
	if err != nil || !held {
		return nil, err
	}
	s := &slot{number: number, dirty: true}
	value, version, err := e.o.Store.GetState(ctx, slotName(number))
	switch {
	case err == nil:
		s.version = version
		if s.batches, err = decodeSlot(value); err != nil {
			e.logUnreadable(ctx, number, err)
		}
	case errors.Is(err, ports.ErrCorrupt):
		e.logUnreadable(ctx, number, err)
	case !errors.Is(err, ports.ErrNotFound):
		e.release(ctx, number)
		return nil, err
	}
	for _, b := range s.batches {
		b.home = s
		s.size += b.size + sizeOfSource(b.source)
	}
	return s, nil
}

func (e *Events) release(ctx context.Context, number int) {
	_ = ports.DropLease(ctx, e.o.Store, slotName(number), e.o.Node)
}

// extendLeases extends the leases of all slots and gives up the slots that have another
// owner. The caller holds e.storing.
func (e *Events) extendLeases(ctx context.Context) {
	since := e.o.Now().Sub(e.leased)
	if e.o.Store == nil || since >= 0 && since < e.lifetime()/8 {
		return
	}
	e.leased = e.o.Now()
	for _, s := range slices.Clone(e.slots) {
		if s.number == unnumbered {
			continue
		}
		_, held, err := ports.TryLease(ctx, e.o.Store, slotName(s.number), e.o.Node, e.lifetime())
		if err != nil {
			return // the slots stay, as the store is away
		}
		if !held {
			e.lose(s)
		}
	}
}

// slotCount returns the number of slots in the store.
func (e *Events) slotCount(ctx context.Context) (int, ports.Version, error) {
	value, version, err := e.o.Store.GetState(ctx, eventSlots)
	switch {
	case errors.Is(err, ports.ErrNotFound), errors.Is(err, ports.ErrCorrupt):
		return 0, "", nil
	case err != nil:
		return 0, "", err
	}
	count, err := strconv.Atoi(string(value))
	if err != nil || count < 0 || count > mostSlots {
		return 0, version, nil // claim counts again
	}
	return count, version, nil
}

// logStoreError logs an unexpected error of the store once, until a call succeeds.
func (e *Events) logStoreError(ctx context.Context, err error) {
	for _, quiet := range []error{ports.ErrUnavailable, ports.ErrClosed, ports.ErrConflict} {
		if errors.Is(err, quiet) {
			return
		}
	}
	if err != nil && !e.troubled && ctx.Err() == nil {
		e.o.Logger.ErrorContext(ctx, "events_store_error", "error", err, "effect", "waiting events are in memory only")
	}
	e.troubled = err != nil
}

func (e *Events) logUnreadable(ctx context.Context, number int, err error) {
	e.o.Logger.ErrorContext(ctx, "events_slot_unreadable", "name", slotName(number), "error", err, "effect", "the events in it are lost")
}
