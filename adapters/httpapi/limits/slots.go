package limits

import "time"

// Slots limits how much of something is done at a time. Who finds all slots taken waits a
// moment for one. A nil *Slots limits nothing.
type Slots struct {
	taken    chan struct{} // has an element for each slot that is taken
	patience time.Duration
}

// NewSlots returns max slots, each of which is waited for up to patience. It returns nil
// when max is 0 or less.
func NewSlots(max int, patience time.Duration) *Slots {
	if max <= 0 {
		return nil
	}
	return &Slots{taken: make(chan struct{}, max), patience: patience}
}

// Max returns the number of slots, which is 0 for nil.
func (s *Slots) Max() int {
	if s == nil {
		return 0
	}
	return cap(s.taken)
}

// Take takes a slot, which has to be given back. Those who wait get one in the order in
// which they came. It reports false when none becomes free in time, or when cancelled
// is closed first.
func (s *Slots) Take(cancelled <-chan struct{}) bool {
	if s == nil {
		return true
	}
	select {
	case s.taken <- struct{}{}:
		return true
	default:
	}
	late := time.NewTimer(s.patience)
	defer late.Stop()
	select {
	case s.taken <- struct{}{}:
		return true
	case <-late.C:
	case <-cancelled:
	}
	return false
}

// Give gives a slot back.
func (s *Slots) Give() {
	if s != nil {
		<-s.taken
	}
}
