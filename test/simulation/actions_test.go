package simulation_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// action is something that can happen in a step.
type action struct {
	weight int
	fault  bool                // something fails from then on
	when   func(settings) bool // nil: always
	do     func(w *world, s step, r *rand.Rand)
}

func actionNames() []string { return slices.Sorted(maps.Keys(actions())) }

// actions returns everything that can happen, by name.
func actions() map[string]action {
	shared := func(s settings) bool { return !s.durable }
	return map[string]action{
		// Upstream has new documents, or older ones, as after the restore of a database.
		"publish":  {weight: 12, do: func(w *world, s step, _ *rand.Rand) { w.upstream.publish(s.environment, false) }},
		"mutilate": {weight: 2, when: func(s settings) bool { return s.guard }, do: func(w *world, s step, _ *rand.Rand) { w.upstream.publish(s.environment, true) }},
		"go back":  {weight: 2, do: func(w *world, s step, r *rand.Rand) { w.upstream.goBack(s.environment, 1+r.IntN(3)) }},
		"go forth": {weight: 1, do: func(w *world, s step, _ *rand.Rand) { w.upstream.goForth(s.environment) }},
		"down":     {weight: 2, fault: true, do: func(w *world, _ step, r *rand.Rand) { w.upstream.fails(func(f *faults) { f.down = 1 + r.IntN(3) }) }},
		"cut off":  {weight: 2, fault: true, do: func(w *world, s step, _ *rand.Rand) { w.upstream.fails(func(f *faults) { f.cutOff[s.node] = true }) }},
		"slow":     {weight: 2, fault: true, do: func(w *world, _ step, _ *rand.Rand) { w.upstream.fails(func(f *faults) { f.slow = true }) }},
		"flapping": {weight: 2, fault: true, do: func(w *world, _ step, _ *rand.Rand) { w.upstream.fails(func(f *faults) { f.flapping = true }) }},
		"stale":    {weight: 3, fault: true, do: func(w *world, _ step, _ *rand.Rand) { w.upstream.fails(func(f *faults) { f.stale = true }) }},
		"poison":   {weight: 2, fault: true, do: func(w *world, _ step, _ *rand.Rand) { w.upstream.fails(func(f *faults) { f.poison = true }) }},
		"skew":     {weight: 1, do: func(w *world, _ step, r *rand.Rand) { w.upstream.skew(between(r, -3*time.Minute, 3*time.Minute)) }},
		"recover":  {weight: 6, do: func(w *world, _ step, _ *rand.Rand) { w.upstream.recover() }},
		"no reports": {weight: 2, fault: true, do: func(w *world, _ step, r *rand.Rand) {
			w.upstream.fails(func(f *faults) { f.reports = 1 + r.IntN(3) })
		}},

		// Keys rotate, environments come and go.
		"rotate": {weight: 2, do: func(w *world, s step, r *rand.Rand) { w.upstream.rotate(s.environment, chance(r, 2)) }},
		"unlist": {weight: 1, do: func(w *world, s step, _ *rand.Rand) { w.upstream.list(s.environment, false) }},
		"list":   {weight: 2, do: func(w *world, s step, _ *rand.Rand) { w.upstream.list(s.environment, true) }},
		"reload": {weight: 3, when: func(s settings) bool { return !s.discovery }, do: func(w *world, s step, _ *rand.Rand) { w.nodes[s.node].reload() }},

		// The store and the way to it.
		"store down":    {weight: 2, fault: true, do: func(w *world, _ step, r *rand.Rand) { w.store.fails(func(f *storeFaults) { f.down = 1 + r.IntN(2) }) }},
		"store cut off": {weight: 3, fault: true, when: shared, do: func(w *world, s step, _ *rand.Rand) { w.store.fails(func(f *storeFaults) { f.cutOff[s.node] = true }) }},
		"store slow":    {weight: 2, fault: true, do: func(w *world, _ step, _ *rand.Rand) { w.store.fails(func(f *storeFaults) { f.slow = true }) }},
		"store doubt":   {weight: 2, fault: true, do: func(w *world, _ step, _ *rand.Rand) { w.store.fails(func(f *storeFaults) { f.doubt = true }) }},
		"lose wakes":    {weight: 2, fault: true, do: func(w *world, _ step, _ *rand.Rand) { w.store.fails(func(f *storeFaults) { f.deaf = true }) }},
		"break watches": {weight: 1, do: func(w *world, _ step, _ *rand.Rand) { w.store.breakWatches() }},
		"wipe":          {weight: 1, when: func(s settings) bool { return !s.durable && !s.discovery }, do: func(w *world, _ step, _ *rand.Rand) { w.store.wipe() }},
		"store recover": {weight: 6, do: func(w *world, _ step, _ *rand.Rand) { w.store.recover() }},
		"heal":          {weight: 2, do: func(w *world, _ step, _ *rand.Rand) { w.upstream.recover(); w.store.recover() }},

		// Nodes and their clocks.
		"jump": {weight: 3, when: func(s settings) bool { return s.clocks }, do: func(w *world, s step, r *rand.Rand) {
			w.nodes[s.node].jump(between(r, -mostSkew, mostSkew))
		}},
		"crash":  {weight: 3, do: func(w *world, s step, _ *rand.Rand) { w.nodes[s.node].crash() }},
		"stop":   {weight: 2, do: func(w *world, s step, _ *rand.Rand) { w.nodes[s.node].stop() }},
		"start":  {weight: 6, do: func(w *world, s step, _ *rand.Rand) { w.nodes[s.node].start() }},
		"pause":  {weight: 2, fault: true, do: func(w *world, s step, _ *rand.Rand) { w.nodes[s.node].pause() }},
		"resume": {weight: 4, do: func(w *world, s step, _ *rand.Rand) { w.nodes[s.node].resume() }},

		// Operators.
		"refresh": {weight: 2, do: operator(func(ctx context.Context, l *life, key domain.EnvironmentKey, _ *rand.Rand) error {
			_, _ = l.app.Refresh(ctx, key)
			return nil
		})},
		"refresh all": {weight: 1, do: operator(func(ctx context.Context, l *life, _ domain.EnvironmentKey, _ *rand.Rand) error {
			l.app.RefreshAll(ctx)
			return nil
		})},
		"rollback": {weight: 2, do: operator(func(ctx context.Context, l *life, key domain.EnvironmentKey, r *rand.Rand) error {
			l.w.pins(key)
			_, err := l.app.Rollback(ctx, key, "operator", "simulated", between(r, time.Second, 2*time.Minute))
			return err
		})},
		"pin": {weight: 1, do: operator(func(ctx context.Context, l *life, key domain.EnvironmentKey, r *rand.Rand) error {
			l.w.pins(key)
			_, err := l.app.PinDocument(ctx, key, string(rune('0'+r.IntN(3))), "operator", "simulated", between(r, time.Second, 2*time.Minute))
			return err
		})},
		"end pin": {weight: 2, do: operator(func(ctx context.Context, l *life, key domain.EnvironmentKey, _ *rand.Rand) error {
			return l.app.EndPin(ctx, key)
		})},
		"override": {weight: 2, do: operator(func(ctx context.Context, l *life, key domain.EnvironmentKey, r *rand.Rand) error {
			_, err := l.app.OverrideFeature(ctx, key, "alpha", domain.FeatureOverride{Enabled: true, Value: []byte(`"overridden"`)}, "operator", "simulated", between(r, time.Second, 2*time.Minute))
			return err
		})},
		"end override": {weight: 1, do: operator(func(ctx context.Context, l *life, key domain.EnvironmentKey, _ *rand.Rand) error {
			return l.app.EndOverride(ctx, key, "alpha")
		})},
		"accept": {weight: 1, when: func(s settings) bool { return s.guard }, do: operator(func(ctx context.Context, l *life, key domain.EnvironmentKey, _ *rand.Rand) error {
			_, err := l.app.AcceptDocument(ctx, key)
			return err
		})},
		"drain":   {weight: 1, do: func(w *world, s step, r *rand.Rand) { w.nodes[s.node].drain(between(r, time.Second, time.Minute)) }},
		"undrain": {weight: 1, do: func(w *world, s step, _ *rand.Rand) { w.nodes[s.node].undrain() }},

		// Clients.
		"requests": {weight: 6, do: func(w *world, s step, r *rand.Rand) {
			for range 1 + r.IntN(20) {
				w.nodes[s.node].request(s.environment, r)
			}
		}},
		"analytics": {weight: 4, do: func(w *world, s step, r *rand.Rand) { w.nodes[s.node].analytics(s.environment, int64(1+r.IntN(9))) }},
		"nothing":   {weight: 4, do: func(*world, step, *rand.Rand) {}},
	}
}

// operator returns an action that asks a node for something, and does not wait for it.
func operator(ask func(ctx context.Context, l *life, key domain.EnvironmentKey, r *rand.Rand) error) func(*world, step, *rand.Rand) {
	return func(w *world, s step, r *rand.Rand) {
		l := w.nodes[s.node].life
		if l == nil {
			return
		}
		key := w.upstream.environments[s.environment].key
		l.asking.Go(func() {
			ctx, cancel := context.WithTimeout(l.ctx, 20*time.Second)
			defer cancel()
			if err := ask(ctx, l, key, r); err != nil {
				w.note("%s: %s: %v", l.name, s.action, err)
			}
		})
	}
}
