package reporting

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// Upstream takes bodies of up to two megabytes.
	maxBatchEvents = 1000
	maxBatchBytes  = 1 << 20
	// Besides their texts, an event and a source take about this many bytes.
	eventBytes  = 64
	sourceBytes = 512
	// maxRefusals is how many events in a row are refused one by one before the rest
	// of their batch is given up: upstream wants none of them.
	maxRefusals = 100
)

// EventsOptions is what Events is made of.
type EventsOptions struct {
	Sender ports.EventSender
	// Store keeps what upstream has not taken yet; nil: a restart loses it.
	Store SpoolStore
	// Node names this process among those that share the store.
	Node string
	// ServerKey returns the server-side key with that digest, zero where it is not
	// known. It is called before each delivery.
	ServerKey func(domain.KeyDigest) domain.ServerKey
	// MaxBytes returns how many bytes of events may wait, approximately.
	MaxBytes func() int64
	// Interval returns the time between two deliveries, more than zero. It is asked
	// before each.
	Interval func() time.Duration
	Now      func() time.Time
	// Random returns numbers in [0, 1) for jitter; safe for concurrent use.
	Random func() float64
	Logger *slog.Logger
}

// Events forwards the events of experiments. Make it with NewEvents. Accepting is
// safe for concurrent use, never waits for upstream or the store, and may be done
// before, during and after Run.
//
// An accepted event is fresh at first. Twice in every interval the fresh events are
// filed in slots and the slots saved in the store (see slot). Every interval all
// batches of all slots are sent; what upstream has answered leaves its slot, which is
// saved again. So a restart loses what was fresh, and sends again only what upstream
// had not answered.
type Events struct {
	o EventsOptions
	// early asks for a delivery before the interval is over.
	early chan struct{}

	// storing is held over calls of the store, and by whoever adds to slots. It is
	// taken before mu.
	storing  lock
	leased   time.Time // when the leases of the slots were last extended
	swept    time.Time // when what others left was last looked for
	troubled bool      // an error of the store was logged

	mu    sync.Mutex
	fresh map[domain.EventSource][]string
	slots []*slot                            // events are added to the last one
	open  map[domain.EventSource]*eventBatch // those of the last slot that may grow
	held  int64                              // bytes of all events and sources, fresh and in slots
	lost  eventLosses
}

// eventBatch is a part of the events of one source, sent in one request. Events.mu guards
// it.
type eventBatch struct {
	source domain.EventSource
	events []string
	size   int64
	// stored is how many of the events, from the first on, are in the store.
	stored int
	home   *slot // nil: no events are left, or another process has them
}

// eventLosses counts what was not delivered since the last time it was logged.
type eventLosses struct {
	turnedAway int64  // there was no room; whoever sent them knows
	refused    int64  // upstream does not want them
	rejected   int64  // upstream took their batch and does not accept them
	err        error  // of the last one refused
	reason     string // of the last one rejected
}

// NewEvents returns Events without any events.
func NewEvents(o EventsOptions) *Events {
	return &Events{o: o, early: make(chan struct{}, 1), storing: make(lock, 1), fresh: map[domain.EventSource][]string{}, open: map[domain.EventSource]*eventBatch{}}
}

// Accept takes events of a source, each a JSON object. It reports false, and takes
// none, when there is no room for them. It keeps nothing of the slice nor of the
// memory behind its texts.
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
		return false
	}
	e.held += size
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

// Run delivers every interval until stop is closed, and then what is left. It begins
// with what an earlier process left in the store. ctx bounds all of it.
func (e *Events) Run(ctx context.Context, stop <-chan struct{}) {
	delivery := &courier[*eventBatch]{queue: (*eventQueue)(e), kind: "events", early: e.early, interval: e.o.Interval, now: e.o.Now, random: e.o.Random, logger: e.o.Logger}
	half := func() time.Duration { return e.o.Interval() / 2 }
	delivery.runSaving(ctx, stop, half, func(ctx context.Context) {
		e.storing.Lock()
		defer e.storing.Unlock()
		e.collect(ctx)
	})
	e.end(ctx)
}

// collect files what is fresh, and saves the slots that have changed. It needs
// e.storing.
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

// file adds events to the last slot and, where that is full, to new ones. It needs
// e.storing and e.mu.
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

// answered takes the first n events out of a batch, for upstream has answered to
// them, and saves its slot. It reports false when another process has the batch.
func (e *Events) answered(ctx context.Context, b *eventBatch, n int) bool {
	e.mu.Lock()
	s := b.home
	if s == nil {
		e.mu.Unlock()
		return false
	}
	e.held -= s.drop(b, n)
	e.mu.Unlock()
	e.storing.Lock()
	defer e.storing.Unlock()
	e.save(ctx, s) // unless somebody did so while this waited
	return true
}

// end saves what is left and lets others have it.
func (e *Events) end(ctx context.Context) {
	// Upstream may have taken all the time there was.
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
	if waiting > 0 {
		e.o.Logger.WarnContext(ctx, "events_not_delivered", "events", waiting, "stored", stored,
			"effect", "stored events are delivered after a restart, if the store outlives this process; the others are lost")
	}
}

// eventQueue is Events as its courier sees it.
type eventQueue Events

// take returns all batches.
func (q *eventQueue) take(ctx context.Context) []*eventBatch {
	e := (*Events)(q)
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

// deliver sends what is in a batch; more may be added to it meanwhile. When upstream refuses it for something in it, smaller parts
// are sent, until it is known which events are to blame; those are lost. Parts that
// upstream has answered to are never sent again, whatever becomes of the others.
func (q *eventQueue) deliver(ctx context.Context, b *eventBatch) error {
	e := (*Events)(q)
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

// send sends events of a source. With a server-side key that is not known any more it
// sends them with the client-side key: they belong to the same environment.
func (e *Events) send(ctx context.Context, source domain.EventSource, events []string) (ports.EventReceipt, error) {
	out := ports.EventBatch{Environment: source.Environment, SDK: source.SDK, Events: events}
	if source.ServerKey != (domain.KeyDigest{}) {
		out.ServerKey = e.o.ServerKey(source.ServerKey)
	}
	return e.o.Sender.SendEvents(ctx, out)
}

// count counts what is lost of so many events that upstream has answered to.
func (e *Events) count(events int, receipt ports.EventReceipt, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		e.lost.refused += int64(events)
		e.lost.err = err
	} else if receipt.Rejected > 0 {
		e.lost.rejected += int64(receipt.Rejected)
		e.lost.reason = receipt.Reason
	}
}

// settle does nothing: deliver takes out of a batch what upstream has answered to.
func (q *eventQueue) settle(context.Context, *eventBatch, outcome, error) {}

// rest logs what was lost since the last time.
func (q *eventQueue) rest(ctx context.Context) {
	e := (*Events)(q)
	e.mu.Lock()
	lost := e.lost
	e.lost = eventLosses{}
	e.mu.Unlock()
	if lost.turnedAway > 0 {
		e.o.Logger.WarnContext(ctx, "events_turned_away", "events", lost.turnedAway,
			"cause", "the queue is full: upstream takes events too slowly, or events.max_queue_bytes is too small", "effect", "SDKs were asked to send them again")
	}
	if lost.refused > 0 {
		e.o.Logger.WarnContext(ctx, "events_dropped", append([]any{"events", lost.refused}, attributes(lost.err)...)...)
	}
	if lost.rejected > 0 {
		e.o.Logger.WarnContext(ctx, "events_rejected", "events", lost.rejected, "reason", lost.reason)
	}
}

// end does nothing: Run ends the Events itself, once nobody saves any more.
func (q *eventQueue) end(context.Context) {}
