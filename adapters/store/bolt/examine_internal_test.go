//go:build linux || darwin

package bolt

import "testing"

func TestJudgeSpace(t *testing.T) {
	t.Parallel()
	for free, want := range map[uint64]int{0: 1, leastFree - 1: 1, leastFree: 0, 1 << 60: 0} {
		if found := judgeSpace("/data", free); len(found) != want {
			t.Errorf("%d bytes free: %v", free, found)
		}
	}
}
