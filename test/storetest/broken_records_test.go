package storetest_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// confirmed is what a defective store notes of a Touch.
type confirmed struct {
	version ports.Version
	at      time.Time
}

func recordDefects() []defect {
	return []defect{
		{
			name: "get returns the body that put keeps",
			wrap: func(s *shim, b *backend) {
				var mu sync.Mutex
				kept := make(map[ports.Version][]byte)
				put := s.put
				s.put = func(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
					v, err := put(ctx, r, ifVersion)
					mu.Lock()
					defer mu.Unlock()
					kept[v] = r.Body
					return v, err
				}
				get := s.get
				s.get = func(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
					r, err := get(ctx, key)
					mu.Lock()
					defer mu.Unlock()
					if body, ok := kept[r.Version]; ok && err == nil {
						r.Body = body
					}
					return r, err
				}
			},
			fails: []string{"put-does-not-change-body"},
		},
		{
			name: "put changes what is behind the body",
			wrap: func(s *shim, b *backend) {
				put := s.put
				s.put = func(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
					if cap(r.Body) > len(r.Body) && string(r.Body) == "the document" {
						_ = append(r.Body, '\n')
					}
					return put(ctx, r, ifVersion)
				}
			},
			fails: []string{"put-does-not-change-body"},
		},
		{
			name: "get uses its buffer again",
			wrap: func(s *shim, b *backend) {
				var mu sync.Mutex
				buffer := make([]byte, 0, 1<<17)
				get := s.get
				s.get = func(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
					r, err := get(ctx, key)
					if len(r.Body) > 64<<10 && len(r.Body) < 1<<17 {
						mu.Lock()
						defer mu.Unlock()
						buffer = append(buffer[:0], r.Body...)
						r.Body = buffer
					}
					return r, err
				}
			},
			fails: []string{"body-is-for-ever"},
			// These read several such bodies at once or in turn.
			open: []string{"durable-after-*"},
		},
		{
			name: "long bodies are cut off",
			wrap: func(s *shim, b *backend) {
				put := s.put
				s.put = func(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
					r.Body = r.Body[:min(len(r.Body), 16<<20)]
					return put(ctx, r, ifVersion)
				}
			},
			fails: []string{"large-documents"},
		},
		{
			name: "an empty body is not a record",
			wrap: func(s *shim, b *backend) {
				get := s.get
				s.get = func(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
					r, err := get(ctx, key)
					if err == nil && len(r.Body) == 0 {
						return ports.Record{}, ports.ErrNotFound
					}
					return r, err
				}
			},
			fails: []string{"arbitrary-bodies", "times-finer-than-a-microsecond", "durable-after-close", "durable-after-crash"},
		},
		{
			name: "bodies are taken for text",
			wrap: func(s *shim, b *backend) {
				put := s.put
				s.put = func(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
					if len(r.Body) < 1000 {
						r.Body = bytes.ToValidUTF8(r.Body, []byte("\ufffd"))
					}
					return put(ctx, r, ifVersion)
				}
			},
			fails: []string{"arbitrary-bodies"},
		},
		{
			name:  "stat transfers the body",
			wrap:  func(s *shim, b *backend) { s.stat = s.get },
			fails: []string{"stat-equals-get-without-body"},
			open:  []string{"large-documents"},
		},
		{name: "keys are folded to lower case", wrap: mapKeys(strings.ToLower), fails: []string{"odd-keys", "watch-odd-keys"}, open: []string{"watch-only-its-keys"}},
		{name: "keys are trimmed", wrap: mapKeys(strings.TrimSpace), fails: []string{"odd-keys", "watch-odd-keys"}},
		{name: "keys end at a NUL", wrap: mapKeys(func(key string) string {
			before, _, _ := strings.Cut(key, "\x00")
			return before
		}), fails: []string{"odd-keys", "watch-odd-keys"}},
		{name: "keys are made valid", wrap: mapKeys(func(key string) string {
			return strings.ToValidUTF8(key, "\ufffd")
		}), fails: []string{"odd-keys", "watch-odd-keys"}},
		{name: "keys are cut off", wrap: mapKeys(func(key string) string {
			return key[:min(len(key), 255)]
		}), fails: []string{"odd-keys", "watch-odd-keys"}},
		{name: "times are kept to the millisecond", wrap: func(s *shim, b *backend) {
			s.mapRecords(func(r ports.Record) ports.Record {
				r.UpdatedAt, r.CheckedAt = r.UpdatedAt.Truncate(time.Millisecond), r.CheckedAt.Truncate(time.Millisecond)
				return r
			})
		}, fails: []string{
			"get-returns-what-was-put", "times-to-the-microsecond", "times-finer-than-a-microsecond", "touch-moves-forward",
		}, open: []string{"*"}},
		{name: "times are kept as nanoseconds since 1970", wrap: func(s *shim, b *backend) {
			s.mapRecords(func(r ports.Record) ports.Record {
				r.UpdatedAt, r.CheckedAt = time.Unix(0, r.UpdatedAt.UnixNano()), time.Unix(0, r.CheckedAt.UnixNano())
				return r
			})
		}, fails: []string{"times-to-the-microsecond", "times-zero"}},
		{name: "list knows its first keys only", wrap: func(s *shim, b *backend) {
			list := s.list
			s.list = func(ctx context.Context) ([]domain.EnvironmentKey, error) {
				keys, err := list(ctx)
				return keys[:min(len(keys), 200)], err
			}
		}, fails: []string{"list-returns-all-keys"}},
		{name: "list names keys twice", wrap: func(s *shim, b *backend) {
			list := s.list
			s.list = func(ctx context.Context) ([]domain.EnvironmentKey, error) {
				keys, err := list(ctx)
				if len(keys) > 100 {
					keys = append(keys, keys[0])
				}
				return keys, err
			}
		}, fails: []string{"list-returns-all-keys"}, open: []string{"odd-keys"}},
		{name: "delete of what is absent is an error", wrap: func(s *shim, b *backend) {
			remove := s.delete
			s.delete = func(ctx context.Context, key domain.EnvironmentKey) error {
				if _, err := s.stat(ctx, key); errors.Is(err, ports.ErrNotFound) {
					return err
				}
				return remove(ctx, key)
			}
		}, fails: []string{"delete-absent"}, open: []string{"concurrent-use"}},
		{name: "touch moves back", wrap: func(s *shim, b *backend) {
			touch := s.touch
			s.touch = func(ctx context.Context, key domain.EnvironmentKey, v ports.Version, at time.Time) error {
				err := touch(ctx, key, v, time.Time{})
				if err == nil {
					b.shared.Store(v, at)
				}
				return err
			}
			s.mapRecords(func(r ports.Record) ports.Record {
				if at, ok := b.shared.Load(r.Version); ok {
					r.CheckedAt = at.(time.Time)
				}
				return r
			})
		}, fails: []string{"touch-never-moves-back"}, open: []string{"touch-by-many"}},
		{name: "touch is forgotten", wrap: func(s *shim, b *backend) {
			touch := s.touch
			s.touch = func(ctx context.Context, key domain.EnvironmentKey, v ports.Version, _ time.Time) error {
				return touch(ctx, key, v, time.Time{})
			}
		}, fails: []string{
			"touch-moves-forward", "touch-never-moves-back", "touch-by-many", "touch-changes-nothing-else", "times-zero", "close-writes-what-is-delayed",
		}},
		{name: "touch is known to its handle only", wrap: func(s *shim, b *backend) {
			var own sync.Map
			touch := s.touch
			s.touch = func(ctx context.Context, key domain.EnvironmentKey, v ports.Version, at time.Time) error {
				err := touch(ctx, key, v, time.Time{})
				if r, _ := s.stat(ctx, key); err == nil && at.After(r.CheckedAt) {
					own.Store(v, at)
				}
				return err
			}
			s.mapRecords(func(r ports.Record) ports.Record {
				if at, ok := own.Load(r.Version); ok {
					r.CheckedAt = at.(time.Time)
				}
				return r
			})
		}, fails: []string{"touch-moves-forward", "close-writes-what-is-delayed"}, open: []string{"touch-by-many"}},
		{name: "delete forgets touches when it returns", wrap: func(s *shim, b *backend) {
			touch, remove := s.touch, s.delete
			s.touch = func(ctx context.Context, key domain.EnvironmentKey, v ports.Version, at time.Time) error {
				err := touch(ctx, key, v, time.Time{})
				if r, _ := s.stat(ctx, key); err == nil && at.After(r.CheckedAt) {
					b.shared.Store(key, confirmed{v, at})
				}
				return err
			}
			s.delete = func(ctx context.Context, key domain.EnvironmentKey) error {
				err := remove(ctx, key)
				<-time.After(time.Millisecond) // somebody else puts the record again
				b.shared.Delete(key)
				return err
			}
			s.mapRecords(func(r ports.Record) ports.Record {
				if c, ok := b.shared.Load(r.Key); ok && c.(confirmed).version == r.Version {
					r.CheckedAt = c.(confirmed).at
				}
				return r
			})
		}, fails: []string{"touch-survives-an-earlier-delete"}, open: []string{"touch-by-many", "close-writes-what-is-delayed", "touch-moves-forward", "durable-*"}},
		{name: "touch outlives its version", wrap: func(s *shim, b *backend) {
			touch := s.touch
			s.touch = func(ctx context.Context, key domain.EnvironmentKey, v ports.Version, at time.Time) error {
				err := touch(ctx, key, v, at)
				if err == nil {
					b.shared.Store(key, at)
				}
				return err
			}
			s.mapRecords(func(r ports.Record) ports.Record {
				if at, ok := b.shared.Load(r.Key); ok && at.(time.Time).After(r.CheckedAt) {
					r.CheckedAt = at.(time.Time)
				}
				return r
			})
		}, fails: []string{"touch-does-not-outlive-its-version"}},
		{name: "touch takes any version", wrap: func(s *shim, b *backend) {
			touch := s.touch
			s.touch = func(ctx context.Context, key domain.EnvironmentKey, v ports.Version, at time.Time) error {
				r, err := s.stat(ctx, key)
				if err != nil {
					return err
				}
				return touch(ctx, key, r.Version, at)
			}
		}, fails: []string{"touch-another-version"}},
		{name: "touch of what is absent does not fail", wrap: func(s *shim, b *backend) {
			touch := s.touch
			s.touch = func(ctx context.Context, key domain.EnvironmentKey, v ports.Version, at time.Time) error {
				if err := touch(ctx, key, v, at); !errors.Is(err, ports.ErrNotFound) {
					return err
				}
				return nil
			}
		}, fails: []string{"touch-absent", "versions-never-repeat-after-wipe"}},
		{name: "touch makes a new version", wrap: func(s *shim, b *backend) {
			touch := s.touch
			s.touch = func(ctx context.Context, key domain.EnvironmentKey, v ports.Version, at time.Time) error {
				r, err := s.get(ctx, key)
				if err != nil || r.Version != v || !at.After(r.CheckedAt) {
					return touch(ctx, key, v, at)
				}
				r.CheckedAt = at
				_, err = s.put(ctx, r, v)
				return err
			}
		}, fails: []string{
			"touch-changes-nothing-else", "touch-moves-forward", "touch-never-moves-back", "touch-by-many",
			"touch-does-not-outlive-its-version", "close-writes-what-is-delayed", "watch-not-woken-by-touch",
		}, open: []string{"times-zero", "concurrent-use"}},
	}
}

// mapKeys has a store know keys by what change makes of them, and return records
// with the key that was asked for. Keys of the usual length stay as they are, so
// that it shows with odd ones only.
func mapKeys(change func(string) string) func(*shim, *backend) {
	return func(s *shim, b *backend) {
		known := func(key domain.EnvironmentKey) domain.EnvironmentKey {
			if len(key) == len("B62qaMZNwfiqT76p38ggrQ") {
				return key
			}
			return domain.EnvironmentKey(change(string(key)))
		}
		was := *s
		s.get = func(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
			r, err := was.get(ctx, known(key))
			r.Key = key
			return r, err
		}
		s.stat = func(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
			r, err := was.stat(ctx, known(key))
			r.Key = key
			return r, err
		}
		s.put = func(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
			r.Key = known(r.Key)
			return was.put(ctx, r, ifVersion)
		}
		s.delete = func(ctx context.Context, key domain.EnvironmentKey) error { return was.delete(ctx, known(key)) }
		s.touch = func(ctx context.Context, key domain.EnvironmentKey, v ports.Version, at time.Time) error {
			return was.touch(ctx, known(key), v, at)
		}
	}
}
