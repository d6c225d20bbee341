package standard

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/commands"
	"github.com/edge-proxy/edge-proxy/adapters/store/bolt"
	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// storeCheckTimeout is how long CheckStore may take.
const storeCheckTimeout = 10 * time.Second

// CheckStore implements commands.Wiring. A store in a file that does not exist yet stays
// so: it would belong to the user who checks, and not to the proxy's.
func (w *wiring) CheckStore(ctx context.Context, s config.Store) (found string, err error) {
	u := s.URL.Parse()
	if u.Scheme == memory.Scheme {
		return "documents are kept in memory only", nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeCheckTimeout)
	defer cancel()
	store, err := w.OpenStore(ctx, s, commands.Reads, slog.New(slog.DiscardHandler))
	_, inFile := w.readOnly[u.Scheme]
	switch {
	case inFile && errors.Is(err, bolt.ErrInUse):
		return "its file is in use by another process, which may be the proxy", nil
	case inFile && errors.Is(err, fs.ErrNotExist):
		return "its file can be created", bolt.CheckPlace(u)
	case err != nil:
		return "", err
	}
	err = tryStore(ctx, store)
	return "a record could be written, read and deleted", errors.Join(err, store.Close())
}

// tryStore writes a record under a key that no environment has, reads it and deletes it.
func tryStore(ctx context.Context, store ports.Store) error {
	key := domain.EnvironmentKey("edge-proxy-validate-" + rand.Text())
	now := time.Now()
	record := ports.Record{Key: key, Body: []byte("{}"), UpdatedAt: now, CheckedAt: now}
	if _, err := store.Put(ctx, record, ""); err != nil {
		return fmt.Errorf("writing a record: %w", err)
	}
	got, err := store.Get(ctx, key)
	if err == nil && !bytes.Equal(got.Body, record.Body) {
		err = errors.New("it is not what was written")
	}
	if err != nil {
		err = fmt.Errorf("reading a record: %w", err)
	}
	if deleting := store.Delete(ctx, key); deleting != nil {
		err = errors.Join(err, fmt.Errorf("deleting a record: %w", deleting))
	}
	return err
}
