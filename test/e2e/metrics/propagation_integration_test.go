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
			config["store"] = map[string]any{"url": redis.URL.String(), "prefix": fmt.Sprintf("propagation%d", n)}
			nodes := []node{start(t, config), start(t, config)}
			// The follower measures nothing until it has heard of upstream's clock. So there are
			// changes until both nodes have measured one.
			var count map[string]uint64 // by how nodes learned of changes
			var sum map[string]float64  // seconds
			began, changes := time.Now(), 0
			for ; count["poll"] == 0 || count["store"] == 0; changes++ {
				changed := time.Now()
				if err := upstream.PutEnvironment(t.Context(), environment(changed, ahead)); err != nil {
					t.Fatal(err)
				}
				wait.Until(t, harness.StartTimeout, "the change on both nodes", func() bool {
					count, sum = map[string]uint64{}, map[string]float64{}
					served := 0
					for _, n := range nodes {
						families := n.scrape(t)
						if updated := find(families["edge_proxy_document_updated_timestamp_seconds"], "environment", clientKey).GetGauge().GetValue(); updated > float64(changed.Add(ahead-time.Millisecond).UnixMicro())/1e6 {
							served++
						}
						for _, via := range []string{"poll", "store"} {
							h := find(families["edge_proxy_document_propagation_seconds"], "via", via).GetHistogram()
							count[via] += h.GetSampleCount()
							sum[via] += h.GetSampleSum()
						}
					}
					return served == len(nodes)
				})
			}
			// Date has whole seconds, so that a clock is known to a second.
			most := time.Since(began) + time.Duration(changes)*time.Second
			for via, sum := range sum {
				if sum < 0 || sum > most.Seconds() {
					t.Errorf("by %s: %d changes that took %v s, want at most %v", via, count[via], sum, most)
				}
			}
		})
	}
}
