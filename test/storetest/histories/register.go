package histories

import (
	"errors"

	"github.com/edge-proxy/edge-proxy/ports"
)

// The methods of a call, as they are printed.
const (
	methodGet    = "Get"
	methodStat   = "Stat"
	methodList   = "List"
	methodPut    = "Put"
	methodTouch  = "Touch"
	methodDelete = "Delete"
	methodTry    = "TryLeases"
	methodLeases = "Leases"
	methodDrop   = "DropLeases"
)

func (in input) reads() bool {
	switch in.method {
	case methodGet, methodStat, methodList, methodLeases:
		return true
	}
	return false
}

// register is the model of a record, and of a state, which has no times. The zero value
// is one that does not exist.
type register struct {
	exists bool
	// version is "" if nobody ever learns it: a Put of unknown outcome made it, and another
	// write replaced it before anybody saw it.
	version ports.Version
	body    string
	// The CheckedAt is between these, in microseconds since 1970. They differ after a
	// failover, and while what Touch did may not be seen yet.
	earliest, latest int64
}

// registers returns how a register changes with a call that returned out: to one of the
// values returned, and not at all if there is none. If lateTouches, what Touch did may be
// seen later. A Put of unknown outcome made one of the versions of v.
func registers(v versions, lateTouches bool) func(r register, in input, out output) []register {
	return func(r register, in input, out output) []register {
		switch in.method {
		case methodGet, methodStat:
			return r.read(in, out, lateTouches)
		case methodList:
			return only(r, out.listed == r.exists)
		case methodPut:
			return r.put(in, out, v)
		case methodTouch:
			return r.touch(in, out, lateTouches)
		case methodDelete:
			return only(register{}, out.err == nil)
		}
		return nil
	}
}

func only[T any](value T, legal bool) []T {
	if !legal {
		return nil
	}
	return []T{value}
}

// read narrows the CheckedAt down to what was read.
func (r register) read(in input, out output, lateTouches bool) []register {
	if !r.exists || out.err != nil {
		return only(r, !r.exists && errors.Is(out.err, ports.ErrNotFound))
	}
	next := r
	next.earliest = out.checkedAt
	if !lateTouches {
		next.latest = out.checkedAt
	}
	return only(next, out.version == r.version && out.version != "" &&
		(in.method == methodStat || out.body == r.body) &&
		r.earliest <= out.checkedAt && out.checkedAt <= r.latest)
}

// is reports whether the version of r is v, where "" is that of a register that does not
// exist.
func (r register) is(v ports.Version) bool { return r.version == v && r.exists == (v != "") }

// made returns the register that a Put makes.
func made(in input, version ports.Version) register {
	return register{exists: true, version: version, body: in.body, earliest: in.checkedAt, latest: in.checkedAt}
}

func (r register) put(in input, out output, v versions) []register {
	switch replaces := r.is(in.ifVersion); {
	case out.unknown && replaces:
		var next []register
		for _, version := range v.possible(in.body) {
			next = append(next, made(in, version))
		}
		return next
	case out.unknown:
		return []register{r}
	case out.err == nil:
		return only(made(in, out.version), replaces && out.version != "")
	default:
		return only(r, !replaces && errors.Is(out.err, ports.ErrConflict))
	}
}

func (r register) touch(in input, out output, lateTouches bool) []register {
	next := r
	next.latest = max(r.latest, in.checkedAt)
	if !lateTouches {
		next.earliest = max(r.earliest, in.checkedAt)
	}
	var want error
	switch {
	case !r.exists:
		next, want = r, ports.ErrNotFound
	case !r.is(in.ifVersion):
		next, want = r, ports.ErrConflict
	}
	return only(next, out.unknown || out.err == want)
}
