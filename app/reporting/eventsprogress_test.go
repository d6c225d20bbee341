package reporting_test

import (
	"maps"
	"testing"
	"testing/synctest"

	"github.com/edge-proxy/edge-proxy/app/reporting"
	"github.com/edge-proxy/edge-proxy/ports"
)

// checkProgress compares what has become of events. dropped are those that were full, refused
// and not delivered.
func checkProgress(t *testing.T, when string, f *forwarder, pending, sent int64, dropped ...int64) {
	t.Helper()
	p := f.Progress()
	want := map[reporting.Drop]int64{reporting.DroppedFull: dropped[0], reporting.DroppedRefused: dropped[1], reporting.DroppedNotDelivered: dropped[2]}
	if p.Pending != pending || p.Sent != sent || !maps.Equal(p.Dropped, want) || p.LastSuccess.IsZero() != (sent == 0) {
		t.Errorf("%s: %+v, want %d pending, %d sent, dropped %v", when, p, pending, sent, want)
	}
}

// Every event is pending, then sent or dropped, and counted once.
func TestProgressOfEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCollector()
		f := forward(t, c, nil, "node")
		pass(eventInterval)
		c.failing(errAway)
		checkProgress(t, "at first", f, 0, 0, 0, 0, 0)
		f.accept(t, numbered(0, 5)...)
		pass(3 * eventInterval)
		checkProgress(t, "while upstream is away", f, 5, 0, 0, 0, 0)
		c.poisoned(numbered(3, 1)...)
		pass(10 * eventInterval)
		checkProgress(t, "after one was refused", f, 0, 4, 0, 1, 0)
		c.script(func(ports.EventBatch) (ports.EventReceipt, error) { return ports.EventReceipt{Rejected: 1}, nil })
		f.accept(t, numbered(10, 3)...)
		pass(2 * eventInterval)
		checkProgress(t, "after one was rejected", f, 0, 6, 0, 2, 0)
		f.limit.Store(1)
		if f.Accept(eventSource(), numbered(20, 2)) {
			t.Error("events were accepted without room")
		}
		checkProgress(t, "without room", f, 0, 6, 2, 2, 0)
		f.limit.Store(1 << 20)
		c.failing(errAway)
		f.accept(t, numbered(30, 7)...)
		f.end()
		checkProgress(t, "at the end", f, 0, 6, 2, 2, 7)
	})
}

// Events that a later process takes over are pending there.
func TestProgressOfEventsThatAreTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCollector(), eventsStore(t)
		c.failing(errAway)
		first := forward(t, c, store, "first")
		pass(eventInterval)
		first.accept(t, numbered(0, 5)...)
		pass(2 * eventInterval)
		first.end()
		checkProgress(t, "the first", first, 5, 0, 0, 0, 0)
		second := forward(t, c, store, "second")
		pass(3 * eventInterval)
		checkProgress(t, "the second", second, 5, 0, 0, 0, 0)
		c.failing(nil)
		pass(10 * eventInterval)
		checkProgress(t, "the second, later", second, 0, 5, 0, 0, 0)
	})
}
