package standard

import "testing"

func TestHeadroomPercent(t *testing.T) {
	for live, want := range map[uint64]int{0: 100, 1 << 20: 100, 24 << 20: 100, 48 << 20: 50, 80 << 20: 30, 100 << 20: 25, 1 << 40: 25, 1<<64 - 1: 25} {
		if got := headroomPercent(live); got != want {
			t.Errorf("headroomPercent(%d) = %d, want %d", live, got, want)
		}
	}
}
