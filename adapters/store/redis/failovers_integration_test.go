//go:build integration && full

package redis_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/storetest/histories"
	"github.com/edge-proxy/edge-proxy/test/support/rediscontainers"
)

// A failover may undo what was acknowledged, leases too. Each record, state and lease is then
// as it was at some time before, and from there on there is one copy again.
func TestHistoriesOfFailovers(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]struct {
		begin, end func(*rediscontainers.Server, testing.TB)
	}{
		"killed": {(*rediscontainers.Server).Kill, (*rediscontainers.Server).Start},
		"hangs":  {(*rediscontainers.Server).Pause, (*rediscontainers.Server).Unpause},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := rediscontainers.Sentinel(t)
			direct := func(prefix string) ports.Store { return open(t, d.URL, prefix, "timeout", "200ms") }
			explained(t, name, direct, direct, true, func(h *histories.History) {
				former := d.Master(t)
				h.Failover(func() {
					fail.begin(former, t)
					d.AwaitFailover(t, former)
					fail.end(former, t)
					eventually(t, 90*time.Second, func(context.Context) error { return follows(t, former) })
				})
			})
		})
	}
}

// follows returns an error unless a server is a replica that has all of its master's data.
func follows(t *testing.T, server *rediscontainers.Server) error {
	t.Helper()
	if !strings.Contains(server.Command(t, "INFO", "replication"), "master_link_status:up") {
		return errors.New("not a replica yet")
	}
	return nil
}
