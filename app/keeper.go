package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// keeper keeps one environment's document fresh. One goroutine runs it and owns
// all of its fields but wakes.
//
// On each turn it tries to take (or extend) the environment's lease. With the
// lease, or without a store to ask, it polls upstream; without it, it follows
// the store, into which the leaseholder puts what changed. What it takes over is
// served first and stored second, so that a store that is slow or away costs no
// freshness.
type keeper struct {
	*shared
	key    domain.EnvironmentKey
	keys   atomic.Pointer[domain.EnvironmentKeys]
	logger *slog.Logger
	wakes  wakes

	former   <-chan struct{} // closed once the environment's former keeper has ended; may be nil
	restored chan struct{}   // closed once what the store had is served
	ended    chan struct{}   // closed after run
	stop     context.CancelCauseFunc

	held       *Environment
	checkedAt  time.Time // when upstream last confirmed held, by the fleet's time, see confirm
	seenAt     time.Time // the checkedAt of the store's record as last seen or written
	succession domain.Succession
	schedule   schedule

	version ports.Version // of the store's record, "" when there is none or none was seen
	stored  bool          // the record under version is held
	leading bool          // this node had the lease when it last asked for it

	unconditional     bool      // the next poll must not be conditional
	lastUnconditional time.Time // when upstream last sent a whole document
	wasteful          bool      // a large body has passed; see giveBack
	slowReported      bool
	waited            bool // a turn for another node to bring the first document
	tenure            int  // polls until the lease is offered to others
	// working is the server-side key that upstream accepted last.
	working domain.ServerKey
}

// shared is what all keepers of an App have in common.
type shared struct {
	settings  atomic.Pointer[Config]
	deps      Deps
	library   *library
	gate      *storeGate
	fetching  atomic.Pointer[places] // for fetches under way
	compiling places                 // for documents being compiled
	changed   func(*Environment)
}

// places bounds how many do something at one time: whoever does puts something in.
type places chan struct{}

// config returns the configuration as it is now, read-only.
func (s *shared) config() *Config { return s.settings.Load() }

// errRemoved is why a keeper ends whose environment is no longer served.
var errRemoved = errors.New("the environment was removed")

func newKeeper(s *shared, keys domain.EnvironmentKeys) *keeper {
	k := &keeper{
		shared:   s,
		key:      keys.Client,
		logger:   s.deps.Logger.With("client_side_key", string(keys.Client)),
		wakes:    newWakes(),
		schedule: schedule{interval: s.config().Freshness.PollInterval, random: s.deps.Random},
		tenure:   s.newTenure(),
		restored: make(chan struct{}),
		ended:    make(chan struct{}),
	}
	k.keys.Store(&keys)
	return k
}

// run keeps the document fresh until ctx ends, because of errRemoved or a shutdown.
// Once what the store had is served, begin, closed, starts the first turn.
func (k *keeper) run(ctx context.Context, begin <-chan struct{}) {
	if k.former != nil {
		<-k.former
	}
	defer func() {
		if errors.Is(context.Cause(ctx), errRemoved) {
			k.forget(ctx)
		}
	}()
	k.restore(ctx)
	close(k.restored)
	k.giveBack()
	select {
	case <-begin:
	case <-ctx.Done():
		return
	}
	k.lastUnconditional = k.deps.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			k.leave(ctx)
			return
		case <-k.wakes.signal:
			what := k.wakes.take()
			if interval := k.config().Freshness.PollInterval; what.settings && interval != k.schedule.interval {
				k.schedule.retime(interval, k.deps.Now())
				timer.Reset(k.schedule.next.Sub(k.deps.Now()))
			}
			if what.keys {
				timer.Reset(0)
			}
			if what.store { // first, as it may be what upstream has told of
				k.follow(ctx)
			}
			if what.upstream {
				k.refreshEarly(ctx, what)
			}
		case <-timer.C:
			if ctx.Err() != nil {
				continue
			}
			due := k.turn(ctx)
			timer.Reset(due.Sub(k.deps.Now()))
		}
		k.giveBack()
	}
}

// restore takes over what the store has from an earlier run or another node.
func (k *keeper) restore(ctx context.Context) {
	record, err := k.get(ctx)
	if err != nil {
		if !errors.Is(err, ports.ErrNotFound) {
			k.logStoreError(ctx, "reading the document", err)
		}
		return
	}
	k.takeOver(ctx, record)
}

// turn does one interval's work and returns when the next one is due.
func (k *keeper) turn(ctx context.Context) time.Time {
	began := k.deps.Now()
	if k.awaitsKeys() {
		k.followOnly(ctx)
		return k.schedule.grid(began, k.deps.Now())
	}
	until, leads := k.lease(ctx)
	// A node without any document waits one turn for the leaseholder to bring it.
	if !leads && (k.held != nil || !k.waited) {
		k.waited = true
		k.follow(ctx)
		now := k.deps.Now()
		next := k.schedule.grid(began, now)
		if until.Before(next) { // be there when the lease runs out
			next = later(until, now).Add(time.Duration(k.deps.Random() * float64(k.schedule.interval) / 10))
		}
		return next
	}
	if err := k.poll(ctx); err != nil && ctx.Err() == nil {
		k.schedule.failures++
		if k.schedule.handOver() {
			_ = k.dropLease(ctx)
		}
	}
	return k.schedule.after(began, k.deps.Now())
}

// refreshEarly fetches because upstream is said to have a new document. Without
// the lease the store will bring it, unless nobody else was told.
func (k *keeper) refreshEarly(ctx context.Context, told wake) {
	if k.held != nil && !told.updatedAt.IsZero() && !told.updatedAt.After(k.held.UpdatedAt) {
		return
	}
	if k.awaitsKeys() {
		k.followOnly(ctx)
		return
	}
	if _, leads := k.lease(ctx); leads || told.alone {
		k.unconditional = k.unconditional || !told.updatedAt.IsZero()
		_ = k.poll(ctx) // logged; the schedule stays as it is
		// What upstream told of may not be where it answers from yet, and a condition
		// would go on hiding it once it is, see unconditionalEvery.
		k.unconditional = k.unconditional || k.held != nil && k.held.UpdatedAt.Before(told.updatedAt)
	} else {
		k.follow(ctx)
	}
}

// poll asks upstream once, under the bound on fetches.
func (k *keeper) poll(ctx context.Context) error {
	fetching := *k.fetching.Load()
	select {
	case fetching <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	began := k.deps.Now()
	answer, unconditional, err := k.fetch(ctx)
	<-fetching
	if took := k.deps.Now().Sub(began); took > k.schedule.interval && !k.slowReported {
		k.slowReported = true
		k.logger.WarnContext(ctx, "fetch_slower_than_poll_interval", "took", took.String(), "poll_interval", k.schedule.interval.String(),
			"hint", "raise api_poll_frequency_seconds")
	}
	if err == nil {
		k.inBackground(len(answer.Body), func() { err = k.judge(ctx, answer, began, unconditional) })
	}
	if err != nil && ctx.Err() == nil {
		k.logFetchError(ctx, err)
	}
	return err
}

func (k *keeper) fetch(ctx context.Context) (answer ports.Document, unconditional bool, err error) {
	request := ports.DocumentRequest{Environment: k.key, Discovered: k.keys.Load().Discovered}
	unconditional = k.held == nil || k.held.UpdatedAt.IsZero() || k.unconditional || k.unconditionalDue()
	if !unconditional {
		request.IfModifiedSince = k.held.UpdatedAt
	}
	answer, err = k.fetchWithAnyKey(ctx, request)
	if errors.Is(err, ports.ErrNotModifiedWithoutCondition) {
		k.unconditional = true
	}
	return answer, unconditional, err
}

func (k *keeper) unconditionalDue() bool {
	age := k.deps.Now().Sub(k.lastUnconditional)
	return age >= unconditionalEvery || age < 0 // the clock was set back
}

// judge takes an answer of upstream to a request that was sent at asked: it
// confirms the held document, replaces it or is refused.
func (k *keeper) judge(ctx context.Context, answer ports.Document, asked time.Time, unconditional bool) error {
	if answer.NotModified {
		if unconditional {
			k.unconditional = true
			return &ports.FetchError{Status: 304, Err: ports.ErrNotModifiedWithoutCondition}
		}
		k.logger.DebugContext(ctx, "environment_not_modified", "status", 304)
		k.confirm(ctx, asked)
		return nil
	}
	digest := digestOf(answer.Body)
	if k.held != nil && digest == k.held.Digest {
		k.unconditional = false
		k.lastUnconditional = asked
		k.succession.FromUpstream(k.held.UpdatedAt, k.held.UpdatedAt, true, unconditional)
		k.confirm(ctx, asked)
		return nil
	}
	c, err := k.compile(ctx, answer.Body, digest)
	if err != nil {
		k.unconditional = true
		return err
	}
	var heldUpdatedAt time.Time
	if k.held != nil {
		heldUpdatedAt = k.held.UpdatedAt
	}
	switch k.succession.FromUpstream(heldUpdatedAt, c.environment.UpdatedAt, false, unconditional) {
	case domain.Refuse:
		k.logger.DebugContext(ctx, "older_document_refused", "updated_at", formatTime(c.environment.UpdatedAt), "held_updated_at", formatTime(heldUpdatedAt))
		k.unconditional = true
		k.confirm(ctx, asked)
		return nil
	case domain.WentBack:
		k.logger.WarnContext(ctx, "environment_went_back", "updated_at", formatTime(c.environment.UpdatedAt), "held_updated_at", formatTime(heldUpdatedAt),
			"hint", "upstream insists on an older document, as after the restore of a database; it is served now")
	}
	k.unconditional = true // a second change within the same second would look unmodified
	k.lastUnconditional = asked
	k.serve(ctx, c, "upstream")
	k.stored = false
	k.confirm(ctx, asked)
	return nil
}

// compile waits for its turn: compiling a large document takes memory.
func (k *keeper) compile(ctx context.Context, body []byte, digest [sha256.Size]byte) (compiled, error) {
	select {
	case k.compiling <- struct{}{}:
		defer func() { <-k.compiling }()
	case <-ctx.Done():
		return compiled{}, ctx.Err()
	}
	return compile(k.key, body, digest, k.deps.Presenter)
}

// serve makes a document the one that is served.
func (k *keeper) serve(ctx context.Context, c compiled, source string) {
	k.held = c.environment
	k.library.put(c.environment)
	k.changed(c.environment)
	c.log(ctx, k.deps.Logger, k.key, source)
}

// confirm notes that upstream confirmed the held document at that time, and tells
// the store. Followers know a confirmation by the record's time moving on, so
// that time moves on with each, even where this node's clock is behind that of
// the node that polled before, or was set back.
func (k *keeper) confirm(ctx context.Context, at time.Time) {
	k.schedule.failures = 0
	k.library.confirm(k.key, at)
	k.checkedAt = later(at.Round(0), k.checkedAt.Add(time.Microsecond)) // Round: wall clocks are compared
	k.save(ctx)
}

// reasonOf is err without the likely cause, which is logged beside it.
func reasonOf(err error) error {
	var fetch *ports.FetchError
	if errors.As(err, &fetch) {
		return &ports.FetchError{Doing: fetch.Doing, Status: fetch.Status, Err: fetch.Err}
	}
	return err
}

func (k *keeper) logFetchError(ctx context.Context, err error) {
	effect := "no document yet"
	if k.held != nil {
		effect = "the held document stays"
	}
	k.logger.ErrorContext(ctx, "error_fetching_document", append(failureAttributes(err), "effect", effect)...)
}

// failureAttributes is what is logged of an answer of upstream, or of none, that is
// of no use.
func failureAttributes(err error) []any {
	attributes := []any{"error", reasonOf(err)}
	var fetch *ports.FetchError
	var fault *panicked
	switch {
	case errors.As(err, &fetch):
		if fetch.Status != 0 {
			attributes = append(attributes, "status", fetch.Status)
		}
		if fetch.Cause != "" {
			attributes = append(attributes, "cause", fetch.Cause)
		}
	case errors.Is(err, domain.ErrUnusable):
		attributes = append(attributes, "status", 200, "cause", "api_url does not lead to a Flagsmith API, or something between answers in its place")
	case errors.As(err, &fault):
		attributes = append(attributes, "status", 200, "cause", "a fault of this program: please report it", "stack", string(fault.stack))
	}
	return attributes
}
