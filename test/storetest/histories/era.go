package histories

import (
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/edge-proxy/edge-proxy/ports"
)

// failover is when one began and ended, in ticks.
type failover struct{ began, ended int64 }

// era is a part of the history of one object in which there was one copy of the data: up to
// the first failover, or from one to the next.
type era struct {
	calls []porcupine.Operation
	// former are the calls of earlier eras. The era may begin with the object as any of
	// them may have left it.
	former []porcupine.Operation
}

// eras divides the calls. A call that overlaps a failover may have reached either copy:
// if it writes, it is a call of unknown outcome in both eras, and if not, in neither. So
// is a call that is of unknown outcome anyway.
func eras(calls []porcupine.Operation, failovers []failover) []era {
	all := []era{{calls: calls}}
	for _, f := range failovers {
		last := &all[len(all)-1]
		var before, after []porcupine.Operation
		for _, c := range last.calls {
			switch {
			case c.Call > f.ended:
				after = append(after, c)
			case c.Return < f.began:
				before = append(before, c)
			case !c.Input.(input).reads():
				before = append(before, unresolved(c))
				after = append(after, unresolved(c))
			}
		}
		last.calls = before
		all = append(all, era{calls: after, former: slices.Concat(last.former, before)})
	}
	return all
}

// formerRegisters returns every value that a record or state may have had.
func (e era) formerRegisters() []register {
	values := []register{{}}
	var touchedAt int64
	for _, c := range e.former {
		if in := c.Input.(input); in.method == methodTouch {
			touchedAt = max(touchedAt, in.checkedAt) // of any version, which is more than there were
		}
	}
	for _, c := range e.former {
		in, out := c.Input.(input), c.Output.(output)
		if in.method != methodPut || out.err != nil {
			continue
		}
		value := register{
			exists: true, version: out.version, unnamed: out.unknown, body: in.body,
			putAt: in.checkedAt, touchedAt: max(in.checkedAt, touchedAt), restored: true,
		}
		values = append(values, value)
		if !out.unknown {
			continue
		}
		for _, r := range e.former { // somebody may have seen its version
			if seen := r.Output.(output); r.Input.(input).reads() && seen.version != "" && !e.wrote(seen.version) {
				value.version, value.unnamed = seen.version, false
				values = append(values, value)
			}
		}
	}
	return values
}

// wrote reports whether a Put of a former era returned v.
func (e era) wrote(v ports.Version) bool {
	return slices.ContainsFunc(e.former, func(c porcupine.Operation) bool {
		return c.Input.(input).method == methodPut && c.Output.(output).version == v
	})
}

// formerLeases returns every value that a lease may have had.
func (e era) formerLeases() []leased {
	values := []leased{{}}
	for _, c := range e.former {
		in, out := c.Input.(input), c.Output.(output)
		if in.method != methodTry || out.err != nil || !out.unknown && out.lease.Holder != in.holder {
			continue
		}
		note := out.lease.Note
		if out.unknown {
			note = in.note
		}
		values = append(values, leased{note: note}, leased{holder: in.holder, note: note, latest: whenever})
	}
	return values
}
