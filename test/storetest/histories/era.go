package histories

import (
	"maps"
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
	// during are the calls that overlap the failover before the era, as they returned.
	during []porcupine.Operation
}

// eras divides the calls. A call that overlaps a failover may have reached either copy, or
// both: if it may have changed the object, it is a call of unknown outcome in both eras, and
// if not, in neither. So is a call that is of unknown outcome anyway.
func eras(calls []porcupine.Operation, failovers []failover) []era {
	all := []era{{calls: calls}}
	for _, f := range failovers {
		last := &all[len(all)-1]
		var before, during, after []porcupine.Operation
		for _, c := range last.calls {
			switch {
			case c.Call > f.ended:
				after = append(after, c)
			case c.Return < f.began:
				before = append(before, c)
			default:
				during = append(during, c)
				if changes(c) {
					before = append(before, unresolved(c))
					after = append(after, unresolved(c))
				}
			}
		}
		last.calls = before
		all = append(all, era{calls: after, former: slices.Concat(last.former, before), during: during})
	}
	return all
}

// changes reports whether a call may have changed the object.
func changes(c porcupine.Operation) bool {
	in, out := c.Input.(input), c.Output.(output)
	return !in.reads() && (out.unknown || out.err == nil && (in.method != methodTry || out.lease.Holder == in.holder))
}

// formerRegisters returns every value that a record or state may have had.
func (e era) formerRegisters(v versions) []register {
	touchedAt := make(map[ports.Version]int64)
	for _, c := range e.former {
		if in := c.Input.(input); in.method == methodTouch && changes(c) {
			touchedAt[in.ifVersion] = max(touchedAt[in.ifVersion], in.checkedAt)
		}
	}
	values := []register{{}}
	for _, c := range e.former {
		in, out := c.Input.(input), c.Output.(output)
		if in.method != methodPut || !changes(c) {
			continue
		}
		possible := []ports.Version{out.version}
		if out.unknown {
			possible = v.possible(in.body)
		}
		for _, version := range possible {
			value := made(in, version)
			value.latest = max(value.latest, touchedAt[version])
			values = append(values, value)
		}
	}
	return values
}

// formerLeases returns every value that a lease may have had. A call of unknown outcome that
// brought no note kept the former one; it may still do so in this era.
func (e era) formerLeases() []leased {
	values := map[leased]bool{{}: true}
	for _, c := range e.former {
		in, out := c.Input.(input), c.Output.(output)
		if in.method != methodTry || !changes(c) {
			continue
		}
		note := out.lease.Note
		if out.unknown {
			note = in.note
		}
		values[leased{note: note}] = true
		values[leased{holder: in.holder, note: note, latest: whenever}] = true
	}
	return slices.Collect(maps.Keys(values))
}
