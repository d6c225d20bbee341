package standard

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"time"
)

// By itself the garbage collector runs whenever the heap has doubled. With a
// small document that is every 4 MB, dozens of times a second under load. So a
// proxy that is busy and has a small heap leaves the collector more room: a few
// megabytes for some hundredths of its processor time (docs/performance.md). One
// that is idle, or has large documents, goes on as Go does.
const (
	// busyRoom is how many bytes are allocated between two collections of a busy
	// proxy, at least.
	busyRoom = 8 << 20
	// usualRoom is the room in percent of the heap that Go leaves.
	usualRoom = 100
	// A proxy is busy that allocates busyBytes within busyTime.
	busyBytes = 32 << 20
	busyTime  = 2 * time.Second
	// looks is how often a busy proxy's heap is looked at. A document that is
	// compiled while a collection goes on makes the heap large for once, and what
	// tells of collections may come late when all processors are busy: room in
	// percent of such a heap would be some fifty megabytes.
	looks = 20 * time.Millisecond
)

// room decides how much room the collector gets. The zero value takes the proxy
// for idle.
type room struct {
	busy      bool
	since     time.Time // of what follows
	allocated uint64
}

// at returns the room in percent of the heap, to be set at now: allocated is how many
// bytes have ever been allocated, live how many of them the last collection left.
func (r *room) at(now time.Time, allocated, live uint64) int {
	took := now.Sub(r.since)
	if enough := allocated-r.allocated >= busyBytes; enough || took > busyTime {
		r.busy = enough && took <= busyTime
		r.since, r.allocated = now, allocated
	}
	if !r.busy {
		return usualRoom
	}
	return max(usualRoom, int(busyRoom*100/max(live, 1)))
}

// collect adapts the collector's room to the load, unless the operator has set it
// by GOGC. It ends, and takes it back, when the function returned is called.
func (p *program) collect(ctx context.Context) (stop func()) {
	if slices.ContainsFunc(p.Environ, func(v string) bool { return strings.HasPrefix(v, "GOGC=") }) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { adaptRoom(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

func adaptRoom(ctx context.Context) {
	percent := usualRoom
	before := debug.SetGCPercent(percent)
	defer func() { debug.SetGCPercent(before) }()
	heap := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}}
	collected := make(chan struct{}, 1)
	tellCollected(collected)
	look := time.NewTimer(looks)
	look.Stop() // idle
	defer look.Stop()
	var r room
	for {
		select {
		case <-ctx.Done():
			return
		case <-collected:
			tellCollected(collected)
		case <-look.C:
		}
		metrics.Read(heap)
		wanted := r.at(time.Now(), heap[0].Value.Uint64(), heap[1].Value.Uint64())
		// Setting it stops everything for a moment, so not for a trifle.
		if wanted < percent*4/5 || wanted > percent*5/4 {
			percent = wanted
			debug.SetGCPercent(percent)
		}
		if r.busy {
			look.Reset(looks)
		} else {
			look.Stop()
		}
	}
}

// tellCollected sends to c after the next collection.
func tellCollected(c chan<- struct{}) {
	garbage := new([16]byte) // as small as may be collected by itself
	runtime.AddCleanup(garbage, func(c chan<- struct{}) { c <- struct{}{} }, c)
}
