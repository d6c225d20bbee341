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
	exists  bool
	version ports.Version
	// unnamed: a Put of unknown outcome has made it, so that its version is the one that
	// is read first.
	unnamed bool
	body    string
	// putAt is the CheckedAt of its Put, touchedAt the latest one of Touch.
	putAt, touchedAt int64
	// restored: a failover has brought it back, with any CheckedAt from putAt to touchedAt.
	restored bool
}

// registers is how a register changes with a call that returned out: to one of the values
// returned, and not at all if there is none. If lateTouches, what Touch did may be seen
// later.
func registers(lateTouches bool) func(r register, in input, out output) []register {
	return func(r register, in input, out output) []register {
		switch in.method {
		case methodGet, methodStat:
			return r.read(in, out, lateTouches)
		case methodList:
			return only(r, out.listed == r.exists)
		case methodPut:
			return r.put(in, out)
		case methodTouch:
			return r.touch(in, out)
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

func (r register) read(in input, out output, lateTouches bool) []register {
	if !r.exists || out.err != nil {
		return only(r, !r.exists && errors.Is(out.err, ports.ErrNotFound))
	}
	if r.unnamed {
		r.version, r.unnamed = out.version, false
	}
	from := r.touchedAt
	if lateTouches || r.restored {
		from = r.putAt
	}
	return only(r, out.version == r.version && out.version != "" &&
		(in.method == methodStat || out.body == r.body) &&
		from <= out.checkedAt && out.checkedAt <= r.touchedAt)
}

// is reports whether the version of r is v. Nobody knows the version of a register that is
// unnamed yet.
func (r register) is(v ports.Version) bool { return !r.unnamed && r.version == v }

func (r register) put(in input, out output) []register {
	next := register{
		exists: true, version: out.version, unnamed: out.unknown, body: in.body,
		putAt: in.checkedAt, touchedAt: in.checkedAt,
	}
	switch replaces := r.is(in.ifVersion); {
	case out.unknown && replaces:
		return []register{next}
	case out.unknown:
		return []register{r}
	case out.err == nil:
		return only(next, replaces && out.version != "")
	default:
		return only(r, !replaces && errors.Is(out.err, ports.ErrConflict))
	}
}

func (r register) touch(in input, out output) []register {
	next := r
	next.touchedAt = max(r.touchedAt, in.checkedAt)
	var want error
	switch {
	case !r.exists:
		next, want = r, ports.ErrNotFound
	case !r.is(in.ifVersion):
		next, want = r, ports.ErrConflict
	}
	return only(next, out.unknown || out.err == want)
}
