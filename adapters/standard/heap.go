package standard

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// heapHeadroom is how many bytes of garbage may collect beside a live heap that is
	// not larger. Go's default would be as much as is live, whatever that is: with
	// thousands of environments the garbage takes as much memory as the documents.
	heapHeadroom = 24 << 20
	// leastHeapHeadroom is the smallest share of the live heap, in percent. Less would
	// make the collector run too often under load.
	leastHeapHeadroom = 25
	// heapCheck is the time between two looks at the live heap.
	heapCheck = 2 * time.Second
)

// boundGarbage adapts the collector to the live heap until ctx ends. The variable GOGC
// takes precedence: where it is set, boundGarbage is not to be called.
func boundGarbage(ctx context.Context) {
	ticker := time.NewTicker(heapCheck)
	defer ticker.Stop()
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	set, grown := 100, false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		metrics.Read(live)
		switch percent := headroomPercent(live[0].Value.Uint64()); {
		case percent != set:
			grown = grown || percent < set
			set = percent
			debug.SetGCPercent(percent)
		case grown: // and has settled: what the growth left behind goes back to the system
			grown = false
			debug.FreeOSMemory()
		}
	}
}

// headroomPercent returns the value of GOGC for a live heap, in steps so that it does
// not change all the time.
func headroomPercent(live uint64) int {
	const step = 10
	percent := 100 * heapHeadroom / max(live, 1) / step * step
	return int(min(100, max(leastHeapHeadroom, percent)))
}
