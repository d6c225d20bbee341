package bolt_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/store/bolt"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/storetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	t.Run("heads damaged", func(t *testing.T) {
		storetest.Run(t, harness(bolt.DamageHead))
	})
	t.Run("bodies damaged", func(t *testing.T) {
		h := harness(bolt.DamageBody)
		h.Skip = map[string]string{}
		for _, slow := range []string{
			"large-documents", "list-returns-all-keys", "body-is-for-ever", "put-loses-no-update", "put-state-loses-no-update",
			"odd-keys", "odd-state-names", "watch-odd-keys", "watch-slow-consumer", "leases-any-number", "odd-lease-names",
			"context-ends-within-put", "durable-after-close", "durable-after-crash", "state-compare-and-set",
		} {
			h.Skip[slow] = "it damages nothing, and the run above has it"
		}
		storetest.Run(t, h)
	})
}

func harness(damage func(ports.Store, domain.EnvironmentKey) error) storetest.Harness {
	return storetest.Harness{
		New:     func(t *testing.T) storetest.Backend { return backend(t, damage) },
		Durable: true,
	}
}

func backend(t *testing.T, damage func(ports.Store, domain.EnvironmentKey) error) storetest.Backend {
	path := newPath(t)
	var latest ports.Store
	return storetest.Backend{
		Open: func(t *testing.T) ports.Store {
			latest, _ = open(t, path)
			return latest
		},
		// What is written is in the file, synced, when Put returns; what is in the
		// file now is what the next process finds.
		Crash: func(t *testing.T) {
			after := newPath(t)
			copyFile(t, path, after)
			path = after
		},
		Wipe: func(t *testing.T) {
			if err := bolt.Wipe(latest); err != nil {
				t.Fatalf("wiping: %v", err)
			}
		},
		Corrupt: func(t *testing.T, key domain.EnvironmentKey) {
			if err := damage(latest, key); err != nil {
				t.Fatalf("damaging %q: %v", key, err)
			}
		},
		CorruptState: func(t *testing.T, name string) {
			if err := bolt.DamageState(latest, name); err != nil {
				t.Fatalf("damaging %q: %v", name, err)
			}
		},
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	source, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		t.Fatal(err)
	}
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(target, source); err != nil {
		t.Fatal(err)
	}
	if err := target.Close(); err != nil {
		t.Fatal(err)
	}
}

// Size is that of the file, and grows with it. Without the file it is an error.
func TestSize(t *testing.T) {
	path := newPath(t)
	s, _ := open(t, path)
	size := func() int64 {
		n, err := s.(ports.Sized).Size()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	first := size()
	put(t, s, "a", strings.Repeat("a", 1<<20), "")
	if info, err := os.Stat(path); err != nil || size() != info.Size() || size() <= first {
		t.Errorf("%d bytes, %d before; the file is %v, %v", size(), first, info, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if n, err := s.(ports.Sized).Size(); err == nil {
		t.Errorf("a file that is gone has %d bytes", n)
	}
}
