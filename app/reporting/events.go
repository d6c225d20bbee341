package reporting

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// Upstream accepts bodies of up to two megabytes.
	maxBatchEvents = 1000
	maxBatchBytes  = 1 << 20
	// The memory of an event and of a source without their texts, approximately.
	eventBytes  = 64
	sourceBytes = 512
	// maxRefusals is how many events in a row upstream may refuse before the rest of
	// their batch is dropped.
	maxRefusals = 100
	// A slot of more than smallSlot bytes is not written again within rewriteAfter while
	// batches are delivered.
	smallSlot    = 64 << 10
	rewriteAfter = 100 * time.Millisecond
)

// EventsOptions configures Events.
type EventsOptions struct {
	Pace
	Sender ports.EventSender
	// Store keeps events until upstream has accepted them; nil: a restart loses them.
	Store SpoolStore
	// Node names this process among those that share the store.
	Node string
	// ServerKey returns the server-side key with that digest, or zero when it is
	// unknown. It is called before each delivery.
	ServerKey func(domain.KeyDigest) domain.ServerKey
	// MaxBytes returns how many bytes of events may wait, approximately.
	MaxBytes func() int64
}

// Events forwards the events of experiments. Make it with NewEvents. Accept is safe for
// concurrent use, never waits for upstream or the store, and may be called before,
// during and after Run.
//
// An accepted event is fresh at first. Twice in every interval, fresh events move to
// slots, and the slots are saved in the store (see slot). Every interval the batches of
// all slots are sent. Events that upstream has answered leave their slot, which is saved
// again. So a restart loses fresh events only, and sends again only what upstream had
// not answered.
type Events struct {
	o EventsOptions
	// early asks for a delivery before the interval is over.
	early chan struct{}

	// storing is held during calls of the store and while slots grow. It is taken
	// before mu.
	storing  lock
	leased   time.Time // when the leases of the slots were last extended
	swept    time.Time // when abandoned slots were last looked for
	troubled bool      // an error of the store was logged

	ledger ledger

	mu    sync.Mutex
	fresh map[domain.EventSource][]string
	slots []*slot                            // events are added to the last one
	open  map[domain.EventSource]*eventBatch // those of the last slot that may grow
	held  int64                              // bytes of all events and sources, fresh and in slots
	lost  eventLosses
}

// eventBatch is the events of one source that are sent in one request. Events.mu guards
// it.
type eventBatch struct {
	source domain.EventSource
	events []string
	size   int64
	// stored is how many events, from the first on, are in the store.
	stored int
	home   *slot // nil: no events are left, or another process has them
}

// eventLosses counts the events that were lost since the last log line.
type eventLosses struct {
	turnedAway int64  // answered 503, because the queue was full
	refused    int64  // refused by upstream
	rejected   int64  // not accepted by upstream, which accepted the rest of their batch
	err        error  // of the last refused one
	reason     string // of the last rejected one
}

// NewEvents returns Events that hold no events yet.
func NewEvents(o EventsOptions) *Events {
	return &Events{o: o, early: make(chan struct{}, 1), storing: make(lock, 1), fresh: map[domain.EventSource][]string{}, open: map[domain.EventSource]*eventBatch{}}
}

// Accept queues events of a source, each a JSON object. It reports false, and queues
// nothing, when the queue has too little room. It copies the texts.
func (e *Events) Accept(source domain.EventSource, events []string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	size := sizeOf(events)
	if _, known := e.fresh[source]; !known {
		size += sizeOfSource(source)
	}
	limit := e.o.MaxBytes()
	if e.held+size > limit {
		e.lost.turnedAway += int64(len(events))
		e.ledger.full.Add(int64(len(events)))
		return false
	}
	e.held += size
	e.ledger.pending.Add(int64(len(events)))
	source.SDK = strings.Clone(source.SDK)
	whole := strings.Join(events, "") // one piece of memory for all
	for _, text := range events {
		e.fresh[source] = append(e.fresh[source], whole[:len(text)])
		whole = whole[len(text):]
	}
	if e.held > limit/2 {
		select {
		case e.early <- struct{}{}:
		default:
		}
	}
	return true
}

func sizeOfSource(s domain.EventSource) int64 { return sourceBytes + int64(len(s.SDK)) }

func sizeOf(events []string) int64 {
	size := eventBytes * int64(len(events))
	for _, text := range events {
		size += int64(len(text))
	}
	return size
}

// Run delivers every interval until stop is closed, and then the rest. It begins with
// the events that an earlier process left in the store. It ends early when ctx does.
func (e *Events) Run(ctx context.Context, stop <-chan struct{}) {
	delivery := &courier[*eventBatch]{queue: eventQueue{e}, kind: "events", early: e.early, Pace: e.o.Pace}
	half := func() time.Duration { return e.o.Interval() / 2 }
	delivery.runSaving(ctx, stop, half, func(ctx context.Context) {
		e.storing.Lock()
		defer e.storing.Unlock()
		e.collect(ctx)
	})
	e.end(ctx)
}

// collect moves fresh events to slots and saves the slots that have changed. The caller
// holds e.storing.
func (e *Events) collect(ctx context.Context) {
	e.extendLeases(ctx)
	e.mu.Lock()
	fresh := e.fresh
	e.fresh = map[domain.EventSource][]string{}
	for source, events := range fresh {
		e.held -= sizeOfSource(source)
		e.file(source, events)
	}
	slots := slices.Clone(e.slots)
	e.mu.Unlock()
	for _, s := range slots {
		e.save(ctx, s)
	}
}

// file adds events to the last slot and, once that is full, to new ones. The caller
// holds e.storing and e.mu.
func (e *Events) file(source domain.EventSource, events []string) {
	for _, text := range events {
		size := sizeOf([]string{text})
		if n := len(e.slots); n == 0 || e.slots[n-1].size > 0 && e.slots[n-1].size+size > maxSlotBytes {
			e.slots = append(e.slots, &slot{number: unnumbered})
			e.open = map[domain.EventSource]*eventBatch{}
		}
		s, b := e.slots[len(e.slots)-1], e.open[source]
		if b == nil || b.home != s || len(b.events) == maxBatchEvents || b.size+size > maxBatchBytes {
			b = &eventBatch{source: source, home: s}
			e.open[source] = b
			s.batches = append(s.batches, b)
			s.size += sizeOfSource(source)
			e.held += sizeOfSource(source)
		}
		b.events = append(b.events, text)
		b.size += size
		s.size += size
		s.dirty = true
	}
}

// answered removes the first n events of a batch, because upstream has answered for
// them, and saves their slot. It reports false when another process has the batch.
//
// A large slot that was written a moment ago is left to the end of the round: it may
// have a thousand batches, and is written as a whole.
func (e *Events) answered(ctx context.Context, b *eventBatch, n int) bool {
	e.mu.Lock()
	s := b.home
	if s == nil {
		e.mu.Unlock()
		return false
	}
	e.held -= s.drop(b, n)
	e.ledger.pending.Add(-int64(n))
	small := s.size < smallSlot
	e.mu.Unlock()
	e.storing.Lock()
	defer e.storing.Unlock()
	if since := e.o.Now().Sub(s.written); small || since < 0 || since > rewriteAfter {
		e.save(ctx, s) // unless that was done while this waited
	}
	return true
}

// end saves the rest and gives up the leases, so that others can take it over.
func (e *Events) end(ctx context.Context) {
	// Upstream may have used up the time of ctx.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSave)
	defer cancel()
	e.storing.Lock()
	defer e.storing.Unlock()
	e.collect(ctx)
	waiting, stored := 0, 0
	for _, s := range e.slots { // all deliveries have ended
		for _, b := range s.batches {
			waiting += len(b.events)
			stored += b.stored
		}
		if s.number != unnumbered {
			e.release(ctx, s.number)
		}
	}
	e.ledger.notDelivered.Add(int64(waiting - stored))
	e.ledger.pending.Add(int64(stored - waiting))
	if waiting > 0 {
		e.o.Logger.WarnContext(ctx, "events_not_delivered", "events", waiting, "stored", stored,
			"effect", "stored events are sent after a restart, if the store outlives this process; the others are lost")
	}
}

// eventQueue is the queue of the courier of Events.
type eventQueue struct{ *Events }

// take implements queue: it returns all batches.
func (e eventQueue) take(ctx context.Context) []*eventBatch {
	e.storing.Lock()
	defer e.storing.Unlock()
	e.collect(ctx)
	e.sweep(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []*eventBatch
	for _, s := range e.slots {
		all = append(all, s.batches...)
	}
	return all
}

// deliver sends the events of a batch; more may be added to it meanwhile. When upstream
// refuses them for something in them, deliver sends smaller parts, until it knows which
// events are to blame; those are lost. It never sends a part again that upstream has
// answered, whatever becomes of the others.
func (e eventQueue) deliver(ctx context.Context, b *eventBatch) error {
	e.mu.Lock()
	events := b.events
	e.mu.Unlock()
	size, refusals := len(events), 0
	for len(events) > 0 {
		part := events[:min(size, len(events))]
		receipt, err := e.send(ctx, b.source, part)
		var report *ports.ReportError
		switch outcomeOf(err) {
		case delayed:
			return err
		case arrived:
			size, refusals = 2*size, 0
		case refused:
			errors.As(err, &report)
			if report.Divisible && len(part) > 1 {
				size = len(part) / 2
				continue
			}
			if refusals++; !report.Divisible || refusals == maxRefusals {
				part = events
			}
		}
		e.count(len(part), receipt, err)
		if !e.answered(ctx, b, len(part)) {
			return nil
		}
		events = events[len(part):]
	}
	return nil
}

// send sends events of a source. If the server-side key is no longer known, it sends
// them with the client-side key of the same environment.
func (e *Events) send(ctx context.Context, source domain.EventSource, events []string) (ports.EventReceipt, error) {
	out := ports.EventBatch{Environment: source.Environment, SDK: source.SDK, Events: events}
	if source.ServerKey != (domain.KeyDigest{}) {
		out.ServerKey = e.o.ServerKey(source.ServerKey)
	}
	return e.o.Sender.SendEvents(ctx, out)
}

// count adds the events that upstream did not accept to the losses. events is how many
// it has answered.
func (e *Events) count(events int, receipt ports.EventReceipt, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		e.lost.refused += int64(events)
		e.lost.err = err
		e.ledger.refused.Add(int64(events))
		return
	}
	rejected := min(max(receipt.Rejected, 0), events)
	if rejected > 0 {
		e.lost.rejected += int64(rejected)
		e.lost.reason = receipt.Reason
		e.ledger.refused.Add(int64(rejected))
	}
	e.ledger.accepted(int64(events-rejected), e.o.Now())
}

// Progress returns what has become of the events. It takes no lock that Accept takes.
func (e *Events) Progress() Progress { return e.ledger.progress() }

// settle does nothing: deliver removes answered events from their batch.
func (eventQueue) settle(context.Context, *eventBatch, outcome, error) {}

// rest saves the slots and logs the losses since the last call.
func (e eventQueue) rest(ctx context.Context) {
	e.storing.Lock()
	e.collect(ctx)
	e.storing.Unlock()
	e.mu.Lock()
	lost := e.lost
	e.lost = eventLosses{}
	e.mu.Unlock()
	if lost.turnedAway > 0 {
		e.o.Logger.WarnContext(ctx, "events_turned_away", "events", lost.turnedAway,
			"cause", "the queue is full: upstream accepts events too slowly, or events.max_queue_bytes is too small", "effect", "requests were answered 503; SDKs may send them again")
	}
	if lost.refused > 0 {
		e.o.Logger.WarnContext(ctx, "events_dropped", append([]any{"events", lost.refused}, attributes(lost.err)...)...)
	}
	if lost.rejected > 0 {
		e.o.Logger.WarnContext(ctx, "events_rejected", "events", lost.rejected, "reason", lost.reason)
	}
}

// end does nothing: Run calls Events.end once saving has stopped.
func (eventQueue) end(context.Context) {}
