package reporting_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/edge-proxy/edge-proxy/app/reporting"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

// Every request is pending, then sent or dropped, and counted once, also while the store does
// not answer.
func TestProgressOfUsage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		p := start(t, u, sharedmemory.New(), "node")
		check := func(when string, pending, sent, refused int64) {
			t.Helper()
			got := p.Progress()
			if got.Pending != pending || got.Sent != sent || got.Dropped[reporting.DroppedRefused] != refused || got.LastSuccess.IsZero() != (sent == 0) {
				t.Errorf("%s: %+v, want %d pending, %d sent, %d refused", when, got, pending, sent, refused)
			}
		}
		answer := make(chan struct{})
		u.script(func(ctx context.Context, _ int, _ domain.UsageBatch) (bool, error) {
			select {
			case <-answer:
				return true, nil
			case <-ctx.Done():
				return false, ctx.Err()
			}
		})
		p.served(2)
		check("after requests", 2, 0, 0)
		pass(interval)
		check("while upstream does not answer", 2, 0, 0)
		p.served(3)
		check("after more requests", 5, 0, 0)
		stuck := make(chan struct{})
		p.stuck.Store(&stuck)
		pass(interval)
		check("while the store does not answer either", 5, 0, 0)
		p.served(1)
		check("after requests meanwhile", 6, 0, 0)
		close(answer)
		synctest.Wait()
		check("while only the store does not answer", 6, 0, 0)
		u.failing(errDenied)
		p.stuck.Store(nil)
		close(stuck)
		pass(interval)
		check("after the store has answered, and upstream has refused what came then", 0, 2, 4)
	})
}
