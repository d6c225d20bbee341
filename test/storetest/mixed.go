package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// concurrentUse has many callers use every method on few names at once. The race
// detector judges, and errors that cannot come of it fail.
func concurrentUse(c *check) {
	handles := c.openFour()
	body := []byte("shared by all callers, and nobody's to change")
	expected := func(err error) bool {
		return err == nil || errors.Is(err, ports.ErrConflict) || errors.Is(err, ports.ErrNotFound) ||
			errors.Is(err, errors.ErrUnsupported) || errors.Is(err, context.Canceled)
	}
	c.together(c.amount(16), func(ctx context.Context, i int) {
		s := handles[i%len(handles)].store
		for round := range 6 {
			key := domain.EnvironmentKey(fmt.Sprintf("key-%d", round%2))
			now, err := s.Stat(ctx, key)
			errs := []error{err}
			_, err = s.Put(ctx, ports.Record{Key: key, Body: body}, now.Version)
			errs = append(errs, err)
			r, err := s.Get(ctx, key)
			errs = append(errs, err, s.Touch(ctx, key, r.Version, time.Unix(int64(round), 0)))
			if err == nil && string(r.Body) != string(body) {
				c.errorf("Get returned %s, want %s", excerpt(r.Body), excerpt(body))
			}
			_, err = s.List(ctx)
			errs = append(errs, err)
			_, err = s.TryLeases(ctx, []ports.Claim{{Name: "lease", Note: "note"}, {Name: "other lease"}}, fmt.Sprint(i), time.Second)
			errs = append(errs, err)
			_, err = s.Leases(ctx, []string{"lease", "other lease"})
			errs = append(errs, err, s.DropLeases(ctx, []string{"lease", "other lease"}, fmt.Sprint(i)))
			_, v, err := s.GetState(ctx, "state")
			errs = append(errs, err)
			_, err = s.PutState(ctx, "state", body, v)
			errs = append(errs, err)
			if round%3 == 2 {
				errs = append(errs, s.Delete(ctx, key))
			}
			watch, stop := context.WithCancel(ctx)
			keys := []domain.EnvironmentKey{key}
			errs = append(errs, s.Watch(watch, keys, func(domain.EnvironmentKey) { stop() }))
			keys[0] = "changed by the caller"
			stop()
			for _, err := range errs {
				if !expected(err) {
					c.errorf("caller %d, round %d: %v", i, round, err)
					return
				}
			}
		}
	})
}
