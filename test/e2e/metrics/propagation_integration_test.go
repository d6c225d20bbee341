//go:build integration

package metrics_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/rediscontainers"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// A node that follows another one through Redis never asks upstream. What it measures is
// right all the same, whatever upstream's clock says.
func TestPropagationByRedis(t *testing.T) {
	redis := rediscontainers.Single(t)
	for n, ahead := range []time.Duration{0, 10 * time.Minute, -10 * time.Minute} {
		t.Run(fmt.Sprintf("clock %v ahead", ahead), func(t *testing.T) {
			t.Parallel()
			upstream := harness.StartUpstream(t)
			config := upstream.Serve(t, environment(time.Now().Add(-time.Hour), ahead))
			config["api_poll_frequency_seconds"] = 1
			config["store"] = map[string]any{"url": redis.URL, "prefix": fmt.Sprintf("propagation%d", n)}
			nodes := []node{start(t, config), start(t, config)}
			changed := time.Now()
			if err := upstream.PutEnvironment(t.Context(), environment(changed, ahead)); err != nil {
				t.Fatal(err)
			}
			counted := map[string]float64{} // seconds, by how a node learned of the change
			wait.Until(t, harness.StartTimeout, "the change on both nodes", func() bool {
				for _, n := range nodes {
					for _, via := range []string{"poll", "store"} {
						h := find(n.scrape(t)["edge_proxy_document_propagation_seconds"], "via", via).GetHistogram()
						if h.GetSampleCount() == 1 {
							counted[via] = h.GetSampleSum()
						}
					}
				}
				return len(counted) == 2
			})
			// Date has whole seconds, so that a clock is known to a second.
			for via, sum := range counted {
				if most := time.Since(changed) + time.Second; sum < 0 || sum > most.Seconds() {
					t.Errorf("by %s: a change that took %v s, want at most %v", via, sum, most)
				}
			}
		})
	}
}
