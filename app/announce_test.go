package app

import (
	"testing"
	"time"
)

func TestAnnouncementsAreCoalescedAndWaitForNobody(t *testing.T) {
	a := newAnnouncer()
	one, stopOne := a.Listen("a")
	two, stopTwo := a.Listen("a")
	other, stopOther := a.Listen("b")
	first, second := time.Unix(1, 0), time.Unix(2, 0)
	a.announce(&Environment{Key: "a", UpdatedAt: first})
	if got := <-one; !got.Equal(first) {
		t.Errorf("heard %v, want %v", got, first)
	}
	a.announce(&Environment{Key: "a", UpdatedAt: second}) // two has not taken the first
	if got := <-two; !got.Equal(second) {
		t.Errorf("heard %v, want the last, %v", got, second)
	}
	select {
	case got := <-other:
		t.Errorf("heard %v of another environment", got)
	default:
	}
	for _, stop := range []func(){stopOne, stopTwo, stopOther, stopOther} {
		stop()
	}
	if len(a.listeners) != 0 {
		t.Errorf("%d environments still have listeners", len(a.listeners))
	}
	a.announce(&Environment{Key: "a"})
}
