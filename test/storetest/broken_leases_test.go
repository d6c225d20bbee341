package storetest_test

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

func leaseDefects() []defect {
	return slices.Concat(brokenClaims(), brokenLeaseTimes(), brokenNotes(), brokenDrops())
}

// changedTry is a defect of TryLeases.
func changedTry(change func(next tryLeasesFunc, b *backend) tryLeasesFunc) func(*shim, *backend) {
	return func(s *shim, b *backend) { s.tryLeases = change(s.tryLeases, b) }
}

// changedLeases is a defect of the leases that TryLeases returns to holder.
func changedLeases(change func(l *ports.Lease, holder string)) func(*shim, *backend) {
	return changedTry(func(next tryLeasesFunc, _ *backend) tryLeasesFunc {
		return func(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
			leases, err := next(ctx, claims, holder, ttl)
			for i := range leases {
				change(&leases[i], holder)
			}
			return leases, err
		}
	})
}

// changedClaims is a defect of what TryLeases is given.
func changedClaims(change func(c *ports.Claim)) func(*shim, *backend) {
	return changedTry(func(next tryLeasesFunc, _ *backend) tryLeasesFunc {
		return func(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
			claims = slices.Clone(claims)
			for i := range claims {
				change(&claims[i])
			}
			return next(ctx, claims, holder, ttl)
		}
	})
}

func brokenClaims() []defect {
	return []defect{
		{
			name: "leases are anybody's",
			wrap: changedTry(func(next tryLeasesFunc, _ *backend) tryLeasesFunc {
				return func(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
					leases, err := next(ctx, claims, "everybody", ttl)
					for i := range leases {
						leases[i].Holder = holder
					}
					return leases, err
				}
			}),
			fails: []string{
				"lease-is-exclusive", "lease-goes-to-one-of-many", "lease-until", "lease-runs-out", "lease-is-extended",
				"lease-dropped-by-holder-only", "lease-dropped-late", "odd-lease-names", "name-spaces-apart",
				"leases-in-order", "leases-any-number", "leases-read", "lease-notes", "lease-gained", "leases-dropped-together",
			},
		},
		{
			name: "only the first leases of a call are taken",
			wrap: changedTry(func(next tryLeasesFunc, _ *backend) tryLeasesFunc {
				return func(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
					leases, err := next(ctx, claims[:min(len(claims), 1000)], holder, ttl)
					return append(leases, make([]ports.Lease, max(0, len(claims)-1000))...), err
				}
			}),
			fails: []string{"leases-any-number"},
		},
		{
			name: "leases are returned in an order of their own",
			wrap: changedTry(func(next tryLeasesFunc, _ *backend) tryLeasesFunc {
				return func(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
					claims = slices.SortedFunc(slices.Values(claims), func(a, b ports.Claim) int { return strings.Compare(a.Name, b.Name) })
					return next(ctx, claims, holder, ttl)
				}
			}),
			fails: []string{"leases-in-order"},
		},
		{
			name: "reading leases takes them",
			wrap: func(s *shim, _ *backend) {
				s.leases = func(ctx context.Context, names []string) ([]ports.Lease, error) {
					var claims []ports.Claim
					for _, name := range names {
						claims = append(claims, ports.Claim{Name: name})
					}
					return s.Store.TryLeases(ctx, claims, "reader", time.Minute)
				}
			},
			fails: []string{"leases-read"},
		},
		{
			name: "leases that ran out are read as if they had not",
			wrap: func(s *shim, b *backend) {
				read := s.leases
				s.leases = func(ctx context.Context, names []string) ([]ports.Lease, error) {
					leases, err := read(ctx, names)
					for i, name := range names {
						if err == nil && leases[i].Holder != "" {
							b.shared.Store("last of "+name, leases[i])
						} else if last, ok := b.shared.Load("last of " + name); ok && err == nil {
							leases[i] = last.(ports.Lease)
						}
					}
					return leases, err
				}
			},
			fails: []string{"leases-read"},
		},
		{
			name:  "a lease is always gained",
			wrap:  changedLeases(func(l *ports.Lease, holder string) { l.Gained = l.Holder == holder }),
			fails: []string{"lease-gained"},
		},
		{
			name:  "a lease is never gained",
			wrap:  changedLeases(func(l *ports.Lease, _ string) { l.Gained = false }),
			fails: []string{"lease-gained"},
		},
		{
			name: "lease names are folded to lower case",
			wrap: func(s *shim, b *backend) {
				changedClaims(func(c *ports.Claim) { c.Name = strings.ToLower(c.Name) })(s, b)
				drop := s.drop
				s.drop = func(ctx context.Context, names []string, holder string) error {
					names = slices.Clone(names)
					for i := range names {
						names[i] = strings.ToLower(names[i])
					}
					return drop(ctx, names, holder)
				}
			},
			fails: []string{"odd-lease-names"},
		},
	}
}

func brokenLeaseTimes() []defect {
	return []defect{
		{
			name: "leases never run out",
			wrap: changedTry(func(next tryLeasesFunc, _ *backend) tryLeasesFunc {
				return func(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
					leases, err := next(ctx, claims, holder, 24*time.Hour)
					for i := range leases {
						leases[i].Until = leases[i].Until.Add(ttl - 24*time.Hour)
					}
					return leases, err
				}
			}),
			fails: []string{"lease-runs-out", "lease-shortest", "lease-dropped-late", "leases-read", "lease-gained", "leases-in-order"},
			open:  []string{"lease-until"},
		},
		{
			name: "leases run out early",
			wrap: changedTry(func(next tryLeasesFunc, _ *backend) tryLeasesFunc {
				return func(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
					leases, err := next(ctx, claims, holder, ttl/1000)
					for i := range leases {
						if leases[i].Holder == holder {
							leases[i].Until = leases[i].Until.Add(ttl - ttl/1000)
						}
					}
					return leases, err
				}
			}),
			fails: []string{"lease-is-extended", "lease-until", "lease-runs-out", "leases-in-order", "leases-read"},
			open:  []string{"lease-gained", "leases-any-number"},
		},
		{
			name: "leases are not extended",
			wrap: changedTry(func(next tryLeasesFunc, b *backend) tryLeasesFunc {
				return func(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
					var leases []ports.Lease
					for _, c := range claims {
						if l, ok := b.shared.Load(c.Name + holder); ok && b.time().Before(l.(ports.Lease).Until) {
							leases = append(leases, l.(ports.Lease))
							continue
						}
						got, err := next(ctx, []ports.Claim{c}, holder, ttl)
						if err != nil {
							return nil, err
						}
						if leases = append(leases, got[0]); got[0].Holder == holder {
							b.shared.Store(c.Name+holder, got[0])
						}
					}
					return leases, nil
				}
			}),
			fails: []string{"lease-is-extended", "lease-until", "lease-notes", "lease-gained"},
			// What it remembers of a lease outlives DropLeases and Close, and it does not call the store for no lease.
			open: []string{"lease-dropped-by-holder-only", "name-spaces-apart", "closed-calls", "unavailable-*", "context-ended-before"},
		},
		{
			name: "until is not returned to those who wait",
			wrap: changedLeases(func(l *ports.Lease, holder string) {
				if l.Holder != holder {
					l.Until = time.Time{}
				}
			}),
			fails: []string{"lease-until", "lease-runs-out", "leases-in-order", "lease-notes"},
		},
	}
}

func brokenNotes() []defect {
	return []defect{
		{
			name: "a claim without a note empties the note",
			wrap: changedClaims(func(c *ports.Claim) {
				if c.Note == "" {
					c.Note = " "
				}
			}),
			fails: []string{"lease-notes", "leases-in-order"},
		},
		{
			name:  "notes are not kept",
			wrap:  changedClaims(func(c *ports.Claim) { c.Note = "" }),
			fails: []string{"lease-notes", "leases-in-order", "leases-any-number", "leases-read"},
		},
		{
			name:  "notes are cut off",
			wrap:  changedClaims(func(c *ports.Claim) { c.Note = c.Note[:min(len(c.Note), 255)] }),
			fails: []string{"lease-notes"},
		},
		{
			name:  "notes end at a zero byte",
			wrap:  changedClaims(func(c *ports.Claim) { c.Note, _, _ = strings.Cut(c.Note, "\x00") }),
			fails: []string{"lease-notes"},
		},
		{
			name: "a note is the holder's alone",
			wrap: changedLeases(func(l *ports.Lease, holder string) {
				if l.Holder != holder {
					l.Note = ""
				}
			}),
			fails: []string{"lease-notes", "leases-in-order"},
		},
	}
}

func brokenDrops() []defect {
	return []defect{
		{
			name: "leases are dropped by anybody",
			wrap: func(s *shim, b *backend) {
				try, drop := s.tryLeases, s.drop
				s.tryLeases = func(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
					leases, err := try(ctx, claims, holder, ttl)
					for i, l := range leases {
						b.shared.Store("holder of "+claims[i].Name, l.Holder)
					}
					return leases, err
				}
				s.drop = func(ctx context.Context, names []string, holder string) error {
					for _, name := range names {
						current := holder
						if known, ok := b.shared.Load("holder of " + name); ok {
							current = known.(string)
						}
						if err := drop(ctx, []string{name}, current); err != nil {
							return err
						}
					}
					return nil
				}
			},
			fails: []string{"lease-dropped-by-holder-only", "lease-dropped-late", "leases-dropped-together"},
		},
		{
			name: "leases are not dropped",
			wrap: func(s *shim, _ *backend) {
				drop := s.drop
				s.drop = func(ctx context.Context, names []string, _ string) error { return drop(ctx, names, "nobody") }
			},
			fails: []string{"lease-dropped-by-holder-only", "odd-lease-names", "leases-any-number", "leases-read", "lease-gained", "leases-dropped-together"},
		},
		{
			name: "only the first of several leases is dropped",
			wrap: func(s *shim, _ *backend) {
				drop := s.drop
				s.drop = func(ctx context.Context, names []string, holder string) error {
					return drop(ctx, names[:min(1, len(names))], holder)
				}
			},
			fails: []string{"leases-any-number", "leases-dropped-together"},
		},
	}
}
