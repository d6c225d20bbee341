package httpapi_test

import (
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

// Limits that are off are a comparison with nil in each place: a hundredth of what the
// handler does for the cheapest request, which is itself a small part of serving it. Whatever
// they computed would be a tenth and more. Both are timed in turns, and the fastest rounds
// compared.
func TestLimitsThatAreOffCostNothing(t *testing.T) {
	p := profileRequests(t, nil)["flags"]
	api, entry := p.api.(*httpapi.API), app.Entry{Key: profile.ClientKey, Access: domain.ServerSide}
	const rounds, requests = 20, 2000
	whole, checks := time.Hour, time.Hour
	for range rounds {
		began := time.Now()
		for range requests {
			p.ask()
		}
		whole = min(whole, time.Since(began))
		began = time.Now()
		for range requests {
			if err := httpapi.Admit(api, p.request, entry); err != nil {
				t.Fatal(err)
			}
		}
		checks = min(checks, time.Since(began))
	}
	share := float64(checks) / float64(whole)
	t.Logf("%v of %v: %.2f %%", checks/requests, whole/requests, 100*share)
	if share > 0.1 {
		t.Errorf("limits that are off take %.1f %% of a request", 100*share)
	}
}
