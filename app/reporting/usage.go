package reporting

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// mostRows is how many rows may wait in sealed batches, some 20 megabytes.
	mostRows = 200_000
	// lastSave bounds the last calls of the store.
	lastSave = time.Second
)

// UsageOptions are the parts of Usage.
type UsageOptions struct {
	Pace
	Reporter ports.UsageReporter
	// Requests has the counts to report.
	Requests *Requests
	// Store keeps batches that are not reported yet.
	Store SpoolStore
	// Node names this process among those that share the store.
	Node string
	// NewKey returns a new UUID, see domain.UsageBatch.
	NewKey func() string
}

// Usage reports every interval what Requests counts of discovered environments. Requests
// may count before, during and after Run.
//
// The package's documentation has the states of a batch. While upstream does not
// answer, further counts are added to open batches, so that memory is bounded by the
// number of environments. See spool for the batches of processes that are gone.
type Usage struct {
	o     UsageOptions
	spool *spool

	mu lock // held over calls of the store
	// sealed batches may have been sent, so they never change. They may also be in the
	// spool of another node.
	sealed []domain.UsageBatch
	open   openBatches
	// unsaved: the spool does not have what was added to open last.
	unsaved bool

	ledger ledger
}

// NewUsage returns a Usage that has not reported anything yet.
func NewUsage(o UsageOptions) *Usage {
	return &Usage{o: o, spool: newSpool(o), mu: make(lock, 1)}
}

// Run reports every interval until stop is closed, then reports what is left. It starts
// with what an earlier process left in the store. It ends early when ctx does.
func (u *Usage) Run(ctx context.Context, stop <-chan struct{}) {
	delivery := &courier[domain.UsageBatch]{queue: usageQueue{u}, kind: "usage", Pace: u.o.Pace}
	delivery.runSaving(ctx, stop, u.o.Interval, func(ctx context.Context) {
		u.mu.Lock()
		defer u.mu.Unlock()
		if len(u.sealed) > 0 {
			u.collect(ctx)
		}
	})
}

// collect adds what was counted to the open batches and saves everything. The caller
// holds u.mu.
func (u *Usage) collect(ctx context.Context) {
	present, removed := u.o.Requests.drain()
	next := u.open.plus(present, removed, u.o.NewKey)
	u.note(next) // at once: the store may take long to answer
	err := u.spool.save(ctx, slices.Concat(u.sealed, next.batches()))
	switch {
	case err == nil:
		u.open, u.unsaved = next, false
	case errors.Is(err, errTakenOver):
		u.seal()
		u.open = u.open.plus(present, removed, u.o.NewKey)
		u.claim(ctx)
		u.save(ctx)
		return
	case errors.Is(err, errUncertain) && (u.unsaved || len(u.open.batches()) == 0) && rowsOf(u.sealed)+rowsOf(next.batches()) <= mostRows:
		// The spool may hold these batches, and nothing else under their keys.
		u.open, u.unsaved = next, true
		u.seal()
	case u.unsaved:
		u.open = next
	default:
		// While the store is away, others may take over what the spool holds.
		u.seal()
		u.open, u.unsaved = u.open.plus(present, removed, u.o.NewKey), true
	}
	u.logSpoolError(ctx, err)
}

// seal turns open batches into sealed ones. The caller holds u.mu.
//
// That is done before they are sent, and when the spool was taken over: another process
// sends what was saved last, which is these batches, under the same keys.
func (u *Usage) seal() {
	u.sealed = append(u.sealed, u.open.batches()...)
	u.open = openBatches{}
}

// save saves everything. The caller holds u.mu.
func (u *Usage) save(ctx context.Context) {
	u.logSpoolError(ctx, u.put(ctx)) // after a take-over the next round claims another spool
}

// put is save that returns the error. The caller holds u.mu.
func (u *Usage) put(ctx context.Context) error {
	err := u.spool.save(ctx, slices.Concat(u.sealed, u.open.batches()))
	switch {
	case err == nil:
		u.unsaved = false
	case errors.Is(err, errTakenOver):
		u.seal() // the other process has them as they are
	}
	return err
}

// claim makes sure that there is a spool, and adopts the content of a new one. The
// caller holds u.mu.
func (u *Usage) claim(ctx context.Context) {
	found, err := u.spool.claim(ctx)
	if errors.Is(err, errTakenOver) {
		u.seal()
		found, err = u.spool.claim(ctx)
	}
	u.logSpoolError(ctx, err)
	if len(found) == 0 {
		return
	}
	u.o.Logger.InfoContext(ctx, "usage_restored", "batches", len(found), "requests", requestsOf(found))
	// A program that crashes repeatedly while upstream is away leaves more each time.
	for rowsOf(found) > mostRows {
		u.o.Logger.ErrorContext(ctx, "usage_dropped", "error", "earlier runs left more than 200,000 rows",
			"idempotency_key", found[0].Key, "rows", len(found[0].Rows), "requests", requestsOf(found[:1]))
		found = found[1:]
	}
	u.adopt(found)
	u.save(ctx)
}

// adopt adds batches of another process, unless they are here already.
func (u *Usage) adopt(found []domain.UsageBatch) {
	for _, b := range found {
		if !slices.ContainsFunc(u.sealed, func(s domain.UsageBatch) bool { return s.Key == b.Key }) {
			u.sealed = append(u.sealed, b)
		}
	}
	u.note(u.open)
}

// note publishes how much waits in the sealed batches and in open ones. The caller holds
// u.mu.
func (u *Usage) note(open openBatches) {
	u.ledger.pending.Store(requestsOf(u.sealed) + requestsOf(open.batches()))
}

// logSpoolError logs unexpected errors that the store does not log.
func (u *Usage) logSpoolError(ctx context.Context, err error) {
	for _, quiet := range []error{errTakenOver, ports.ErrUnavailable, ports.ErrClosed} {
		if errors.Is(err, quiet) {
			return
		}
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	u.o.Logger.ErrorContext(ctx, "usage_spool_error", "error", err, "effect", "usage that is not reported yet is only in memory")
}

// usageQueue is the courier's view of Usage.
type usageQueue struct{ *Usage }

// take returns the sealed batches. It makes new ones only when none wait, so that they
// do not pile up.
func (u usageQueue) take(ctx context.Context) []domain.UsageBatch {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.claim(ctx)
	if len(u.sealed) == 0 {
		u.collect(ctx)
		u.seal()
	}
	return slices.Clone(u.sealed)
}

func (u usageQueue) deliver(ctx context.Context, batch domain.UsageBatch) error {
	return u.o.Reporter.ReportUsage(ctx, batch)
}

func (u usageQueue) settle(ctx context.Context, batch domain.UsageBatch, became outcome, err error) {
	if became == delayed {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	n := requestsOf([]domain.UsageBatch{batch})
	if became == refused {
		u.ledger.refused.Add(n)
		u.o.Logger.ErrorContext(ctx, "usage_dropped", append(attributes(err),
			"idempotency_key", batch.Key, "rows", len(batch.Rows), "requests", n)...)
	} else {
		u.ledger.accepted(n, u.o.Now())
	}
	u.sealed = slices.DeleteFunc(u.sealed, func(s domain.UsageBatch) bool { return s.Key == batch.Key })
	u.ledger.pending.Add(-n)
}

// rest removes settled batches from the spool, and adopts what other processes left.
func (u usageQueue) rest(ctx context.Context) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.save(ctx)
	fits := func(found []domain.UsageBatch) bool { return rowsOf(u.sealed)+rowsOf(found) <= mostRows }
	err := u.spool.sweep(ctx, fits, func(found []domain.UsageBatch) error {
		u.o.Logger.InfoContext(ctx, "usage_taken_over", "batches", len(found), "requests", requestsOf(found))
		u.adopt(found)
		return u.put(ctx)
	})
	u.logSpoolError(ctx, err)
}

func (u usageQueue) end(ctx context.Context) {
	u.mu.Lock()
	defer u.mu.Unlock()
	// Waiting for upstream may have used up the time.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSave)
	defer cancel()
	u.collect(ctx)
	u.spool.release(ctx)
	if left := slices.Concat(u.sealed, u.open.batches()); len(left) > 0 {
		u.o.Logger.WarnContext(ctx, "usage_not_reported", "batches", len(left), "requests", requestsOf(left),
			"effect", "it is reported after a restart, if the store survives this process")
	}
}

// requestsOf returns how many requests batches count.
func requestsOf(batches []domain.UsageBatch) (n int64) {
	for _, b := range batches {
		for _, r := range b.Rows {
			n += r.Count
		}
	}
	return n
}

func rowsOf(batches []domain.UsageBatch) (n int) {
	for _, b := range batches {
		n += len(b.Rows)
	}
	return n
}

// lock is a mutex that may be held for long. Unlike sync.Mutex, a goroutine that waits
// for it is durably blocked for testing/synctest.
type lock chan struct{}

func (l lock) Lock()   { l <- struct{}{} }
func (l lock) Unlock() { <-l }
