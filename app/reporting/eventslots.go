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
	// eventSlots is the state that says how many slots there are. The slots have this
	// name with their number, as states and as leases.
	eventSlots = "events/slots"
	mostSlots  = 4096
	// maxSlotBytes is how much one slot takes, unless a single event is larger.
	maxSlotBytes = 1 << 20
	// unnumbered is the number of a slot that is not in the store.
	unnumbered = -1
)

var errNoSlot = errors.New("no slot of the store is free for events")

// slot is a part of the events that wait, saved as one value of the store.
//
// A store has numbered slots. Each belongs to the process that has its lease; others
// neither read nor write it. A slot that nobody has the lease of is free, or holds what
// a process left that is gone. So a restarted process, or another node, takes over what
// is left by taking leases, and takes no more than it has room for.
//
// The value names its owner. A process that was stopped for longer than its lease finds
// another owner there and gives the slot up. Until it has found that out, events of the
// slot may be sent twice.
type slot struct {
	// Events.mu guards these.
	batches []*eventBatch
	size    int64 // of the batches
	dirty   bool  // the store has something else

	// Events.storing guards these.
	number  int
	version ports.Version
	lost    bool // it has another owner
}

// drop takes the first n events out of a batch and returns how many bytes that frees.
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

// lifetime is how long a slot stays its owner's without being looked after.
func (e *Events) lifetime() time.Duration { return max(2*e.o.Interval(), shortestLease) }

// save brings a slot into the store, if it has changed. It needs e.storing.
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
	case e.o.Store != nil: // nothing was added meanwhile
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
		// The store has lost it, or an earlier call was carried out without saying so;
		// otherwise somebody else has it.
		if s.version, err = e.current(ctx, s.number); err != nil {
			return err
		}
		version, err = e.o.Store.PutState(ctx, slotName(s.number), value, s.version)
	}
	if err == nil {
		s.version = version
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

// claim gives a slot a number that is free. It needs e.storing.
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
		e.release(ctx, number) // sweep takes it over, if there is room
	}
	if count == mostSlots {
		return errNoSlot
	}
	if _, err := e.o.Store.PutState(ctx, eventSlots, []byte(strconv.Itoa(count+1)), version); err != nil {
		return err // with ErrConflict another node was faster, and the next round tries again
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

// sweep takes over what processes left that are gone, as far as there is room. It
// needs e.storing.
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
		e.save(ctx, found) // so that a former owner that is there after all notices
	}
	e.logStoreError(ctx, err)
}

// adopt takes a slot over, unless it is empty or there is no room for it.
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
	e.o.Logger.InfoContext(ctx, "events_restored", "events", events)
	return true
}

// lose gives up a slot that has another owner, who has what was stored of it. It needs
// e.storing.
func (e *Events) lose(s *slot) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s.lost = true
	e.slots = slices.DeleteFunc(e.slots, func(other *slot) bool { return other == s })
	e.held -= s.size
	for _, b := range s.batches {
		b.home = nil
		mine := b.events[b.stored:]
		e.held += sizeOf(mine)
		e.file(b.source, mine)
	}
}

// acquire takes the lease of a slot and returns the slot with what is in it; nil where
// this or another process has it.
func (e *Events) acquire(ctx context.Context, number int) (*slot, error) {
	if slices.ContainsFunc(e.slots, func(s *slot) bool { return s.number == number }) {
		return nil, nil
	}
	_, held, err := e.o.Store.TryLease(ctx, slotName(number), e.o.Node, e.lifetime())
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
	_ = e.o.Store.DropLease(ctx, slotName(number), e.o.Node)
}

// extendLeases keeps the slots of this process, and gives up those that it has lost.
// It needs e.storing.
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
		_, held, err := e.o.Store.TryLease(ctx, slotName(s.number), e.o.Node, e.lifetime())
		if err != nil {
			return // without the store the slots stay what they are
		}
		if !held {
			e.lose(s)
		}
	}
}

// slotCount returns how many slots there are.
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
		return 0, version, nil // slots are found again as they are claimed
	}
	return count, version, nil
}

// logStoreError logs what the store itself does not, and what is not ordinary, until
// the store works again.
func (e *Events) logStoreError(ctx context.Context, err error) {
	for _, quiet := range []error{ports.ErrUnavailable, ports.ErrClosed, ports.ErrConflict} {
		if errors.Is(err, quiet) {
			return
		}
	}
	if err != nil && !e.troubled && ctx.Err() == nil {
		e.o.Logger.ErrorContext(ctx, "events_store_error", "error", err, "effect", "events that are not delivered yet are in memory only")
	}
	e.troubled = err != nil
}

func (e *Events) logUnreadable(ctx context.Context, number int, err error) {
	e.o.Logger.ErrorContext(ctx, "events_slot_unreadable", "name", slotName(number), "error", err, "effect", "the events in it are lost")
}
