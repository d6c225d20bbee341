package sse_test

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi/sse"
)

// wantStats checks the counts, of which those that are zero may be left out.
func wantStats(t *testing.T, s *sse.Streams, want sse.Stats) {
	t.Helper()
	got := s.Stats()
	maps.DeleteFunc(got.Closed, func(_ string, n int64) bool { return n == 0 })
	if got.Open != want.Open || got.Shared != want.Shared || got.Events != want.Events || !maps.Equal(got.Closed, want.Closed) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestStreamsAreCountedByTheirEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams, told, pipes := serve(t)
		wantStats(t, streams, sse.Stats{})
		good := listen(t, pipes)
		listen(t, pipes) // and reads nothing any more
		leaving := pipes.dial()
		block(t, openStream(t, leaving))
		synctest.Wait()
		wantStats(t, streams, sse.Stats{Open: 3})

		_ = leaving.Close()
		synctest.Wait()
		wantStats(t, streams, sse.Stats{Open: 2, Closed: map[string]int64{"gone": 1}})

		told.send(time.UnixMicro(1767323045000000))
		block(t, good)
		block(t, good) // the heartbeat, by which time the stalled one is dropped
		synctest.Wait()
		wantStats(t, streams, sse.Stats{Open: 1, Events: 1, Closed: map[string]int64{"gone": 1, "slow": 1}})

		told.end()
		wantEnd(t, good)
		synctest.Wait()
		wantStats(t, streams, sse.Stats{Events: 1, Closed: map[string]int64{"gone": 1, "slow": 1, "removed": 1}})
	})
}

func TestStreamsThatAShutdownEndsAreDrained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams, _, pipes := serve(t)
		events := listen(t, pipes)
		go streams.End()
		wantEnd(t, events)
		wantEnd(t, listen(t, pipes)) // one that comes late
		synctest.Wait()
		wantStats(t, streams, sse.Stats{Closed: map[string]int64{"drain": 2}})
	})
}
