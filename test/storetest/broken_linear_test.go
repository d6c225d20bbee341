package storetest_test

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// linearDefects show only when calls meet.
func linearDefects() []defect {
	return []defect{
		{
			name: "get reads the version first and the body then",
			wrap: func(s *shim, b *backend) {
				get := s.get
				s.get = func(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
					before, err := s.stat(ctx, key)
					if err != nil {
						return get(ctx, key)
					}
					letOthersCall()
					r, err := get(ctx, key)
					r.Version = before.Version
					return r, err
				}
			},
			fails: []string{"linearizable-records"},
			open:  []string{"concurrent-use", "unavailable-within-put", "corrupt-*"},
		},
		{
			name: "put reports a conflict with what came after it",
			wrap: func(s *shim, b *backend) {
				put := s.put
				s.put = func(ctx context.Context, r ports.Record, ifVersion ports.Version) (ports.Version, error) {
					v, err := put(ctx, r, ifVersion)
					letOthersCall()
					if now, statErr := s.stat(ctx, r.Key); err == nil && statErr == nil && now.Version != v {
						return "", ports.ErrConflict
					}
					return v, err
				}
			},
			fails: []string{"linearizable-records"},
			open:  []string{"put-loses-no-update", "put-creates-once", "unavailable-within-put"},
		},
		{
			name: "a state is read in two parts",
			wrap: func(s *shim, b *backend) {
				get := s.getState
				s.getState = func(ctx context.Context, name string) ([]byte, ports.Version, error) {
					value, _, err := get(ctx, name)
					if err != nil {
						return value, "", err
					}
					letOthersCall()
					_, v, err := get(ctx, name)
					return value, v, err
				}
			},
			fails: []string{"linearizable-states", "put-state-loses-no-update"},
		},
		{
			name: "leases are looked at first and taken then",
			wrap: changedTry(func(next tryLeasesFunc, b *backend) tryLeasesFunc {
				return func(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
					var names []string
					for _, c := range claims {
						names = append(names, c.Name)
					}
					s := b.openMemory()
					before, err := s.Leases(ctx, names)
					err = errors.Join(err, s.Close())
					if err != nil {
						return next(ctx, claims, holder, ttl)
					}
					letOthersCall()
					s = b.openMemory()
					for i, l := range before {
						if l.Holder == "" { // and nobody else has come meanwhile, it thinks
							now, _ := s.Leases(ctx, names[i:i+1])
							if len(now) == 1 && now[0].Holder != "" {
								_ = s.DropLeases(ctx, names[i:i+1], now[0].Holder)
							}
						}
					}
					_ = s.Close()
					return next(ctx, claims, holder, ttl)
				}
			}),
			fails: []string{"linearizable-leases"},
			open:  []string{"lease*", "concurrent-use"},
		},
	}
}

// letOthersCall takes long enough for others to change what was just read.
func letOthersCall() {
	for range 50 {
		runtime.Gosched()
	}
}
