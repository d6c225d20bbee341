package sharedmemory_test

import (
	"log/slog"
	"net/url"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/storetest"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestConformance runs the suite as a shared store does. The store cannot be away,
// nor be damaged.
func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Harness{
		Shared:  true,
		Durable: true, // as long as the backend lives
		New: func(*testing.T) storetest.Backend {
			backend := sharedmemory.New()
			clock := &clock{now: time.Now()}
			return storetest.Backend{
				Open: func(t *testing.T) ports.Store {
					s, err := backend.Open(t.Context(), &url.URL{Scheme: "memory"}, ports.StoreDeps{Now: clock.Now, Logger: slog.New(slog.DiscardHandler)})
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
