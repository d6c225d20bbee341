package memory_test

import (
	"log/slog"
	"net/url"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestConformance runs what memory can do. It cannot be away, nor be damaged.
func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Harness{
		Shared:  true,
		Durable: true, // as long as the backend lives
		New: func(*testing.T) storetest.Backend {
			backend := memory.NewBackend()
			clock := &clock{now: time.Now()}
			return storetest.Backend{
				Open:    func(t *testing.T) ports.Store { return open(t, backend, clock.Now) },
				Wipe:    func(*testing.T) { backend.Wipe() },
				Now:     clock.Now,
				Advance: clock.Advance,
			}
		},
	})
}

// TestConformanceOfOpen runs the suite on what the program opens, with real time.
func TestConformanceOfOpen(t *testing.T) {
	storetest.Run(t, storetest.Harness{
		New: func(*testing.T) storetest.Backend {
			return storetest.Backend{Open: func(t *testing.T) ports.Store {
				s, err := memory.Open(t.Context(), parse(t, "memory:"), deps(time.Now))
				if err != nil {
					t.Fatal(err)
				}
				return s
			}}
		},
	})
}

func open(t *testing.T, b *memory.Backend, now func() time.Time) ports.Store {
	t.Helper()
	s, err := b.Open(t.Context(), parse(t, "memory:"), deps(now))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func deps(now func() time.Time) ports.StoreDeps {
	return ports.StoreDeps{Now: now, Logger: slog.New(slog.DiscardHandler), ReadFile: os.ReadFile}
}
