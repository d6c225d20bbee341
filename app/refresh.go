package app

import (
	"context"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// Refreshed is what came of refreshing one environment.
type Refreshed struct {
	Environment domain.EnvironmentKey
	// Poll is the request to upstream; nil when there was none before ctx ended, as where
	// the environment has no key that is valid.
	Poll *Poll
	// Changed reports whether another document is served than before.
	Changed bool
	// Updated is the updated_at of the document that is served now; zero without one.
	Updated time.Time
}

// Refresh polls upstream for an environment now, or for all for "", and waits until
// something has come of each or ctx ends. ok is false when the environment is not
// served. It is safe for concurrent use.
func (a *App) Refresh(ctx context.Context, key domain.EnvironmentKey) (list []Refreshed, ok bool) {
	before := a.Status().Environments
	var chosen []EnvironmentStatus
	for _, e := range before {
		if key == "" || e.Key == key {
			chosen = append(chosen, e)
		}
	}
	if len(chosen) == 0 && key != "" {
		return nil, false
	}
	list = make([]Refreshed, len(chosen))
	var all sync.WaitGroup
	for i, e := range chosen {
		k := a.roster.keeper(e.Key)
		list[i] = Refreshed{Environment: e.Key}
		if k == nil { // removed meanwhile
			continue
		}
		all.Go(func() {
			began := k.now()
			k.wakes.byCaller(a.deps.Tracer.Received(ctx, ViaWebhook, e.Key))
			list[i].Poll = k.progress.polls.await(ctx, began)
		})
	}
	all.Wait()
	after := map[domain.EnvironmentKey]EnvironmentStatus{}
	for _, e := range a.Status().Environments {
		after[e.Key] = e
	}
	for i, e := range chosen {
		now := after[e.Key]
		list[i].Changed, list[i].Updated = now.Digest != e.Digest, now.Updated
	}
	return list, true
}

// await returns the first poll that began at a moment or later, nil when ctx ends first.
func (h *polls) await(ctx context.Context, from time.Time) *Poll {
	for {
		h.mu.Lock()
		for _, p := range h.last {
			if !p.At.Before(from) {
				h.mu.Unlock()
				return &p
			}
		}
		if h.added == nil {
			h.added = make(chan struct{})
		}
		added := h.added
		h.mu.Unlock()
		select {
		case <-added:
		case <-ctx.Done():
			return nil
		}
	}
}
