package agreement_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/edge-proxy/edge-proxy/adapters/adminapi"
	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/adapters/metrics"
	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

const interval = 10 * time.Second

// world is what a node depends on, and how it fails.
type world struct {
	mu      sync.Mutex
	away    error                           // why upstream answers nobody; nil: it answers
	refused map[domain.EnvironmentKey]error // why it does not answer for an environment
	stopped map[domain.EnvironmentKey]bool  // organisations that are disabled
	storeUp bool
}

func (w *world) do(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// FetchDocument implements ports.Upstream.
func (w *world) FetchDocument(_ context.Context, r ports.DocumentRequest) (ports.Document, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away != nil {
		return ports.Document{}, w.away
	}
	if err := w.refused[r.Environment]; err != nil {
		return ports.Document{}, err
	}
	return ports.Document{Body: fmt.Appendf(nil, `{"api_key":%q,"name":"Environment %s","updated_at":%q,"feature_states":[],`+
		`"project":{"name":"Shop","segments":[],"organisation":{"stop_serving_flags":%t}}}`,
		r.Environment, r.Environment, time.Now().UTC().Format(time.RFC3339), w.stopped[r.Environment])}, nil
}

// store is a store that can be away.
type store struct {
	ports.Store
	world *world
}

func (s store) check() error {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if !s.world.storeUp {
		return fmt.Errorf("connection refused: %w", ports.ErrUnavailable)
	}
	return nil
}

func (s store) Get(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	return either(s.check(), func() (ports.Record, error) { return s.Store.Get(ctx, key) })
}

func (s store) Stat(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	return either(s.check(), func() (ports.Record, error) { return s.Store.Stat(ctx, key) })
}

func either[T any](err error, do func() (T, error)) (T, error) {
	if err != nil {
		var zero T
		return zero, err
	}
	return do()
}

// node is a whole node: what applications ask and what operators ask.
type node struct {
	*app.App
	public, admin http.Handler
	metrics       *metrics.Metrics
	answered      []answered // to applications, health checks left out
}

// answered is when a request was answered, and how.
type answered struct {
	at     time.Time
	status int
}

// ask asks what applications ask.
func (n *node) ask(path string, headers ...string) int {
	status, _ := get(n.public, path, headers...)
	n.answered = append(n.answered, answered{time.Now(), status})
	return status
}

// input is a server without a port.
type input struct{ ended chan struct{} }

func (i input) Listen(context.Context) (string, error) { return "", nil }
func (i input) Serve() error                           { <-i.ended; return nil }
func (i input) Drain()                                 {}
func (i input) Undrain()                               {}
func (i input) Shutdown(context.Context) error         { close(i.ended); return nil }

// start runs a node until stop is called, at the end of the test at the latest.
func start(t *testing.T, w *world, environments []domain.EnvironmentKeys, random *rand.Rand) (n *node, stop func()) {
	t.Helper()
	data, err := sharedmemory.New().Open(t.Context(), &url.URL{Scheme: memory.Scheme}, ports.StoreDeps{Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	var mu sync.Mutex
	own := rand.New(rand.NewPCG(random.Uint64(), 1)) // what the test draws is not the node's
	n = &node{App: app.New(config(environments, 30*time.Second), app.Deps{
		Upstream: w, Store: store{data, w}, Presenter: &httpapi.Presenter{}, Logger: quiet, Now: time.Now,
		Random: func() float64 { mu.Lock(); defer mu.Unlock(); return own.Float64() },
	})}
	n.metrics = metrics.New(metrics.Options{MaxEnvironments: len(environments) + 10})
	// What a scrape says of the process that runs the test is not compared.
	if !n.metrics.Registry().Unregister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})) {
		t.Error("the metrics of the process are not registered")
	}
	n.metrics.AddStatus(n.Status)
	meter := n.metrics.TrafficMeter(time.Now)
	if n.public, err = httpapi.New(httpapi.Options{Query: n.App, Logger: quiet, Usage: n.Requests(), Observer: n.metrics.Requests()}); err != nil {
		t.Fatal(err)
	}
	if n.admin, err = adminapi.New(adminapi.Options{
		Application: n.App, Loopback: true, Host: "127.0.0.1", Policy: func() adminapi.Policy { return adminapi.Policy{} },
		Node: adminapi.Node{UpstreamName: "Flagsmith"}, Logger: quiet, Now: time.Now,
		Traffic: func() adminapi.Traffic {
			m := meter.Traffic()
			return adminapi.Traffic{LastMinute: &adminapi.LastMinute{
				Over: m.Over, Requests: m.Requests, NotModified: m.NotModified, ClientErrors: m.ClientErrors, ServerErrors: m.ServerErrors, Median: m.Median, P99: m.P99,
			}}
		},
	}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx, input{make(chan struct{})}) }()
	measuring, stopMeasuring := context.WithCancel(t.Context())
	go meter.Run(measuring)
	t.Cleanup(func() {
		cancel()
		stopMeasuring()
		if err := <-ended; err != nil && !errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("the node ended with %v", err)
		}
	})
	return n, cancel
}

func config(environments []domain.EnvironmentKeys, grace time.Duration) app.Config {
	return app.Config{
		Environments: environments, Freshness: domain.Freshness{PollInterval: interval, Grace: &grace}, PollConcurrency: 16,
		Lease: 2 * interval, Node: "node-1", DrainDelay: 30 * time.Second, ShutdownTimeout: 9 * time.Second,
	}
}

// get asks a handler.
func get(h http.Handler, path string, headers ...string) (status int, body string) {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = "localhost"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	text, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(text)
}
