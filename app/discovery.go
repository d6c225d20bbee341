package app

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// discovery keeps the list of discovered environments. One goroutine runs it and
// owns its fields.
//
// It asks upstream on a schedule like a keeper's. Every node of a fleet asks for
// itself: a node that takes over polling needs server-side keys, and those never reach
// a store. When upstream does not answer, the list stays as it is, but a newer list
// that another node has recorded in the store is used as if this node had received it.
type discovery struct {
	deps     Deps
	config   *atomic.Pointer[Config]
	roster   *roster
	restored chan struct{} // closed once what the store had is in the roster
	changed  chan struct{} // the configuration has changed
	// at is when upstream last sent the list, to this node or another; nil: never. Any
	// goroutine may read it.
	at atomic.Pointer[time.Time]

	list     []domain.EnvironmentKeys // the last good one; may be nil
	received time.Time                // when upstream last sent the list to this node; zero: never
	schedule schedule
	outages  *outages
	record   discoveryRecord
}

func newDiscovery(deps Deps, config *atomic.Pointer[Config], r *roster) *discovery {
	return &discovery{
		deps: deps, config: config, roster: r, restored: make(chan struct{}), changed: make(chan struct{}, 1),
		outages:  newOutages("error_discovering_environments", "discovering_environments_again", deps.Now),
		schedule: schedule{interval: config.Load().Freshness.PollInterval, random: deps.Random},
	}
}

// confirmed returns when upstream last sent the list, or a zero time. No document
// counts as confirmed later than its list: a failed discovery is a failed update.
func (d *discovery) confirmed() time.Time {
	if at := d.at.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// reconfigure makes the list be fetched at once, because the proxy key may have
// changed, and at the configured interval from then on. It never waits.
func (d *discovery) reconfigure() {
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// run keeps the list up to date until ctx ends. It starts with what the store has from
// an earlier run, and asks upstream once begin is closed.
func (d *discovery) run(ctx context.Context, begin <-chan struct{}) {
	d.followRecord(ctx)
	close(d.restored)
	select {
	case <-begin:
	case <-ctx.Done():
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
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
	d.leave(ctx)
}

// turn asks once and returns when to ask next.
func (d *discovery) turn(ctx context.Context) time.Time {
	began := d.deps.Now()
	list, err := d.deps.Discoverer.Discover(ctx)
	if ctx.Err() == nil {
		d.deps.Observer.Fetched(Discover, ports.OutcomeOf(err), d.deps.Now().Sub(began))
	}
	switch {
	case ctx.Err() != nil:
		return began
	case err != nil:
		d.schedule.failures++
		d.followRecord(ctx)
	default:
		d.outages.succeeded(ctx, d.deps.Logger, "")
		d.received, d.record.seen = began, false
		d.adopt(sorted(list), began)
		d.keepRecord(ctx)
	}
	next := d.schedule.after(began, d.deps.Now(), err)
	if err != nil {
		d.logFailure(ctx, err, next)
	}
	return next
}

// adopt uses a list from now on. at is when upstream sent it.
func (d *discovery) adopt(list []domain.EnvironmentKeys, at time.Time) {
	d.schedule.failures = 0 // upstream has answered this node or another
	d.list = list
	// In this order: without a list nothing was fresh.
	d.roster.discover(list)
	d.at.Store(&at)
}

// logFailure logs a failed turn. next is when the next one is due.
func (d *discovery) logFailure(ctx context.Context, err error, next time.Time) {
	effect := "the environments known so far stay"
	if d.list == nil {
		effect = "no environment is known from discovery yet"
	}
	now := d.deps.Now()
	list := []any{"effect", effect}
	if at := d.confirmed(); !at.IsZero() {
		list = append(list, "list_age", now.Sub(at).Round(time.Millisecond).String())
	}
	d.outages.failed(ctx, d.deps.Logger, "", err, append(list, "next_try", max(0, next.Sub(now)).Round(time.Millisecond).String())...)
}

// sorted returns a list in an order that is the same for equal lists. Server-side keys
// that are valid for longest come first, because the first is used to fetch.
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
