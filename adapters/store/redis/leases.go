package redis

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/edge-proxy/edge-proxy/ports"
)

// All leases of a fleet are the fields of one hash, so that a node asks for those of
// all its environments with one command. The hash expires leasesLife after it was
// made, whatever happens to it, and what is left of that time is the clock by which
// leases run out: Redis has no other that scripts may read with the permissions that
// this store needs. So leases of names that are no longer used do not stay forever. Once
// in leasesLife all leases are free for a moment.
//
// A field is
//
//	UNTIL SIZE HOLDERNOTE
//
// where UNTIL is when the lease runs out, in milliseconds after the hash was made (0: it
// was given back), and SIZE is the number of bytes of HOLDER.

const (
	// leasesLife is part of the format: nodes of one fleet must agree on it.
	leasesLife = 7 * 24 * time.Hour
	// leasesPerCall bounds how long one command keeps Redis from others.
	leasesPerCall = 5000
)

// TryLeases implements ports.Leaser. A lease that it returns as the holder's runs out
// here no later than in Redis: its time counts from before Redis was asked.
func (s *store) TryLeases(ctx context.Context, claims []ports.Claim, holder string, ttl time.Duration) ([]ports.Lease, error) {
	const call = "try leases"
	ttl = ttl.Truncate(time.Millisecond)
	if ttl < time.Millisecond {
		return nil, failure(ctx, call, fmt.Errorf("%w: ttl is less than a millisecond", errInvalid))
	}
	leases := make([]ports.Lease, 0, len(claims))
	err := s.chunked(ctx, call, len(claims), func(from, to int) error {
		arguments := []any{leasesLife.Milliseconds(), holder, ttl.Milliseconds()}
		for _, c := range claims[from:to] {
			arguments = append(arguments, c.Name, c.Note)
		}
		asked := s.now()
		answers, err := do(ctx, s, call, s.patience(0), func(ctx context.Context) ([]string, error) {
			return s.scripts.tryLeases.Run(ctx, s.client, []string{s.names.leases()}, arguments...).StringSlice()
		})
		if err != nil {
			return err
		}
		if len(answers) != to-from+1 {
			return failure(ctx, call, fmt.Errorf("%d answers to %d claims", len(answers)-1, to-from))
		}
		now, clock := s.now(), parseClock(answers[0])
		for _, answer := range answers[1:] {
			how, field := answer[:1], answer[1:]
			l := parseLease(field, now, clock)
			if how != answerOthers {
				l.Holder, l.Until, l.Gained = holder, asked.Add(ttl), how == answerGained
			}
			leases = append(leases, l)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return leases, nil
}

// Leases implements ports.Leaser.
func (s *store) Leases(ctx context.Context, names []string) ([]ports.Lease, error) {
	const call = "leases"
	leases := make([]ports.Lease, 0, len(names))
	err := s.chunked(ctx, call, len(names), func(from, to int) error {
		chunk := slices.Clone(names[from:to]) // do may outlast the call
		read, err := do(ctx, s, call, s.patience(0), func(ctx context.Context) (leaseFields, error) {
			return s.leaseFields(ctx, chunk)
		})
		if err != nil {
			return err
		}
		now := s.now()
		for _, field := range read.fields {
			text, _ := field.(string) // "" for a lease that never was
			leases = append(leases, parseLease(text, now, read.clock))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return leases, nil
}

// DropLeases implements ports.Leaser.
func (s *store) DropLeases(ctx context.Context, names []string, holder string) error {
	const call = "drop leases"
	return s.chunked(ctx, call, len(names), func(from, to int) error {
		arguments := []any{holder}
		for _, name := range names[from:to] {
			arguments = append(arguments, name)
		}
		_, err := do(ctx, s, call, s.patience(0), func(ctx context.Context) (string, error) {
			return s.scripts.dropLeases.Run(ctx, s.client, []string{s.names.leases()}, arguments...).Text()
		})
		return err
	})
}

// chunked calls f for parts of n leases until one returns an error. Without any leases it
// only checks that the store may be called.
func (s *store) chunked(ctx context.Context, call string, n int, f func(from, to int) error) error {
	if n == 0 {
		return failure(ctx, call, s.life.Call(ctx, func() error { return nil }))
	}
	for from := 0; from < n; from += leasesPerCall {
		if err := f(from, min(from+leasesPerCall, n)); err != nil {
			return err
		}
	}
	return nil
}

// leaseFields is what is stored of leases, and the clock at that time.
type leaseFields struct {
	fields []any
	clock  time.Duration
}

// leaseFields reads the fields with these names. Another node may make a new hash in
// between, so that a lease seems to last too long; the next call corrects it.
func (s *store) leaseFields(ctx context.Context, names []string) (leaseFields, error) {
	var fields *goredis.SliceCmd
	var left *goredis.DurationCmd
	_, err := s.client.Pipelined(ctx, func(p goredis.Pipeliner) error {
		fields = p.HMGet(ctx, s.names.leases(), names...)
		left = p.PTTL(ctx, s.names.leases())
		return nil
	})
	if err != nil {
		return leaseFields{}, err
	}
	return leaseFields{fields.Val(), leasesLife - left.Val()}, nil
}

// parseClock returns a time of the hash's clock that a script returned.
func parseClock(text string) time.Duration {
	milliseconds, _ := strconv.ParseInt(text, 10, 64) // it is a number that the script made
	return time.Duration(milliseconds) * time.Millisecond
}

// parseLease returns the lease that a field is at now, when the hash's clock shows clock. A
// field that is not a lease's is a lease that nobody has, as it is for the scripts.
func parseLease(field string, now time.Time, clock time.Duration) ports.Lease {
	first, rest, _ := strings.Cut(field, " ")
	second, rest, _ := strings.Cut(rest, " ")
	until, err := strconv.ParseInt(first, 10, 64)
	size, sizeErr := strconv.Atoi(second)
	if err != nil || sizeErr != nil || size < 0 || size > len(rest) {
		return ports.Lease{}
	}
	l := ports.Lease{Note: rest[size:]}
	if left := time.Duration(until)*time.Millisecond - clock; left > 0 {
		l.Holder, l.Until = rest[:size], now.Add(left)
	}
	return l
}
