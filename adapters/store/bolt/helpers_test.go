package bolt_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	bbolt "go.etcd.io/bbolt"

	"github.com/edge-proxy/edge-proxy/adapters/store/bolt"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// journal takes what a store logs.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) count(event string) int {
	return strings.Count(j.String(), "msg="+event+" ")
}

func deps(j *journal) ports.StoreDeps {
	return ports.StoreDeps{
		Now:      time.Now,
		Logger:   slog.New(slog.NewTextHandler(j, nil)),
		ReadFile: os.ReadFile,
	}
}

func location(path string) *url.URL { return &url.URL{Scheme: "bolt", Path: path} }

// newPath returns the path of a file that is yet to be made, whose consistency is
// checked at the end of the test, if it is there.
func newPath(t testing.TB) string {
	path := filepath.Join(t.TempDir(), "documents.db")
	t.Cleanup(func() {
		if _, err := os.Stat(path); err == nil {
			checkConsistency(t, path)
		}
	})
	return path
}

// checkConsistency has bbolt check the file, which nobody has open, and returns how
// many transactions were written to it.
func checkConsistency(t testing.TB, path string) (transactions int) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		t.Errorf("bbolt.Open(%s) at the end: %v", path, err)
		return 0
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		transactions = tx.ID()
		for err := range tx.Check() {
			t.Errorf("the file is inconsistent: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Errorf("bbolt's View at the end: %v", err)
	}
	return transactions
}

// open opens the store at path, which is closed at the end of the test.
func open(t testing.TB, path string) (ports.Store, *journal) {
	t.Helper()
	j := new(journal)
	s, err := bolt.Open(context.Background(), location(path), deps(j))
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s, j
}

func closeNow(t testing.TB, s ports.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func put(t testing.TB, s ports.Store, key domain.EnvironmentKey, body string, ifVersion ports.Version) ports.Version {
	t.Helper()
	v, err := s.Put(t.Context(), ports.Record{
		Key:       key,
		Body:      []byte(body),
		UpdatedAt: updatedAt(),
		CheckedAt: checkedAt(),
	}, ifVersion)
	if err != nil {
		t.Fatalf("Put(%q): %v", key, err)
	}
	return v
}

func updatedAt() time.Time { return time.Date(2024, 2, 3, 4, 5, 6, 789_000, time.UTC) }
func checkedAt() time.Time { return time.Date(2024, 3, 4, 5, 6, 7, 890_000, time.UTC) }

func get(t testing.TB, s ports.Store, key domain.EnvironmentKey) ports.Record {
	t.Helper()
	r, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("Get(%q): %v", key, err)
	}
	return r
}

func wantError(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

// aside returns the files that were set aside for path.
func aside(t testing.TB, path string) []string {
	t.Helper()
	names, err := filepath.Glob(path + ".damaged-*")
	if err != nil {
		t.Fatal(err)
	}
	return names
}
