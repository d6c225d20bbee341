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

// TestConformance runs what the store can do. It cannot be away, nor be damaged.
func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Harness{
		New: func(*testing.T) storetest.Backend {
			clock := &clock{now: time.Now()}
			return storetest.Backend{
				Open: func(t *testing.T) ports.Store {
					s, err := memory.Open(t.Context(), parse(t, "memory:"), deps(clock.Now))
					if err != nil {
						t.Fatal(err)
					}
					return s
				},
				Now:     clock.Now,
				Advance: clock.Advance,
			}
		},
	})
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
