package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/outage"
	"github.com/edge-proxy/edge-proxy/ports"
)

// keeper keeps one environment's document fresh. One goroutine runs it and owns
// all of its fields but wakes, progress and the fetcher's keys.
//
// With the environment's lease (seat), or without a store to ask, it polls upstream on
// each turn (fetcher). Without the lease it waits for news from the fleet: the leaseholder
// puts what changed into the store (record), and notes what it has confirmed. A new
// document is served first and stored second, so that a store that is slow or away
// does not delay it.
type keeper struct {
	key        domain.EnvironmentKey
	fetcher    *fetcher
	guard      *documentGuard
	history    *documentHistory
	measures   *measures
	record     *record
	seat       *seat
	library    *library
	compiler   *compiler
	outages    *outages
	observer   Observer
	recent     *Recent
	tracer     Tracer
	allPolls   *polls // of all environments
	clock      *clockOffset
	progress   progress
	background background
	config     *atomic.Pointer[Config]
	now        func() time.Time
	random     func() float64
	logger     *slog.Logger
	wakes      wakes

	former   <-chan struct{} // closed once the environment's former keeper has ended; may be nil
	restored chan struct{}   // closed once what the store had is served
	ended    chan struct{}   // closed after run
	stop     context.CancelCauseFunc

	held         *Environment
	via          Via       // what the next poll is made for
	triggers     []Trigger // of the next poll
	schedule     schedule
	due          time.Time // of the next turn
	prompt       bool      // the next turn is due whatever the timer says
	slowReported bool
	// announced is what upstream is said to have and was not asked for yet, and earliest
	// when it may be asked for.
	announced wake
	earliest  time.Time
	waited    bool // a turn for another node to bring the first document
}

// errRemoved is why a keeper ends whose environment is no longer served.
var errRemoved = errors.New("the environment was removed")

// run keeps the document fresh until ctx ends, because of errRemoved or a shutdown.
// Once what the store had is served, begin, closed, starts the first turn.
func (k *keeper) run(ctx context.Context, begin <-chan struct{}) {
	if k.former != nil {
		<-k.former
	}
	defer func() {
		if errors.Is(context.Cause(ctx), errRemoved) {
			k.record.forget(ctx)
			k.forgetHistory(ctx)
		}
	}()
	k.restore(ctx)
	close(k.restored)
	k.background.giveBack()
	select {
	case <-begin:
	case <-ctx.Done():
		return
	}
	select {
	case <-k.seat.settled:
	case <-ctx.Done():
	}
	k.fetcher.lastUnconditional = k.now()
	timer, early := time.NewTimer(0), time.NewTimer(0)
	k.due = k.now()
	defer timer.Stop()
	early.Stop()
	defer early.Stop()
	for ctx.Err() == nil {
		switch k.next(ctx, timer, early) {
		case byWake:
			k.wake(ctx, k.wakes.take(), timer, early)
		case byRefresh:
			k.refreshEarly(ctx)
		case byTurn:
			k.prompt = false
			k.due = k.turn(ctx)
			timer.Reset(k.due.Sub(k.now()))
		}
		k.background.giveBack()
	}
	k.leave(ctx)
}

// occasion is why a keeper does something.
type occasion uint8

const (
	byEnd     occasion = iota // it does nothing: its context has ended
	byWake                    // what somebody asked for
	byRefresh                 // a refresh that was announced too soon after the last one
	byTurn                    // the turn of its schedule
)

// next waits for something to do. Of several things that wait, the order is always the
// same: news comes first, because it may spare a request, and a refresh before the turn.
func (k *keeper) next(ctx context.Context, timer, early *time.Timer) occasion {
	select {
	case <-k.wakes.signal:
		return byWake
	default:
	}
	select {
	case <-early.C:
		return byRefresh
	default:
	}
	if k.prompt {
		return byTurn
	}
	select {
	case <-ctx.Done():
		return byEnd
	case <-k.wakes.signal:
		return byWake
	case <-early.C:
		return byRefresh
	case <-timer.C:
		return byTurn
	}
}

// forgetHistory deletes the former documents, unless other processes may want them.
func (k *keeper) forgetHistory(ctx context.Context) {
	if exclusive(k.record.store) {
		logStoreError(context.WithoutCancel(ctx), k.logger, "deleting the former documents", k.history.forget(context.WithoutCancel(ctx)))
	}
}

// wake does at once what somebody asked for. timer is that of the next turn, and early
// that of the next refresh that was announced too soon after the last one.
func (k *keeper) wake(ctx context.Context, what wake, timer, early *time.Timer) {
	if interval := k.config.Load().Freshness.PollInterval; what.news&ofSettings != 0 && interval != k.schedule.interval {
		k.schedule.retime(interval, k.now())
		k.due = k.schedule.next
		timer.Reset(k.due.Sub(k.now()))
	}
	if what.news&ofKeys != 0 {
		k.due, k.prompt = k.now(), true
	}
	if what.news&ofMeasures != 0 {
		k.publish(ctx)
	}
	if what.news&ofOperator != 0 { // Put notifies the other nodes
		k.record.stored = false
		k.save(ctx)
	}
	if what.news&ofStore != 0 { // first, as it may be what upstream has announced
		k.follow(ctx)
	}
	if what.news&ofFleet != 0 {
		if wait, gained := k.seat.rush(); gained && k.now().Add(wait).Before(k.due) {
			k.due = k.now().Add(wait)
			timer.Reset(wait)
		}
		k.hear(ctx)
	}
	if what.upstream {
		k.announced.addUpstream(what.updatedAt, what.alone, what.triggers...)
		if wait := k.earliest.Sub(k.now()); wait > 0 && wait <= refreshPause { // it is longer when the clock was set back
			early.Reset(wait)
		} else {
			k.refreshEarly(ctx)
		}
	}
}

// leave stores what a shutdown has kept from being stored.
func (k *keeper) leave(ctx context.Context) {
	removed := errors.Is(context.Cause(ctx), errRemoved)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if !k.record.stored && !removed {
		k.save(ctx)
	}
}

// rotate replaces the keys. The document that is held stays, and nothing is fetched
// for it, unless it could not be fetched before. It is safe for concurrent
// use.
func (k *keeper) rotate(keys domain.EnvironmentKeys) {
	if k.fetcher.rotate(keys) {
		k.wakes.by(ofKeys)
	}
}

// restore takes over what the store has from an earlier run or another node.
func (k *keeper) restore(ctx context.Context) {
	k.measures.load(ctx)
	read, err := k.get(ctx)
	if err == nil {
		k.takeOver(ctx, read)
	} else if !errors.Is(err, ports.ErrNotFound) {
		logStoreError(ctx, k.logger, "reading the document", err)
	}
}

// turn does one interval's work and returns when the next one is due.
func (k *keeper) turn(ctx context.Context) time.Time {
	began := k.now()
	awaitsKeys := k.fetcher.awaitsKeys()
	k.seat.volunteer(!awaitsKeys) // without keys, nodes that have them are to poll
	leads := !awaitsKeys && k.leads(ctx)
	// A node without any document waits one turn for the leaseholder to bring it.
	if awaitsKeys || !leads && (k.held != nil || !k.waited) {
		k.waited = k.waited || !awaitsKeys
		if k.held == nil || !k.record.stored {
			k.follow(ctx)
		}
		return k.schedule.grid(began, k.now())
	}
	k.via = ViaPoll
	err := k.poll(ctx)
	k.seat.polled()
	failed := err != nil && ctx.Err() == nil
	if failed {
		k.schedule.failures++
		// Upstream that asks this node to wait means the others, too.
		if k.schedule.handOver() && waitAfter(err) == 0 {
			k.seat.offer()
		}
	}
	next := k.schedule.after(began, k.now(), err)
	if failed {
		k.logFailure(ctx, err, next)
	}
	return next
}

// leads reports whether this node should poll. A node that has just got the lease first
// takes over what the node before stored last.
func (k *keeper) leads(ctx context.Context) bool {
	leads, gained := k.seat.leads()
	if leads && gained {
		k.follow(ctx)
	}
	return leads
}

// hear takes note of what the leaseholder has confirmed.
func (k *keeper) hear(ctx context.Context) {
	c, at := k.seat.heard()
	if c.version == "" {
		return
	}
	if c.version != k.record.version || !k.record.stored {
		k.follow(ctx)
	}
	if c.version == k.record.version && k.record.stored && k.record.seen(c.checkedAt, at) {
		// This node may have polled since the note was written.
		if own := k.library.confirmedAt(k.key); own.After(at) && !own.After(k.now()) {
			at = own
		}
		k.confirmed(at)
	}
}

// refreshEarly fetches because upstream is said to have a new document. Without the
// lease, the store will bring it, unless only this node was notified.
func (k *keeper) refreshEarly(ctx context.Context) {
	what := k.announced
	k.announced = wake{}
	if k.held != nil && !what.updatedAt.IsZero() && !what.updatedAt.After(k.held.UpdatedAt) {
		return
	}
	k.earliest = k.now().Add(refreshPause)
	if k.fetcher.awaitsKeys() {
		k.follow(ctx)
		return
	}
	if !k.leads(ctx) && !what.alone {
		k.follow(ctx)
		return
	}
	k.via, k.triggers = ViaStream, what.triggers
	if what.alone {
		k.via = ViaWebhook
	}
	f := k.fetcher
	f.unconditional = f.unconditional || !what.updatedAt.IsZero()
	if err := k.poll(ctx); err != nil && ctx.Err() == nil { // the schedule stays as it is
		k.logFailure(ctx, err, k.schedule.next)
	}
	// What was announced may not be where upstream answers from yet, and a condition
	// would still hide it once it is, see unconditionalEvery.
	f.unconditional = f.unconditional || k.held != nil && k.held.UpdatedAt.Before(what.updatedAt)
}

// poll asks upstream once and acts on the answer.
func (k *keeper) poll(ctx context.Context) error {
	ctx, span := k.tracer.Poll(ctx, k.key, k.via, k.triggers)
	k.triggers = nil
	former := k.held
	a, err := k.fetcher.fetch(ctx, k.held)
	if a.took > k.schedule.interval && !k.slowReported {
		k.slowReported = true
		k.logger.WarnContext(ctx, "fetch_slower_than_poll_interval", "took", a.took.String(), "poll_interval", k.schedule.interval.String(),
			"hint", "raise api_poll_frequency_seconds")
	}
	if err == nil {
		k.background.do(len(a.Body), func() { err = k.accept(ctx, a) })
	}
	outcome := k.polled(ctx, a, err)
	result := Result{Err: err, Outcome: outcome}
	if k.held != former {
		result.Digest = k.held.Digest
	}
	span.End(result)
	if err == nil {
		k.outages.succeeded(ctx, k.logger, k.key)
	}
	return err
}

// polled takes note of a poll and of what came of it, and returns its outcome, "" when
// it was not made.
func (k *keeper) polled(ctx context.Context, a answer, err error) ports.Outcome {
	if ctx.Err() != nil || a.asked.IsZero() {
		return ""
	}
	p := Poll{At: a.asked, Took: a.took, Via: k.via, Outcome: ports.OutcomeOf(err)}
	ofAll := false // upstream failed, and not this environment alone
	switch {
	case err != nil:
		p.Cause = causeOf(err)
		reach, _ := classify(err)
		ofAll = reach == outage.Origin
	case a.NotModified:
		p.Outcome = ports.OutcomeNotModified
	}
	switch {
	case errors.Is(err, domain.ErrUnusable):
		k.observer.Refused(k.key, RefusedInvalid)
	case errors.Is(err, ports.ErrDocumentTooLarge):
		k.observer.Refused(k.key, RefusedTooLarge)
	}
	k.progress.polls.add(p, err != nil)
	k.allPolls.add(p, ofAll)
	k.observer.Fetched(FetchDocument, p.Outcome, p.Took)
	return p.Outcome
}

// logFailure logs a failed poll. next is when the next one is due.
func (k *keeper) logFailure(ctx context.Context, err error, next time.Time) {
	now := k.now()
	list := []any{"effect", "no document yet"}
	if k.held != nil {
		list[1] = "the held document stays"
		if at := k.library.confirmedAt(k.key); !at.IsZero() {
			list = append(list, "documents_age", now.Sub(at).Round(time.Millisecond).String())
		}
	}
	list = append(list, "next_try", max(0, next.Sub(now)).Round(time.Millisecond).String())
	k.outages.failed(ctx, k.logger, k.key, err, list...)
}

// accept takes over what upstream answered.
func (k *keeper) accept(ctx context.Context, a answer) error {
	var former *Environment // that is replaced
	next, err := k.fetcher.judge(ctx, a, k.held, k.guard)
	switch {
	case err != nil:
		return err
	case next == nil:
		k.guard.release(ctx)
	case k.guard.passes(ctx, next, k.held):
		former = k.held
		k.serve(ctx, *next, k.via, a.asked)
		k.record.stored = false
	}
	k.record.confirm(a.asked)
	k.confirmed(a.asked)
	k.save(ctx)
	if former != nil {
		logStoreError(ctx, k.logger, "keeping the former document", k.history.add(ctx, former, k.measures.of(k.key).pinned()))
	} else if !k.seat.fleet.exclusive {
		logStoreError(ctx, k.logger, "keeping the former documents", k.history.keep(ctx))
	}
	return nil
}

// serve makes a document the one that is served. began is when it was asked for.
func (k *keeper) serve(ctx context.Context, c compiled, via Via, began time.Time) {
	former := k.held
	k.held = c.environment
	k.progress.newest.Store(c.environment)
	_, announcing := k.tracer.Step(ctx, StepAnnounce)
	k.publish(ctx)
	announcing.End(Result{})
	now := k.now()
	change := Change{Environment: k.key, Via: via, First: former == nil, Propagation: -1, Compile: c.took}
	var summary *ChangeSummary
	if former != nil {
		// A node that has just begun to follow others may get a document before it knows what
		// they know of upstream's clock.
		if c.environment.UpdatedAt.After(former.UpdatedAt) && (via != ViaStore || k.clock.known.Load()) {
			change.Propagation = k.clock.since(c.environment.UpdatedAt, now)
		}
		summary = summarize(former, c.document, now, via)
		k.recent.Add("environment_updated", k.key, summary.String())
	} else {
		k.recent.Add("document_loaded", k.key, fmt.Sprintf("The first document has arrived, via %s.", via))
	}
	k.progress.serves(now, via, summary)
	k.observer.Changed(change)
	c.log(ctx, k.logger, summary, via, now.Sub(began), func() { k.observer.CutOff(k.key) })
}

// confirmed takes note that the held document was right at that time.
func (k *keeper) confirmed(at time.Time) {
	k.schedule.failures = 0
	k.library.confirm(k.key, at)
}

// get reads the record. Unpacking one takes as long as other work on it does. How
// large it is shows only afterwards, so that the held document's size decides.
func (k *keeper) get(ctx context.Context) (read ports.Record, err error) {
	size := 0
	if k.held != nil {
		size = len(k.held.Body)
	}
	k.background.do(size, func() { read, err = k.record.store.Get(ctx, k.key) })
	if err == nil && k.held == nil { // how long ago it was confirmed counts, see takeOver
		if c := k.seat.recall(ctx); c.version == read.Version {
			read.CheckedAt = later(read.CheckedAt, c.checkedAt)
		}
	}
	return read, err
}

// follow takes over what changed in the store.
func (k *keeper) follow(ctx context.Context) {
	switch what, stat := k.record.stat(ctx); {
	case what == unchanged:
		k.record.recall(stat)
		return
	case what == absent || what == unknown:
		return
	case what == unusable && k.held == nil:
		return // there is nothing yet to put in its place
	}
	read, err := k.get(ctx)
	switch {
	case errors.Is(err, ports.ErrNotFound): // deleted since
		k.record.lost()
	case err != nil:
		logStoreError(ctx, k.logger, "reading the document", err)
	case !k.takeOver(ctx, read):
		k.save(ctx)
	}
}

// takeOver serves the document of a record unless the held one is better, which it
// reports with false.
func (k *keeper) takeOver(ctx context.Context, read ports.Record) (taken bool) {
	k.background.do(len(read.Body), func() { taken = k.acceptRecord(ctx, read) })
	return taken
}

// acceptRecord is takeOver where it runs.
func (k *keeper) acceptRecord(ctx context.Context, read ports.Record) bool {
	began, digest := k.now(), digestOf(read.Body)
	switch k.record.judge(read, digest, k.held) {
	case domain.Confirm:
		k.record.read(read, true)
		k.record.recall(read)
		return true
	case domain.Refuse:
		k.record.read(read, false)
		return false
	}
	c, err := k.compiler.compile(ctx, k.key, read.Body, digest, k.held, time.Time{})
	if err != nil {
		logStoreError(ctx, k.logger, "reading the document", err)
		k.record.read(read, false)
		return k.held == nil // nothing better to put in its place yet
	}
	former := k.held
	k.guard.replaced()
	k.record.read(read, true)
	k.serve(ctx, c, ViaStore, began)
	k.fetcher.replaced(former != nil)
	if former == nil { // from an earlier run: how long ago is what counts
		k.record.checkedAt, k.record.seenAt = read.CheckedAt, read.CheckedAt
		k.library.confirm(k.key, recalled(read.CheckedAt, k.now()))
	} else {
		k.record.recall(read)
	}
	return true
}

// save makes the store's record what is held. When another node has stored something
// else meanwhile, the better document wins; after one more conflict the next turn
// tries again.
func (k *keeper) save(ctx context.Context) {
	if k.held == nil {
		return
	}
	ctx, span := k.tracer.Step(ctx, StepStorePut)
	err := k.record.save(ctx, k.held)
	span.End(Result{Err: err})
	if err == nil {
		return
	}
	read, err := k.get(ctx)
	switch {
	case missing(err):
		k.record.lost()
	case err != nil:
		logStoreError(ctx, k.logger, "reading the document", err)
		return
	case k.takeOver(ctx, read):
		return
	}
	_ = k.record.save(ctx, k.held)
}
