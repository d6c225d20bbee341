package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/redis"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// node is one node of the fleet.
type node struct {
	*app.App

	mu     sync.Mutex
	served map[domain.EnvironmentKey]time.Time // since when the document is served
}

// startNode starts a node that ends with ctx, and adds it to ended.
func startNode(ctx context.Context, ended *sync.WaitGroup, number int, u *url.URL, o *origin, s sizes) (*node, error) {
	store, err := redis.Open(ctx, u, ports.StoreDeps{
		Now: time.Now, Logger: slog.New(slog.DiscardHandler), Prefix: "edge-proxy", ReadFile: os.ReadFile,
	})
	if err != nil {
		return nil, err
	}
	grace := 30 * time.Second
	config := app.Config{
		Freshness: domain.Freshness{PollInterval: s.interval, Grace: &grace}, PollConcurrency: 16, Lease: 2 * s.interval,
		Node: fmt.Sprintf("node-%04d-0123456789abcdef", number), ShutdownTimeout: 5 * time.Second,
	}
	for i := range s.environments {
		key := domain.NewCredential(domain.NewServerKey(fmt.Sprintf("ser.%d", i)), time.Time{})
		config.Environments = append(config.Environments, domain.EnvironmentKeys{Client: keyOf(i), Server: []domain.Credential{key}})
	}
	n := &node{served: map[domain.EnvironmentKey]time.Time{}}
	n.App = app.New(config, app.Deps{
		Upstream: o, Store: store, Presenter: n, Logger: slog.New(slog.DiscardHandler), Now: time.Now, Random: rand.Float64,
	})
	ended.Go(func() { _ = n.Run(ctx, newInput()) })
	return n, nil
}

// Present implements app.Presenter. It prepares nothing.
func (n *node) Present(e *app.Environment) app.Presentation {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.served[e.Key] = time.Now()
	return nil
}

func (n *node) servedAt(key domain.EnvironmentKey) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.served[key]
}

// serves reports whether the node has that many documents.
func (n *node) serves(environments int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.served) == environments
}

// has reports whether the node serves a document that is at least as new.
func (n *node) has(key domain.EnvironmentKey, at time.Time) bool {
	e := n.Snapshot().Environment(key)
	return e != nil && !e.UpdatedAt.Before(at)
}

// input is a server that nobody connects to.
type input struct{ ended chan struct{} }

func newInput() *input { return &input{make(chan struct{})} }

// Listen implements app.Input.
func (*input) Listen(context.Context) (string, error) { return "nowhere", nil }

// Serve implements app.Input.
func (i *input) Serve() error { <-i.ended; return nil }

// Drain implements app.Input.
func (*input) Drain() {}

// Undrain implements app.Input.
func (*input) Undrain() {}

// Shutdown implements app.Input.
func (i *input) Shutdown(context.Context) error { close(i.ended); return nil }
