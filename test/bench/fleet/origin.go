package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// origin is an upstream without a network. It answers as Flagsmith does.
type origin struct {
	polls atomic.Int64

	mu      sync.Mutex
	updated map[domain.EnvironmentKey]time.Time
}

func newOrigin(environments int) *origin {
	o := &origin{updated: make(map[domain.EnvironmentKey]time.Time, environments)}
	for i := range environments {
		o.updated[keyOf(i)] = time.Now().Add(-time.Hour).Truncate(time.Second)
	}
	return o
}

// change makes a new document for an environment and returns its updated_at.
func (o *origin) change(key domain.EnvironmentKey) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := time.Now().Truncate(time.Second)
	o.updated[key] = at
	return at
}

// FetchDocument implements ports.Upstream.
func (o *origin) FetchDocument(_ context.Context, r ports.DocumentRequest) (ports.Document, error) {
	o.polls.Add(1)
	o.mu.Lock()
	at := o.updated[r.Environment]
	o.mu.Unlock()
	if !r.IfModifiedSince.IsZero() && !at.After(r.IfModifiedSince) {
		return ports.Document{NotModified: true}, nil
	}
	return ports.Document{Body: fmt.Appendf(nil, `{"updated_at":%q,"api_key":%q,"name":"Fleet","project":{"segments":[]},"feature_states":[{"django_id":1,"enabled":true,"feature":{"id":1,"name":"flag","type":"STANDARD"},"feature_state_value":null}]}`,
		at.UTC().Format(time.RFC3339Nano), r.Environment)}, nil
}
