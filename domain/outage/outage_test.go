package outage_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/domain/outage"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// due returns after how many minutes failures of one outage are logged, when there is
// one every ten seconds.
func due(failed func(now time.Time) bool, lasts time.Duration) (minutes []int) {
	for at := time.Duration(0); at < lasts; at += 10 * time.Second {
		if failed(began.Add(at)) {
			minutes = append(minutes, int(at.Minutes()))
		}
	}
	return minutes
}

func TestRemindersOfAnOutage(t *testing.T) {
	var o outage.Outage
	if o.Lasts() {
		t.Error("an outage lasts before the first failure")
	}
	got := due(func(now time.Time) bool { return o.Failed(now, "") }, 4*time.Hour)
	if want := []int{0, 1, 5, 15, 60, 120, 180}; !slices.Equal(got, want) {
		t.Errorf("logged after %v minutes, want %v", got, want)
	}
	was, ended := o.End()
	if !ended || was.Failures != 4*360 || !was.Since.Equal(began) {
		t.Errorf("ended %v with %+v", ended, was)
	}
	if _, again := o.End(); again || o.Lasts() {
		t.Error("it is over twice")
	}
	if !o.Failed(began.Add(5*time.Hour), "") || !o.Summary().Since.Equal(began.Add(5*time.Hour)) {
		t.Error("the next failure does not begin another outage")
	}
}

// TestSilenceBetweenAttempts: of reminders that were missed there is one line.
func TestSilenceBetweenAttempts(t *testing.T) {
	var o outage.Outage
	o.Failed(began, "")
	if !o.Failed(began.Add(30*time.Minute), "") || o.Failed(began.Add(31*time.Minute), "") || !o.Failed(began.Add(61*time.Minute), "") {
		t.Error("missed reminders are not one line")
	}
}

func TestAKindOfFailureIsDueOnce(t *testing.T) {
	var o outage.Outage
	for i, want := range []bool{true, true, false, false} {
		if got := o.Failed(began.Add(time.Duration(i)*time.Second), fmt.Sprint(i%2)); got != want {
			t.Errorf("failure %d: due is %v", i, got)
		}
	}
}

func TestAttributes(t *testing.T) {
	s := outage.Summary{Failures: 3, Since: began.Add(1234567 * time.Microsecond)}
	if got := fmt.Sprint(s.After(began.Add(time.Hour))); got != "[failures 3 since 2026-03-01T12:00:01.234Z after 59m58.765s]" {
		t.Errorf("got %s", got)
	}
	if got := fmt.Sprint(s.After(began)); got != "[failures 3 since 2026-03-01T12:00:01.234Z after 0s]" { // the clock was set back
		t.Errorf("got %s", got)
	}
}

// script is a round of members, which succeed unless it says otherwise, and returns who
// is logged.
type script struct {
	t    *outage.Tracker[string]
	now  time.Time
	over []outage.Summary
}

func newScript() *script { return &script{t: outage.NewTracker[string](), now: began} }

// round has "MEMBER" for a success, "MEMBER!" for a refusal, and "MEMBER?" for a failure of the origin.
func (s *script) round(members ...string) (logged []string) {
	s.now = s.now.Add(10 * time.Second)
	s.over = nil
	for _, m := range members {
		name, how := m[:1], m[1:]
		if how == "" {
			s.over = append(s.over, s.t.Succeeded(name)...)
			continue
		}
		reach := outage.Member
		if how == "?" {
			reach = outage.Origin
		}
		summary, due, over := s.t.Failed(s.now, name, reach, how)
		s.over = append(s.over, over...)
		if due {
			logged = append(logged, fmt.Sprintf("%s%d", name, summary.Members))
		}
	}
	return logged
}

func (s *script) expect(t *testing.T, over int, logged []string, members ...string) {
	t.Helper()
	if got := s.round(members...); !slices.Equal(got, logged) {
		t.Errorf("%v: logged %v, want %v", members, got, logged)
	}
	if len(s.over) != over {
		t.Errorf("%v: over are %+v, want %d", members, s.over, over)
	}
}

func TestAnOriginThatIsAwayIsOneOutage(t *testing.T) {
	s := newScript()
	s.expect(t, 0, []string{"a1"}, "a?", "b?", "c?")
	for range 5 {
		s.expect(t, 0, nil, "a?", "b?", "c?")
	}
	s.expect(t, 0, []string{"a3"}, "a?", "b?", "c?") // after a minute
	s.expect(t, 0, nil, "a", "b", "c?")
	s.expect(t, 1, nil, "a", "b", "c")
	if was := s.over[0]; was.Failures != 22 || !was.Since.Equal(began.Add(10*time.Second)) {
		t.Errorf("over is %+v", was)
	}
}

func TestARefusedMemberHasAnOutageOfItsOwn(t *testing.T) {
	s := newScript()
	s.expect(t, 0, nil, "a", "b", "c")
	s.expect(t, 0, []string{"a1"}, "a!", "b!", "c")
	s.expect(t, 0, []string{"b1"}, "a!", "b!", "c")
	s.expect(t, 0, nil, "a!", "b!", "c")
	s.expect(t, 1, nil, "a", "b!", "c")
	if s.over[0].Failures != 3 {
		t.Errorf("over is %+v, want the failures of a alone", s.over[0])
	}
	s.expect(t, 1, nil, "a", "b", "c")
}

func TestAnOriginThatRefusesEverybodyIsOneOutage(t *testing.T) {
	s := newScript()
	s.expect(t, 0, nil, "a", "b", "c")
	s.expect(t, 0, []string{"a1"}, "a!", "b!", "c!")
	for range 5 {
		s.expect(t, 0, nil, "a!", "b!", "c!")
	}
	s.expect(t, 0, []string{"a3"}, "a!", "b!", "c!")
	// It recovers for a and c: b is refused alone.
	s.expect(t, 1, []string{"b1"}, "a", "b!", "c")
	if was := s.over[0]; was.Members != 3 || was.Failures != 21 {
		t.Errorf("over is %+v, want that of all", was)
	}
	s.expect(t, 1, nil, "a", "b", "c")
}

// TestARefusalEndsTheOutageOfTheOrigin: the origin has answered.
func TestARefusalEndsTheOutageOfTheOrigin(t *testing.T) {
	s := newScript()
	s.expect(t, 0, []string{"a1"}, "a?", "b?")
	s.expect(t, 1, []string{"a1"}, "b", "a!")
	s.expect(t, 1, nil, "b", "a")

	// Where nobody succeeds there is nothing good to log.
	s.expect(t, 0, []string{"a1"}, "a?", "b?")
	s.expect(t, 0, []string{"a1"}, "a!", "b!")
	s.expect(t, 1, nil, "a", "b")
}

func TestAMemberThatLeavesIsForgotten(t *testing.T) {
	s := newScript()
	s.expect(t, 0, []string{"a1"}, "a?", "b?")
	s.t.Leave("b")
	s.expect(t, 1, nil, "a")
	s.expect(t, 0, []string{"b1"}, "b!")
	s.t.Leave("b")
	s.expect(t, 0, []string{"b1"}, "b!")
}

// TestTheEndOfAnOutageOfAllIsOneLine: the first one that succeeds ends it for all.
func TestTheEndOfAnOutageOfAllIsOneLine(t *testing.T) {
	s := newScript()
	s.expect(t, 0, []string{"a1"}, "a!", "b!", "c!")
	s.expect(t, 1, nil, "b", "a", "c")
	s.expect(t, 0, nil, "a", "b", "c")
	// Of a member that goes on to fail there is a line again.
	s.expect(t, 0, []string{"a1"}, "a!", "b!", "c!")
	s.expect(t, 1, []string{"a1"}, "b", "a!", "c")
	s.expect(t, 1, nil, "b", "a", "c")
}
