package storetest_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

func versionDefects() []defect {
	return []defect{
		{
			name: "versions are hashes of the body",
			wrap: func(s *shim, b *backend) {
				renameVersions(s, func(_ domain.EnvironmentKey, _ ports.Version, body []byte) ports.Version {
					sum := sha256.Sum256(body)
					return ports.Version(hex.EncodeToString(sum[:8]))
				})
			},
			fails: []string{
				"versions-never-repeat", "versions-never-repeat-after-wipe", "durable-versions",
			},
			// With equal bodies in turn, these read what they knew before, or cannot
			// tell what is stale.
			open: []string{"touch-another-version", "touch-does-not-outlive-its-version", "put-conflict-changes-nothing", "concurrent-use"},
		},
		{
			name: "versions begin at 1 when data is lost",
			wrap: func(s *shim, b *backend) {
				counter, _ := b.shared.LoadOrStore("counter", newCounter(b))
				renameVersions(s, counter.(*counting).name)
			},
			fails: []string{"versions-never-repeat-after-wipe"},
		},
		{
			name: "versions begin at 1 for each record",
			wrap: func(s *shim, b *backend) {
				counter, _ := b.shared.LoadOrStore("counter", newCounter(b))
				remove := s.delete
				s.delete = func(ctx context.Context, key domain.EnvironmentKey) error {
					err := remove(ctx, key)
					if err == nil {
						counter.(*counting).forget(key)
					}
					return err
				}
				renameVersions(s, counter.(*counting).name)
			},
			fails: []string{"versions-never-repeat", "versions-never-repeat-after-wipe", "durable-versions"},
			open:  []string{"delete-removes", "put-conflict-changes-nothing"},
		},
		{
			name: "put returns the version it was given",
			wrap: func(s *shim, b *backend) {
				put := s.put
				s.put = func(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
					v, err := put(ctx, r, ifVersion)
					if r.Version != "" {
						return r.Version, err
					}
					return v, err
				}
			},
			fails: []string{"put-ignores-record-version"},
		},
		{
			name: "put looks first and writes then",
			wrap: func(s *shim, b *backend) {
				put := s.put
				s.put = func(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
					now, err := s.stat(ctx, r.Key)
					if err != nil && !errors.Is(err, ports.ErrNotFound) || now.Version != ifVersion {
						return put(ctx, r, ifVersion) // which fails, or overwrites what is corrupt
					}
					for range 50 {
						runtime.Gosched() // long enough for another writer
					}
					v, err := put(ctx, r, ifVersion)
					for errors.Is(err, ports.ErrConflict) {
						now, _ = s.stat(ctx, r.Key)
						v, err = put(ctx, r, now.Version)
					}
					return v, err
				}
			},
			fails: []string{"put-loses-no-update", "put-creates-once", "linearizable-records"},
		},
		{
			name: "put ignores an empty version",
			wrap: func(s *shim, b *backend) {
				put := s.put
				s.put = func(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
					v, err := put(ctx, r, ifVersion)
					for ifVersion == "" && errors.Is(err, ports.ErrConflict) {
						now, _ := s.stat(ctx, r.Key)
						v, err = put(ctx, r, now.Version)
					}
					return v, err
				}
			},
			fails: []string{"put-conflict-changes-nothing", "put-creates-once"},
			open:  []string{"put-loses-no-update"},
		},
		{
			name: "put creates whatever the version",
			wrap: func(s *shim, b *backend) {
				put := s.put
				s.put = func(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
					if _, err := s.stat(ctx, r.Key); errors.Is(err, ports.ErrNotFound) {
						ifVersion = ""
					}
					return put(ctx, r, ifVersion)
				}
			},
			fails: []string{
				"put-conflict-changes-nothing", "versions-never-repeat", "versions-never-repeat-after-wipe",
				"delete-removes",
			},
		},
	}
}

// renameVersions has a store speak of its versions by other names.
func renameVersions(s *shim, name func(domain.EnvironmentKey, ports.Version, []byte) ports.Version) {
	was := *s
	// unnamed finds the version that goes by a name now.
	unnamed := func(ctx context.Context, key domain.EnvironmentKey, named ports.Version) ports.Version {
		r, err := was.get(ctx, key)
		if err == nil && name(key, r.Version, r.Body) == named {
			return r.Version
		}
		return named
	}
	s.get = func(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
		r, err := was.get(ctx, key)
		if err == nil {
			r.Version = name(key, r.Version, r.Body)
		}
		return r, err
	}
	s.stat = func(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
		r, err := s.get(ctx, key)
		r.Body = nil
		return r, err
	}
	s.put = func(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
		v, err := was.put(ctx, r, unnamed(ctx, r.Key, ifVersion))
		if err == nil {
			v = name(r.Key, v, r.Body)
		}
		return v, err
	}
	s.touch = func(ctx context.Context, key domain.EnvironmentKey, v ports.Version, at time.Time) error {
		return was.touch(ctx, key, unnamed(ctx, key, v), at)
	}
}

// counting names versions by counting them, for each key on its own.
type counting struct {
	mu    sync.Mutex
	last  map[domain.EnvironmentKey]int
	names map[ports.Version]ports.Version
}

func newCounter(b *backend) *counting {
	c := &counting{last: make(map[domain.EnvironmentKey]int), names: make(map[ports.Version]ports.Version)}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.onWipe = append(b.onWipe, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		clear(c.last)
	})
	return c
}

func (c *counting) name(key domain.EnvironmentKey, v ports.Version, _ []byte) ports.Version {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.names[v] == "" {
		c.last[key]++
		c.names[v] = ports.Version(strconv.Itoa(c.last[key]))
	}
	return c.names[v]
}

func (c *counting) forget(key domain.EnvironmentKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.last, key)
}
