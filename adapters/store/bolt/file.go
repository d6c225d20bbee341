package bolt

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"

	bbolt "go.etcd.io/bbolt"

	"github.com/edge-proxy/edge-proxy/ports"
)

// file is an open database and its lock. It keeps what bbolt does when the file is
// damaged under its hands away from the rest: bbolt panics, faults, or stops with
// its locks held.
type file struct {
	path   string
	deps   ports.StoreDeps
	logger *slog.Logger
	// replaced is called after a new file was begun in place of one that was
	// removed. It may be nil.
	replaced func()

	mu     sync.RWMutex // guards handle and db, which a call uses under RLock
	handle *os.File     // the one that db uses
	db     *bbolt.DB

	// lost is why the file was given up: it was damaged while it was open. Nothing
	// is asked of db any more.
	lost atomic.Pointer[error]
}

// view calls read in a transaction that sees the latest commit. Errors: read's,
// ports.ErrUnavailable. What read gets from tx is only valid until it returns.
func (f *file) view(read func(tx *bbolt.Tx) error) error {
	var result error
	err := f.attempt(func() error {
		return f.db.View(func(tx *bbolt.Tx) error {
			result = read(tx)
			return nil
		})
	})
	if err != nil {
		return f.unavailable(err)
	}
	return result
}

// update calls write in a transaction and commits it, unless write returns an error.
// It must not be called by two goroutines at once. Errors: write's,
// ports.ErrUnavailable, after which nothing was changed, or, if only the very last
// sync failed, all.
func (f *file) update(write func(tx *bbolt.Tx) error) error {
	if err := f.replaceIfRemoved(); err != nil {
		return f.unavailable(err)
	}
	var result error
	err := f.attempt(func() error {
		return f.db.Update(func(tx *bbolt.Tx) error {
			result = write(tx)
			return result
		})
	})
	switch {
	case result != nil && f.lost.Load() == nil:
		return result
	case err != nil:
		return f.unavailable(err)
	}
	return nil
}

// attempt calls act, which uses db, if it may still be used. When act panics, the
// file is given up.
func (f *file) attempt(act func() error) error {
	if cause := f.lost.Load(); cause != nil {
		return *cause
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	// When the first pages are gone, bbolt panics and keeps locks that others wait
	// for. So have a look before.
	info, err := f.handle.Stat()
	if err != nil {
		return err
	}
	if _, err = newestMeta(f.handle, info.Size()); err == nil {
		err = guarded(act)
	}
	var damage *damageError
	if errors.As(err, &damage) {
		return f.giveUp(damage)
	}
	return err
}

// guarded calls act, which uses bbolt, and returns a panic of it, or a fault on
// memory that mirrors the file, as a damageError.
func guarded(act func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = &damageError{reason: fmt.Sprintf("bbolt cannot read it: %v", p), stack: debug.Stack()}
		}
	}()
	return act()
}

// giveUp notes that the file is damaged and returns the error that says so.
func (f *file) giveUp(damage *damageError) error {
	err := fmt.Errorf("it was damaged while it was open (%w); restart to set it aside", damage)
	if f.lost.CompareAndSwap(nil, &err) {
		f.logger.Error("store_file_damaged", "file", f.path, "reason", damage.Error(), "stack", string(damage.stack),
			"effect", "the store is not used any more; at the next start the file is set aside")
	}
	return *f.lost.Load()
}

func (f *file) unavailable(err error) error {
	return fmt.Errorf("%w: %s: %w", ports.ErrUnavailable, f.path, err)
}

// close closes the database; no transaction is open.
func (f *file) close() error {
	if f.db != nil && f.lost.Load() == nil {
		return f.db.Close()
	}
	// Not opened, or db may have a lock that it will never give back; what it has
	// mapped then stays until the process ends.
	unlock(f.handle)
	return f.handle.Close()
}
