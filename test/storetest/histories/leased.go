package histories

import "time"

// leased is the model of a lease. The zero value is one that nobody has.
type leased struct {
	holder string
	note   string
	// The lease runs out between these times after the history began: when exactly
	// depends on when between its start and its return the call happened.
	earliest, latest time.Duration
}

const (
	// blur is how far the clocks of a store's handles and its backend may be apart while a
	// lease lasts, and how coarse they are.
	blur = 5 * time.Millisecond
	// whenever is when a lease runs out of which it is not known when it began.
	whenever = time.Duration(never)
)

// mayBeFree reports whether nobody had the lease at some time before end.
func (l leased) mayBeFree(end time.Duration) bool { return l.holder == "" || end+blur >= l.earliest }

// mayBeHeld reports whether somebody had the lease at some time after start.
func (l leased) mayBeHeld(start time.Duration) bool { return l.holder != "" && start-blur <= l.latest }

// leases is how a lease changes with a call that returned out: to one of the values
// returned, and not at all if there is none.
func leases(l leased, in input, out output) []leased {
	switch in.method {
	case methodTry:
		return l.try(in, out)
	case methodLeases:
		return l.read(in, out)
	case methodDrop:
		next := l
		if l.holder == in.holder {
			next = leased{note: l.note}
		}
		if out.unknown {
			return []leased{l, next}
		}
		return only(next, out.err == nil)
	}
	return nil
}

func (l leased) try(in input, out output) []leased {
	note := in.note
	if note == "" {
		note = l.note
	}
	if out.unknown {
		next := leased{in.holder, note, in.asked + in.ttl, whenever}
		forgotten := next
		forgotten.note = in.note // the note of a lease that nobody has may be lost
		return []leased{l, next, forgotten}
	}
	got := out.lease
	switch {
	case out.err != nil:
		return nil
	case got.Holder != in.holder:
		return only(l, got.Holder == l.holder && l.mayBeHeld(in.asked) && got.Note == l.note)
	case got.Gained:
		next := leased{in.holder, got.Note, in.asked + in.ttl, out.answered + in.ttl}
		return only(next, l.mayBeFree(out.answered) && (got.Note == note || got.Note == in.note))
	default:
		next := leased{in.holder, note, in.asked + in.ttl, out.answered + in.ttl}
		return only(next, l.holder == in.holder && l.mayBeHeld(in.asked) && got.Note == note)
	}
}

func (l leased) read(in input, out output) []leased {
	got := out.lease
	if out.err != nil {
		return nil
	}
	if got.Holder == "" {
		return only(leased{note: got.Note}, l.mayBeFree(out.answered) && (got.Note == l.note || got.Note == ""))
	}
	return only(l, got.Holder == l.holder && l.mayBeHeld(in.asked) && got.Note == l.note)
}
