//go:build integration

package redis_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/storetest"
	"github.com/edge-proxy/edge-proxy/test/support/rediscontainers"
)

func TestConformanceSingle(t *testing.T) {
	t.Parallel()
	d := rediscontainers.Single(t)
	conform(t, d, d.Stop, d.Start) // away: connections are refused
}

func TestConformanceSecured(t *testing.T) {
	t.Parallel()
	d := rediscontainers.Secured(t, permissions...)
	conform(t, d.Deployment, d.Pause, d.Unpause) // away: nothing answers
}

func TestConformanceCluster(t *testing.T) {
	t.Parallel()
	d := rediscontainers.Cluster(t)
	conform(t, d, d.Pause, d.Unpause)
}

func TestConformanceSentinel(t *testing.T) {
	t.Parallel()
	d := rediscontainers.Sentinel(t)
	d.DownAfter(t, time.Minute) // a failover may undo what a case has written
	conform(t, d, d.Pause, d.Unpause)
}

// conform runs the suite against d, each case with a prefix of its own and an
// emptied server.
func conform(t *testing.T, d *rediscontainers.Deployment, away, back func(testing.TB)) {
	var cases atomic.Int64
	storetest.Run(t, storetest.Harness{
		New: func(t *testing.T) storetest.Backend {
			d.Wipe(t)
			prefix := fmt.Sprintf("edge-proxy-%d", cases.Add(1))
			corrupt := func(t *testing.T, name, kind string) {
				server := d.Servers[0]
				if d.Sentinels != nil {
					server = d.Master(t)
				}
				server.Command(t, "HSET", prefix+":{"+escaped(name)+"}:"+kind, "sum", "wrong", "size", "many")
			}
			return storetest.Backend{
				// Machines that run tests may be slow, and the suite counts a time-out
				// as a failure.
				Open: func(t *testing.T) ports.Store { return open(t, d.URL, prefix, "timeout", "4s") },
				Wipe: func(t *testing.T) { d.Wipe(t) },
				// What was acknowledged is in Redis, whatever becomes of this process.
				Crash: func(*testing.T) {},
				Break: func(t *testing.T) { away(t) },
				Mend:  func(t *testing.T) { back(t) },
				Corrupt: func(t *testing.T, key domain.EnvironmentKey) {
					corrupt(t, string(key), "record")
				},
				CorruptState: func(t *testing.T, name string) { corrupt(t, name, "state") },
			}
		},
		Shared:  true,
		Durable: true,
	})
}
