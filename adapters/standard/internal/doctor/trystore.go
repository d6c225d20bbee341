package doctor

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// TryStore does with a record of its own what a proxy does with its records, and removes
// it again. Its error says what did not work.
func TryStore(ctx context.Context, store ports.Store) (err error) {
	key := domain.EnvironmentKey("edge-proxy-doctor-" + rand.Text())
	body := []byte(`{"written_by":"edge-proxy"}`)
	if _, _, err := ports.TryLease(ctx, store, string(key), "doctor", time.Second); err != nil {
		return fmt.Errorf("taking a lease: %w", err)
	}
	defer func() {
		err = errors.Join(err, wrapped("giving a lease back", ports.DropLease(ctx, store, string(key), "doctor")))
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
