package standard

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestRoomFollowsTheLoad(t *testing.T) {
	const mb = 1 << 20
	type collection struct {
		after     time.Duration // since the one before
		allocated uint64        // since the one before
		live      uint64
		want      int
	}
	for _, test := range []struct {
		name        string
		collections []collection
	}{
		{"starting", []collection{{5 * time.Millisecond, 4 * mb, 2 * mb, 100}, {5 * time.Millisecond, 6 * mb, 3 * mb, 100}}},
		{"polling", []collection{{time.Minute, 6 * mb, 3 * mb, 100}, {2 * time.Minute, 40 * mb, 3 * mb, 100}}},
		{"busy", []collection{{20 * time.Millisecond, 40 * mb, 3 * mb, 266}, {50 * time.Millisecond, 12 * mb, 4 * mb, 200}}},
		{"busy, then not", []collection{{20 * time.Millisecond, 40 * mb, 3 * mb, 266}, {5 * time.Second, 12 * mb, 3 * mb, 100}, {20 * time.Millisecond, 4 * mb, 3 * mb, 100}}},
		{"busy after all", []collection{{time.Hour, 40 * mb, 3 * mb, 100}, {time.Second, 40 * mb, 3 * mb, 266}}},
		{"a large heap", []collection{{time.Second, 100 * mb, 60 * mb, 100}}},
		{"hardly a heap", []collection{{time.Second, 100 * mb, 0, busyRoom * 100}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			now, allocated := time.Unix(1_000_000, 0), uint64(0)
			r := room{since: now}
			for i, c := range test.collections {
				now, allocated = now.Add(c.after), allocated+c.allocated
				if got := r.at(now, allocated, c.live); got != c.want {
					t.Errorf("after collection %d: %d percent, want %d", i+1, got, c.want)
				}
			}
		})
	}
}

// The collector's room is a setting of the process, so that this test runs alone.
func TestCollectorIsLeftAsItWas(t *testing.T) {
	const own = 77
	percent := func() int {
		now := debug.SetGCPercent(own)
		debug.SetGCPercent(now)
		return now
	}
	defer debug.SetGCPercent(debug.SetGCPercent(own))

	stop := (&program{}).collect(t.Context())
	deadline := time.Now().Add(20 * time.Second)
	var garbage []byte
	for percent() <= usualRoom && time.Now().Before(deadline) { // busy
		for range 100 {
			garbage = make([]byte, 1<<20)
		}
		runtime.KeepAlive(garbage)
	}
	if got := percent(); got <= usualRoom {
		t.Errorf("a busy process with a small heap leaves a room of %d percent", got)
	}
	stop()
	if got := percent(); got != own {
		t.Errorf("afterwards the room is %d percent, it was %d", got, own)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	defer (&program{Process: Process{Environ: []string{"GOGC=50"}}}).collect(ctx)()
	if got := percent(); got != own {
		t.Errorf("with a GOGC of the operator the room is set to %d percent", got)
	}
}
