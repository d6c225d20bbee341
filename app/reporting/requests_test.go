package reporting_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/app/reporting"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

// Reporting takes nothing away from the totals, and those of configured environments are
// never reported.
func TestTotalsOutliveReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		p := start(t, u, sharedmemory.New(), "node")
		p.Track(append(discovered("a"), domain.EnvironmentKeys{Client: "configured"}))
		for range 3 {
			p.Count("a", domain.ServedFlags, 0)
			p.Count("a", domain.ServedOFREPFlags, 0)
			p.Count("configured", domain.ServedOFREPIdentities, 0)
			p.Count("unknown", domain.ServedFlags, 0)
			pass(interval)
		}
		p.end()
		if got := u.of("a", domain.ResourceFlags); got != 6 {
			t.Errorf("%d requests for flags are reported, want 6", got)
		}
		if got := u.of("configured", domain.ResourceIdentities); got != 0 {
			t.Errorf("%d requests of a configured environment are reported", got)
		}
		for key, want := range map[domain.EnvironmentKey]reporting.Served{
			"a":          {domain.ServedFlags: 3, domain.ServedOFREPFlags: 3},
			"configured": {domain.ServedOFREPIdentities: 3},
			"unknown":    {},
		} {
			if got := p.Served(key); got != want {
				t.Errorf("%s: %v, want %v", key, got, want)
			}
		}
	})
}

// What was counted while an environment was configured is not reported once it is
// discovered.
func TestDiscoveryReportsNothingOfBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		p := start(t, u, sharedmemory.New(), "node")
		p.Track([]domain.EnvironmentKeys{{Client: "a"}})
		p.Count("a", domain.ServedFlags, 0)
		pass(interval)
		p.Track(discovered("a"))
		p.Count("a", domain.ServedIdentities, 0)
		p.end()
		if flags, identities := u.of("a", domain.ResourceFlags), u.of("a", domain.ResourceIdentities); flags != 0 || identities != 1 {
			t.Errorf("%d flags and %d identities are reported, want 0 and 1", flags, identities)
		}
	})
}

func TestRemovedEnvironmentsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, newUpstream(), sharedmemory.New(), "node")
		p.Track(append(discovered("discovered"), domain.EnvironmentKeys{Client: "configured"}))
		p.Track(nil)
		gone := []domain.EnvironmentKey{"configured", "discovered"}
		for _, key := range gone {
			p.Count(key, domain.ServedFlags, 0) // a request that was under way
			if got := p.Served(key)[domain.ServedFlags]; got != 1 {
				t.Errorf("%s: %d requests, want 1", key, got)
			}
		}
		pass(10 * time.Minute)
		p.Track(nil)
		for _, key := range gone {
			if got := p.Served(key)[domain.ServedFlags]; got != 0 {
				t.Errorf("%s: %d requests are still counted", key, got)
			}
		}
		p.end()
	})
}

// Requests that were under way when their environment was removed are reported, also when they
// end some reports later.
func TestRequestsUnderWayOfARemovedEnvironmentAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		p := start(t, u, sharedmemory.New(), "node", func(p *process) { p.every.Store(int64(10 * time.Second)) })
		p.Track(discovered("b"))
		for _, ended := range []time.Duration{15 * time.Second, 40 * time.Second} {
			pass(ended)
			p.served(3)
		}
		pass(30 * time.Second)
		u.takes(t, "a", 6)
		p.end()
		u.takes(t, "a", 6)
	})
}
