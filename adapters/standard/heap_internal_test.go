package standard

import "testing"

func TestHeadroomPercent(t *testing.T) {
	for live, want := range map[uint64]int{0: 100, 1 << 20: 100, 32 << 20: 100, 64 << 20: 50, 100 << 20: 30, 1 << 40: 30, 1<<64 - 1: 30} {
		if got := headroomPercent(live); got != want {
			t.Errorf("headroomPercent(%d) = %d, want %d", live, got, want)
		}
	}
}
