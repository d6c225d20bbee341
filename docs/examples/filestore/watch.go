package filestore

import (
	"context"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// watchPause is how often Watch looks for changes, for which it reads one small
// file.
const watchPause = 50 * time.Millisecond

// Watch implements ports.Watcher. It calls wake from the caller's goroutine, so that
// a slow one holds up no other, and nothing waits in a queue meanwhile: what it
// knows is which version of each key it has announced last.
func (s *store) Watch(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
	const call = "watch"
	if err := ctx.Err(); err != nil {
		return failure(call, err)
	}
	if !s.enter() {
		return failure(call, ports.ErrClosed)
	}
	defer s.calls.Done()

	w := watch{keys: keys, told: make(map[domain.EnvironmentKey]ports.Version, len(keys))}
	pause := time.NewTicker(watchPause)
	defer pause.Stop()
	for {
		var changed []domain.EnvironmentKey
		if err := s.inDirectory(func(d directory) (err error) {
			changed, err = w.look(ctx, d)
			return err
		}); err != nil {
			return failure(call, err)
		}
		for _, key := range changed {
			if err := s.ended(ctx); err != nil {
				return failure(call, err)
			}
			wake(key)
		}
		select {
		case <-ctx.Done():
		case <-s.life.Done():
		case <-pause.C:
		}
		if err := s.ended(ctx); err != nil {
			return failure(call, err)
		}
	}
}

// ended returns why a Watch has to end, or nil.
func (s *store) ended(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case s.life.Err() != nil:
		return ports.ErrClosed
	}
	return nil
}

// watch is what one Watch follows and has told.
type watch struct {
	keys   []domain.EnvironmentKey
	told   map[domain.EnvironmentKey]ports.Version
	change string // the text of the file of changes, when the keys were looked at
	begun  bool
}

// look returns the keys whose records have changed since it was called last, the
// first time all.
func (w *watch) look(ctx context.Context, d directory) ([]domain.EnvironmentKey, error) {
	// Before the records: what changes after it will be found the next time.
	change, err := d.ReadFile(changeFile)
	if err != nil && !absent(err) {
		return nil, err
	}
	if w.begun && string(change) == w.change {
		return nil, nil
	}
	var changed []domain.EnvironmentKey
	for _, key := range w.keys {
		v, err := d.record(key).version(ctx, false)
		if err != nil {
			return nil, err
		}
		if known, ok := w.told[key]; !ok || known != v {
			w.told[key] = v
			changed = append(changed, key)
		}
	}
	w.change, w.begun = string(change), true
	return changed, nil
}
