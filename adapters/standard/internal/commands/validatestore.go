package commands

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// storePatience bounds a whole trial of a store.
const storePatience = 20 * time.Second

// tryStore opens the store of s, does what serving needs, removes what it wrote, and
// prints what came of it. Its error says that the store is not usable.
func (p *Program) tryStore(ctx context.Context, s config.Store) error {
	if s.URL.Parse().Scheme == insideProcess {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	began := time.Now()
	// Without an answer of its own, a store would log what the error says too.
	store, err := p.Wiring.OpenStore(ctx, s, Tries, slog.New(slog.DiscardHandler))
	if err == nil {
		err = useStore(ctx, store)
		if closing := store.Close(); err == nil {
			err = closing
		}
	}
	if err != nil {
		fmt.Fprintf(p.Stdout, "store %s: failed: %v\n", s.URL, err)
		return ErrReported
	}
	fmt.Fprintf(p.Stdout, "store %s: ok, written and read back in %s\n", s.URL, time.Since(began).Round(time.Millisecond))
	return nil
}

// useStore does with a record of its own what a proxy does with its records.
func useStore(ctx context.Context, store ports.Store) (err error) {
	key := domain.EnvironmentKey("edge-proxy-validate-" + rand.Text())
	body := []byte(`{"written_by":"edge-proxy validate --fetch"}`)
	if _, _, err := ports.TryLease(ctx, store, string(key), "validate", time.Second); err != nil {
		return fmt.Errorf("taking a lease: %w", err)
	}
	defer func() {
		err = errors.Join(err, wrapped("giving a lease back", ports.DropLease(ctx, store, string(key), "validate")))
	}()
	now := time.Now()
	version, err := store.Put(ctx, ports.Record{Key: key, Body: body, UpdatedAt: now, CheckedAt: now}, "")
	if err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	defer func() { err = errors.Join(err, wrapped("deleting what was written", store.Delete(ctx, key))) }()
	got, err := store.Get(ctx, key)
	switch {
	case err != nil:
		return fmt.Errorf("reading back: %w", err)
	case got.Version != version || !bytes.Equal(got.Body, body):
		return errors.New("what was read back is not what was written")
	}
	if err := store.Touch(ctx, key, version, now.Add(time.Second)); err != nil {
		return fmt.Errorf("confirming: %w", err)
	}
	watch, stop := context.WithCancel(ctx)
	defer stop()
	err = store.Watch(watch, []domain.EnvironmentKey{key}, func(domain.EnvironmentKey) { stop() })
	if watch.Err() == nil && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("watching for changes: %w", err)
	}
	return nil
}

func wrapped(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
