package time

import "sync/atomic"

// wallOffset is how many nanoseconds the wall clock of Now is ahead.
var wallOffset atomic.Int64

// SetWallOffset sets how far the wall clock of Now is ahead from now on. Monotonic readings
// stay as they are, as when the time of a machine is set.
func SetWallOffset(d Duration) { wallOffset.Store(int64(d)) }

func offsetWall(sec int64, nsec int32) (int64, int32) {
	total := int64(nsec) + wallOffset.Load()
	sec += total / 1e9
	if total %= 1e9; total < 0 {
		total += 1e9
		sec--
	}
	return sec, int32(total)
}
