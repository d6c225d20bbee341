package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// handle is a store under test whose calls are bounded in time. The methods that
// return no error end the case when there is one.
type handle struct {
	c     *check
	store ports.Store
	limit time.Duration
}

// backend returns a fresh one.
func (c *check) backend() Backend { return c.harness.New(c.t) }

// open opens a handle that is closed at the end of the case.
func (c *check) open(b Backend) *handle {
	h := &handle{c: c, store: b.Open(c.t), limit: c.harness.Patience}
	c.cleanup(func() {
		if err := h.close(); err != nil && !c.failed() {
			c.errorf("Close at the end of the case: %v", err)
		}
	})
	return h
}

// openOne opens a handle on a fresh backend.
func (c *check) openOne() *handle { return c.open(c.backend()) }

// openTwo opens two handles on a fresh backend, or the same twice where it is not
// shared: for cases that want two nodes but hold for one too.
func (c *check) openTwo() (one, other *handle) {
	b := c.backend()
	one = c.open(b)
	if !c.harness.Shared {
		return one, one
	}
	return one, c.open(b)
}

// breakBackend breaks b until mend is called or the case ends.
func (c *check) breakBackend(b Backend) (mend func()) {
	mended := false
	mend = func() {
		if !mended {
			mended = true
			b.Mend(c.t)
		}
	}
	c.cleanup(mend)
	b.Break(c.t)
	return mend
}

// now is the time by the clock of b's handles.
func (c *check) now(b Backend) time.Time {
	if b.Now != nil {
		return b.Now()
	}
	return time.Now()
}

func (h *handle) close() error {
	_, err := bounded(h.c, "Close", h.limit, func(context.Context) (struct{}, error) {
		return struct{}{}, h.store.Close()
	})
	return err
}

func (h *handle) tryGet(key domain.EnvironmentKey) (ports.Record, error) {
	return bounded(h.c, "Get", h.limit, func(ctx context.Context) (ports.Record, error) {
		return h.store.Get(ctx, key)
	})
}

func (h *handle) get(key domain.EnvironmentKey) ports.Record {
	r, err := h.tryGet(key)
	if err != nil {
		h.c.fatalf("Get(%s): %v", show(key), err)
	}
	if r.Key != key {
		h.c.fatalf("Get(%s) returned the record of %s", show(key), show(r.Key))
	}
	return r
}

func (h *handle) tryStat(key domain.EnvironmentKey) (ports.Record, error) {
	return bounded(h.c, "Stat", h.limit, func(ctx context.Context) (ports.Record, error) {
		return h.store.Stat(ctx, key)
	})
}

func (h *handle) stat(key domain.EnvironmentKey) ports.Record {
	r, err := h.tryStat(key)
	if err != nil {
		h.c.fatalf("Stat(%s): %v", show(key), err)
	}
	return r
}

func (h *handle) list() []domain.EnvironmentKey {
	keys, err := bounded(h.c, "List", h.limit, h.store.List)
	if err != nil {
		h.c.fatalf("List: %v", err)
	}
	slices.Sort(keys)
	return keys
}

func (h *handle) tryPut(r ports.Record, ifVersion ports.Version) (ports.Version, error) {
	return bounded(h.c, "Put", h.limit, func(ctx context.Context) (ports.Version, error) {
		return h.store.Put(ctx, r, ifVersion)
	})
}

func (h *handle) put(r ports.Record, ifVersion ports.Version) ports.Version {
	v, err := h.tryPut(r, ifVersion)
	if err != nil {
		h.c.fatalf("Put(%s, if version %q): %v", show(r.Key), ifVersion, err)
	}
	if v == "" {
		h.c.fatalf(`Put(%s) returned version "", which means that there is no record`, show(r.Key))
	}
	return v
}

func (h *handle) tryTouch(key domain.EnvironmentKey, v ports.Version, at time.Time) error {
	_, err := bounded(h.c, "Touch", h.limit, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, h.store.Touch(ctx, key, v, at)
	})
	return err
}

func (h *handle) touch(key domain.EnvironmentKey, v ports.Version, at time.Time) {
	if err := h.tryTouch(key, v, at); err != nil {
		h.c.fatalf("Touch(%s, %q): %v", show(key), v, err)
	}
}

func (h *handle) delete(key domain.EnvironmentKey) {
	_, err := bounded(h.c, "Delete", h.limit, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, h.store.Delete(ctx, key)
	})
	if err != nil {
		h.c.fatalf("Delete(%s): %v", show(key), err)
	}
}

func (h *handle) tryLease(name, holder string, ttl time.Duration) (until time.Time, held bool) {
	until, err := bounded(h.c, "TryLeases", h.limit, func(ctx context.Context) (until time.Time, err error) {
		until, held, err = ports.TryLease(ctx, h.store, name, holder, ttl)
		return until, err
	})
	if err != nil {
		h.c.fatalf("TryLeases(%s, %s, %v): %v", show(name), holder, ttl, err)
	}
	return until, held
}

func (h *handle) tryLeases(claims []ports.Claim, holder string, ttl time.Duration) []ports.Lease {
	leases, err := bounded(h.c, "TryLeases", h.limit, func(ctx context.Context) ([]ports.Lease, error) {
		return h.store.TryLeases(ctx, claims, holder, ttl)
	})
	if err != nil {
		h.c.fatalf("TryLeases of %d leases for %s: %v", len(claims), holder, err)
	}
	if len(leases) != len(claims) {
		h.c.fatalf("TryLeases of %d leases returned %d", len(claims), len(leases))
	}
	return leases
}

func (h *handle) leases(names ...string) []ports.Lease {
	leases, err := bounded(h.c, "Leases", h.limit, func(ctx context.Context) ([]ports.Lease, error) {
		return h.store.Leases(ctx, names)
	})
	if err != nil {
		h.c.fatalf("Leases of %d names: %v", len(names), err)
	}
	if len(leases) != len(names) {
		h.c.fatalf("Leases of %d names returned %d", len(names), len(leases))
	}
	return leases
}

func (h *handle) dropLeases(holder string, names ...string) {
	_, err := bounded(h.c, "DropLeases", h.limit, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, h.store.DropLeases(ctx, names, holder)
	})
	if err != nil {
		h.c.fatalf("DropLeases of %d names for %s: %v", len(names), holder, err)
	}
}

func (h *handle) dropLease(name, holder string) {
	_, err := bounded(h.c, "DropLeases", h.limit, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, ports.DropLease(ctx, h.store, name, holder)
	})
	if err != nil {
		h.c.fatalf("DropLeases(%s, %s): %v", show(name), holder, err)
	}
}

func (h *handle) tryGetState(name string) (value []byte, v ports.Version, err error) {
	value, err = bounded(h.c, "GetState", h.limit, func(ctx context.Context) (value []byte, err error) {
		value, v, err = h.store.GetState(ctx, name)
		return value, err
	})
	return value, v, err
}

func (h *handle) getState(name string) ([]byte, ports.Version) {
	value, v, err := h.tryGetState(name)
	if err != nil {
		h.c.fatalf("GetState(%s): %v", show(name), err)
	}
	return value, v
}

func (h *handle) tryPutState(name string, value []byte, ifVersion ports.Version) (ports.Version, error) {
	return bounded(h.c, "PutState", h.limit, func(ctx context.Context) (ports.Version, error) {
		return h.store.PutState(ctx, name, value, ifVersion)
	})
}

func (h *handle) expireState(name string, lasts time.Duration) {
	_, err := bounded(h.c, "ExpireState", h.limit, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, h.store.ExpireState(ctx, name, lasts)
	})
	if err != nil {
		h.c.fatalf("ExpireState(%s, %s): %v", show(name), lasts, err)
	}
}

func (h *handle) putState(name string, value []byte, ifVersion ports.Version) ports.Version {
	v, err := h.tryPutState(name, value, ifVersion)
	if err != nil {
		h.c.fatalf("PutState(%s, if version %q): %v", show(name), ifVersion, err)
	}
	if v == "" {
		h.c.fatalf(`PutState(%s) returned version "", which means that there is none`, show(name))
	}
	return v
}

// wantBody compares bodies without printing megabytes.
func (c *check) wantBody(what string, got, want []byte) {
	if !bytes.Equal(got, want) {
		c.errorf("%s: the Body is %s, want %s", what, excerpt(got), excerpt(want))
	}
}

// wantError checks that err is want and none of the port's other errors.
func (c *check) wantError(what string, err, want error) {
	if !errors.Is(err, want) {
		c.errorf("%s: got error %v, want %v", what, err, want)
		return
	}
	for _, other := range sentinels() {
		if !errors.Is(want, other) && errors.Is(err, other) {
			c.errorf("%s: error %v is %v, but %v as well", what, err, want, other)
		}
	}
}

func sentinels() []error {
	return []error{
		ports.ErrNotFound, ports.ErrConflict, ports.ErrUnavailable, ports.ErrCorrupt, ports.ErrClosed,
		context.Canceled, context.DeadlineExceeded, errors.ErrUnsupported,
	}
}

// show quotes a key or name, the middle of a long one left out.
func show[S ~string](s S) string {
	const most = 48
	if len(s) <= most {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%q…%q (%d bytes)", s[:most/2], s[len(s)-most/2:], len(s))
}

func excerpt(b []byte) string {
	const most = 48
	if len(b) <= most {
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%q… (%d bytes)", b[:most], len(b))
}
