package storetest_test

import (
	"context"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// shim is a store of which some methods are replaced by others.
type shim struct {
	ports.Store
	get       func(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error)
	stat      func(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error)
	list      func(ctx context.Context) ([]domain.EnvironmentKey, error)
	put       func(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error)
	touch     func(ctx context.Context, key domain.EnvironmentKey, v ports.Version, checkedAt time.Time) error
	delete    func(ctx context.Context, key domain.EnvironmentKey) error
	watch     watchFunc
	tryLeases tryLeasesFunc
	leases    func(ctx context.Context, names []string) ([]ports.Lease, error)
	drop      func(ctx context.Context, names []string, holder string) error
	getState  func(ctx context.Context, name string) ([]byte, ports.Version, error)
	putState  func(ctx context.Context, name string, value []byte, ifVersion ports.Version) (ports.Version, error)
	expire    func(ctx context.Context, name string, lasts time.Duration) error
	close     func() error
}

type tryLeasesFunc func(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error)

type watchFunc func(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error

// newShim returns one of which nothing is replaced yet.
func newShim(s ports.Store) *shim {
	return &shim{
		Store: s,
		get:   s.Get, stat: s.Stat, list: s.List, put: s.Put, touch: s.Touch, delete: s.Delete, watch: s.Watch,
		tryLeases: s.TryLeases, leases: s.Leases, drop: s.DropLeases, getState: s.GetState, putState: s.PutState, expire: s.ExpireState, close: s.Close,
	}
}

// Exclusive says what the store beneath does.
func (s *shim) Exclusive() bool {
	own, ok := s.Store.(ports.Exclusive)
	return ok && own.Exclusive()
}

func (s *shim) Get(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	return s.get(ctx, key)
}

func (s *shim) Stat(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	return s.stat(ctx, key)
}

func (s *shim) List(ctx context.Context) ([]domain.EnvironmentKey, error) { return s.list(ctx) }

func (s *shim) Put(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
	return s.put(ctx, r, ifVersion)
}

func (s *shim) Touch(ctx context.Context, key domain.EnvironmentKey, v ports.Version, checkedAt time.Time) error {
	return s.touch(ctx, key, v, checkedAt)
}

func (s *shim) Delete(ctx context.Context, key domain.EnvironmentKey) error {
	return s.delete(ctx, key)
}

func (s *shim) Watch(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
	return s.watch(ctx, keys, wake)
}

func (s *shim) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
	return s.tryLeases(ctx, claims, holder, ttl)
}

func (s *shim) Leases(ctx context.Context, names []string) ([]ports.Lease, error) {
	return s.leases(ctx, names)
}

func (s *shim) DropLeases(ctx context.Context, names []string, holder string) error {
	return s.drop(ctx, names, holder)
}

func (s *shim) GetState(ctx context.Context, name string) ([]byte, ports.Version, error) {
	return s.getState(ctx, name)
}

func (s *shim) PutState(ctx context.Context, name string, value []byte, ifVersion ports.Version) (ports.Version, error) {
	return s.putState(ctx, name, value, ifVersion)
}

func (s *shim) ExpireState(ctx context.Context, name string, lasts time.Duration) error {
	return s.expire(ctx, name, lasts)
}

func (s *shim) Close() error { return s.close() }

// mapRecords puts change between the caller and every record that is read.
func (s *shim) mapRecords(change func(ports.Record) ports.Record) {
	get, stat := s.get, s.stat
	s.get = func(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
		r, err := get(ctx, key)
		if err != nil {
			return r, err
		}
		return change(r), nil
	}
	s.stat = func(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
		r, err := stat(ctx, key)
		if err != nil {
			return r, err
		}
		return change(r), nil
	}
}

// mapErrors puts change between the caller and the errors of all methods but
// Close.
func (s *shim) mapErrors(change func(context.Context, error) error) {
	was := *s
	s.mapEach(func(ctx context.Context, call func(context.Context) error) error {
		return change(ctx, call(ctx))
	}, was)
}

// mapContexts puts change between the caller and the contexts of all methods.
func (s *shim) mapContexts(change func(context.Context) context.Context) {
	was := *s
	s.mapEach(func(ctx context.Context, call func(context.Context) error) error {
		return call(change(ctx))
	}, was)
}

// mapEach has around make every call of was.
func (s *shim) mapEach(around func(ctx context.Context, call func(context.Context) error) error, was shim) {
	s.get = func(ctx context.Context, key domain.EnvironmentKey) (r ports.Record, err error) {
		err = around(ctx, func(ctx context.Context) (err error) { r, err = was.get(ctx, key); return err })
		return r, err
	}
	s.stat = func(ctx context.Context, key domain.EnvironmentKey) (r ports.Record, err error) {
		err = around(ctx, func(ctx context.Context) (err error) { r, err = was.stat(ctx, key); return err })
		return r, err
	}
	s.list = func(ctx context.Context) (keys []domain.EnvironmentKey, err error) {
		err = around(ctx, func(ctx context.Context) (err error) { keys, err = was.list(ctx); return err })
		return keys, err
	}
	s.put = func(ctx context.Context, r ports.Record, ifVersion ports.Version) (v ports.Version, err error) {
		err = around(ctx, func(ctx context.Context) (err error) { v, err = was.put(ctx, r, ifVersion); return err })
		return v, err
	}
	s.touch = func(ctx context.Context, key domain.EnvironmentKey, v ports.Version, checkedAt time.Time) error {
		return around(ctx, func(ctx context.Context) error { return was.touch(ctx, key, v, checkedAt) })
	}
	s.delete = func(ctx context.Context, key domain.EnvironmentKey) error {
		return around(ctx, func(ctx context.Context) error { return was.delete(ctx, key) })
	}
	s.watch = func(ctx context.Context, keys []domain.EnvironmentKey, wake func(domain.EnvironmentKey)) error {
		return around(ctx, func(ctx context.Context) error { return was.watch(ctx, keys, wake) })
	}
	s.tryLeases = func(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) (leases []ports.Lease, err error) {
		err = around(ctx, func(ctx context.Context) (err error) {
			leases, err = was.tryLeases(ctx, claims, holder, ttl)
			return err
		})
		return leases, err
	}
	s.leases = func(ctx context.Context, names []string) (leases []ports.Lease, err error) {
		err = around(ctx, func(ctx context.Context) (err error) { leases, err = was.leases(ctx, names); return err })
		return leases, err
	}
	s.drop = func(ctx context.Context, names []string, holder string) error {
		return around(ctx, func(ctx context.Context) error { return was.drop(ctx, names, holder) })
	}
	s.getState = func(ctx context.Context, name string) (value []byte, v ports.Version, err error) {
		err = around(ctx, func(ctx context.Context) (err error) { value, v, err = was.getState(ctx, name); return err })
		return value, v, err
	}
	s.putState = func(ctx context.Context, name string, value []byte, ifVersion ports.Version) (v ports.Version, err error) {
		err = around(ctx, func(ctx context.Context) (err error) { v, err = was.putState(ctx, name, value, ifVersion); return err })
		return v, err
	}
	s.expire = func(ctx context.Context, name string, lasts time.Duration) error {
		return around(ctx, func(ctx context.Context) error { return was.expire(ctx, name, lasts) })
	}
}
