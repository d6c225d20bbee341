package bolt

import (
	"context"
	"errors"
	"log/slog"
	"time"

	bbolt "go.etcd.io/bbolt"
)

const (
	// confirmationDelay is how long a confirmation waits for others to be written
	// with.
	confirmationDelay = time.Second
	// maxShared is about how many bytes of documents share a transaction, which has
	// them all in memory once more.
	maxShared = 16 << 20
	// maxChanges is how many changes do.
	maxChanges = 1000
)

// change is what one call wants to change.
type change struct {
	size int
	// apply makes the change. It returns an error of which leavesTransaction is true
	// if it made none. It is called again if a transaction with others failed.
	apply func(tx *bbolt.Tx) error
	err   error         // the outcome, when done is closed
	done  chan struct{} // closed by the writer
}

// writer is the goroutine that writes. Whatever waits for it while it commits goes
// into its next transaction.
type writer struct {
	file          *file
	confirmations *confirmations
	logger        *slog.Logger

	changes  chan *change
	stopping chan struct{} // closed when there will be no more changes
	stopped  chan struct{} // closed when run has returned
	failed   error         // why the last confirmations could not be written
}

func newWriter(f *file, c *confirmations, logger *slog.Logger) *writer {
	return &writer{
		file:          f,
		confirmations: c,
		logger:        logger,
		changes:       make(chan *change),
		stopping:      make(chan struct{}),
		stopped:       make(chan struct{}),
	}
}

// do has apply called in a transaction and returns its error, or why the transaction
// failed, when it has been committed or not. It returns ctx's error if that ends
// before the writer turns to it. size is how much the change makes bbolt copy.
func (w *writer) do(ctx context.Context, size int, apply func(tx *bbolt.Tx) error) error {
	c := &change{size: size, apply: apply, done: make(chan struct{})}
	select {
	case w.changes <- c:
	case <-ctx.Done():
		return ctx.Err()
	}
	<-c.done
	return c.err
}

// stop writes what is delayed and ends run. There must be no calls of do any more.
func (w *writer) stop() error {
	close(w.stopping)
	<-w.stopped
	return w.failed
}

func (w *writer) run() {
	defer close(w.stopped)
	timer := time.NewTimer(confirmationDelay)
	timer.Stop()
	defer timer.Stop()
	waiting := w.confirmations.waiting
	for {
		select {
		case c := <-w.changes:
			w.commit(w.gather(c))
		case <-waiting:
			waiting = nil // until the timer fires
			timer.Reset(confirmationDelay)
		case <-timer.C:
			waiting = w.confirmations.waiting
			if w.writeConfirmations(); w.failed != nil {
				waiting = nil
				timer.Reset(confirmationDelay)
			}
		case <-w.stopping:
			w.writeConfirmations()
			return
		}
	}
}

// gather returns first and the changes that wait with it.
func (w *writer) gather(first *change) []*change {
	all, size := []*change{first}, first.size
	for len(all) < maxChanges && size < maxShared {
		select {
		case c := <-w.changes:
			all, size = append(all, c), size+c.size
		default:
			return all
		}
	}
	return all
}

// commit makes the changes in one transaction. If that fails, each gets one of its
// own: one that is too large for the disk must not keep the others out.
func (w *writer) commit(all []*change) {
	err := w.try(all)
	if err != nil && len(all) > 1 {
		for _, c := range all {
			w.commit([]*change{c})
		}
		return
	}
	for _, c := range all {
		if err != nil {
			c.err = err
		}
		close(c.done)
	}
}

func (w *writer) try(all []*change) error {
	err := w.file.update(func(tx *bbolt.Tx) error {
		changed := false
		for _, c := range all {
			c.err = c.apply(tx)
			if c.err != nil && !leavesTransaction(c.err) {
				return w.file.unavailable(c.err)
			}
			changed = changed || c.err == nil
		}
		if !changed {
			return errUnchanged
		}
		return nil
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

// writeConfirmations logs the first failure and the end of failures, because the
// callers that confirmed have already got success.
func (w *writer) writeConfirmations() {
	err := w.confirmations.write(w.file)
	switch {
	case err != nil && w.failed == nil:
		w.logger.Warn("store_confirmations_delayed", "file", w.file.path, "error", err,
			"effect", "trying again; after a crash documents would count as confirmed longer ago than they were")
	case err == nil && w.failed != nil:
		w.logger.Info("store_confirmations_written", "file", w.file.path)
	}
	w.failed = err
}
