package app

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// discovery keeps the list of discovered environments. One goroutine runs it and
// owns its fields.
//
// It asks upstream on a schedule like a keeper's, and every node of a fleet asks for
// itself: a node that takes over polling needs server-side keys, and those never
// reach a store. Without an answer the list stays as it is; what another node has
// noted in the store since counts as if this one had been told.
type discovery struct {
	deps     Deps
	config   *atomic.Pointer[Config]
	roster   *roster
	restored chan struct{} // closed once what the store had is in the roster
	changed  chan struct{} // there is another configuration
	// at is when upstream last told the list, this node or another, nil: never. It is
	// read by anybody.
	at atomic.Pointer[time.Time]

	list     []domain.EnvironmentKeys // the last good one, nil: none
	told     time.Time                // when upstream last told this node, zero: never
	schedule schedule
	note     note
}

func newDiscovery(deps Deps, config *atomic.Pointer[Config], r *roster) *discovery {
	return &discovery{
		deps: deps, config: config, roster: r, restored: make(chan struct{}), changed: make(chan struct{}, 1),
		schedule: schedule{interval: config.Load().Freshness.PollInterval, random: deps.Random},
	}
}

// confirmed returns when upstream last told the list, zero for never. No document of
// a list counts as confirmed any later: a failed discovery is a failed update.
func (d *discovery) confirmed() time.Time {
	if at := d.at.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// reconfigure has the list asked for at once, with what may be another proxy key, and
// at the configured interval from then on. It never waits.
func (d *discovery) reconfigure() {
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// run keeps the list up to date until ctx ends: first what the store has from an
// earlier run, then, once begin is closed, what upstream says.
func (d *discovery) run(ctx context.Context, begin <-chan struct{}) {
	d.takeNote(ctx)
	close(d.restored)
	select {
	case <-begin:
	case <-ctx.Done():
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			d.leave(ctx)
			return
		case <-d.changed:
			if interval := d.config.Load().Freshness.PollInterval; interval != d.schedule.interval {
				d.schedule.retime(interval, d.deps.Now())
			}
			timer.Reset(0)
		case <-timer.C:
			if ctx.Err() != nil {
				continue
			}
			due := d.turn(ctx)
			timer.Reset(due.Sub(d.deps.Now()))
		}
	}
}

// turn asks once and returns when to ask next.
func (d *discovery) turn(ctx context.Context) time.Time {
	began := d.deps.Now()
	list, err := d.deps.Discoverer.Discover(ctx)
	switch {
	case ctx.Err() != nil:
		return began
	case err != nil:
		d.schedule.failures++
		d.logFailure(ctx, err)
		d.takeNote(ctx)
	default:
		d.told = began
		d.adopt(sorted(list), began)
		d.keepNote(ctx)
	}
	return d.schedule.after(began, d.deps.Now())
}

// adopt makes a list the one that counts, as of the time upstream told it.
func (d *discovery) adopt(list []domain.EnvironmentKeys, at time.Time) {
	d.schedule.failures = 0 // upstream is known to have answered some node
	d.list = list
	// In this order: as long as there was no list, nothing was fresh.
	d.roster.discover(list)
	d.at.Store(&at)
}

func (d *discovery) logFailure(ctx context.Context, err error) {
	effect := "the environments known so far stay"
	if d.list == nil {
		effect = "no environment is known from discovery yet"
	}
	d.deps.Logger.ErrorContext(ctx, "error_discovering_environments", append(failureAttributes(err), "effect", effect)...)
}

// sorted brings a list into the one order that equal lists have. The server-side
// keys that are valid for longest come first: those are used to fetch.
func sorted(list []domain.EnvironmentKeys) []domain.EnvironmentKeys {
	list = slices.Clone(list)
	for i := range list {
		list[i].Server = slices.SortedFunc(slices.Values(list[i].Server), func(a, b domain.Credential) int {
			if a.ExpiresAt.IsZero() != b.ExpiresAt.IsZero() {
				if a.ExpiresAt.IsZero() {
					return -1
				}
				return 1
			}
			return cmp.Or(b.ExpiresAt.Compare(a.ExpiresAt), bytes.Compare(a.Digest[:], b.Digest[:]))
		})
	}
	slices.SortStableFunc(list, func(a, b domain.EnvironmentKeys) int { return cmp.Compare(a.Client, b.Client) })
	return list
}
