package memory_test

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Harness{
		Shared:  true,
		Durable: true, // as long as the backend lives
		New: func(t *testing.T) storetest.Backend {
			backend := memory.NewBackend()
			clock := &clock{now: time.Now()}
			return storetest.Backend{
				Open: func(t *testing.T) ports.Store {
					s, err := backend.Open(t.Context(), &url.URL{Scheme: "memory"}, deps(clock.Now))
					if err != nil {
						t.Fatal(err)
					}
					return s
				},
				Wipe:    func(*testing.T) { backend.Wipe() },
				Now:     clock.Now,
				Advance: clock.Advance,
			}
		},
	})
}

func deps(now func() time.Time) ports.StoreDeps {
	return ports.StoreDeps{Now: now, Logger: slog.New(slog.DiscardHandler), ReadFile: os.ReadFile}
}

// clock is a time that stands until it is advanced.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

var _ = context.Background
