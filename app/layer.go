package app

import (
	"context"
	"encoding/hex"

	"github.com/edge-proxy/edge-proxy/domain"
)

// publish serves the held document with the measures of operators on top of it. The held
// document stays what upstream's and the store's are compared with: a measure is a layer
// over the succession, and the newest document is served again when it ends.
func (k *keeper) publish(ctx context.Context) {
	if k.held == nil {
		return
	}
	in := k.measures.of(k.key)
	next := k.held
	if in.some() || in.changed.After(k.held.UpdatedAt) {
		layered, err := k.layered(ctx, in)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			k.logger.ErrorContext(ctx, "measures_not_applied", "error", err, "effect", "what was served before is served on, or else the newest document")
			if k.library.snapshot.Load().Environment(k.key) != nil {
				return
			}
		default:
			next = layered
		}
	}
	if served := k.library.snapshot.Load().Environment(k.key); served != nil && served.Digest == next.Digest && served.UpdatedAt.Equal(next.UpdatedAt) {
		return
	}
	k.library.put(next)
}

// layered returns the environment as the measures have it. Its time is that of the last
// change of the measures where that is later than the document's, so that conditional
// requests and listeners notice the change.
func (k *keeper) layered(ctx context.Context, in Measures) (e *Environment, err error) {
	if served := k.library.snapshot.Load().Environment(k.key); served != nil && len(in.Overrides) == 0 &&
		hex.EncodeToString(served.Digest[:]) == in.pinned() && served.UpdatedAt.Equal(in.changed) {
		return served, nil
	}
	body := k.held.Body
	if in.Pin != nil && in.Pin.SHA256 != hex.EncodeToString(k.held.Digest[:]) {
		if body, err = k.history.body(ctx, in.Pin.SHA256); err != nil {
			return nil, err
		}
	}
	if len(in.Overrides) > 0 {
		overrides := make(map[string]domain.FeatureOverride, len(in.Overrides))
		for _, o := range in.Overrides {
			overrides[o.Feature] = o.FeatureOverride
		}
		if body, err = domain.WithOverrides(body, overrides); err != nil {
			return nil, err
		}
	}
	var c compiled
	k.background.do(len(body), func() { c, err = k.compiler.compile(ctx, k.key, body, digestOf(body), k.held, in.changed) })
	return c.environment, err
}
