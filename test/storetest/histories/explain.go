package histories

import (
	"fmt"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/edge-proxy/edge-proxy/ports"
)

// shown is how many calls of each part of a history are printed.
const shown = 30

// explain prints the calls up to the first that no order explains. Versions are cut to their
// first letters.
func explain(calls []porcupine.Operation) string {
	var text strings.Builder
	fmt.Fprintln(&text, "no order of these calls explains what the last one to return returned (start to return; a call without a return may have happened, at any time from its start on):")
	list(&text, calls)
	return text.String()
}

// before prints what the history of an era that follows a failover lacks: the calls during
// the failover as they returned, and how many values the object may have had at first.
func (e era) before() string {
	if len(e.during) == 0 {
		return ""
	}
	var text strings.Builder
	fmt.Fprintln(&text, "  During the failover before, when they reached either copy or both:")
	list(&text, e.during)
	fmt.Fprintf(&text, "  After it, the object may have had any value that the %d calls before had left.\n", len(e.former))
	return text.String()
}

// list prints the last calls.
func list(text *strings.Builder, calls []porcupine.Operation) {
	if left := len(calls) - shown; left > 0 {
		fmt.Fprintf(text, "  %d calls before\n", left)
		calls = calls[left:]
	}
	for _, c := range calls {
		end := "…"
		if c.Return != never {
			end = fmt.Sprint(c.Return)
		}
		in := c.Input.(input)
		fmt.Fprintf(text, "  %5d to %5s  caller %d: %s -> %s\n", c.Call, end, c.ClientId, in, in.answer(c.Output.(output)))
	}
}

func (in input) String() string {
	switch in.method {
	case methodPut:
		return fmt.Sprintf("Put %q%s, if %s", in.body, checked(in.checkedAt), short(in.ifVersion))
	case methodTouch:
		return fmt.Sprintf("Touch %s%s", short(in.ifVersion), checked(in.checkedAt))
	case methodTry:
		return fmt.Sprintf("TryLeases for %s, %v, note %q, asked at %v", in.holder, in.ttl, in.note, in.asked)
	case methodDrop:
		return "DropLeases of " + in.holder
	case methodLeases:
		return fmt.Sprintf("Leases, asked at %v", in.asked)
	}
	return in.method
}

// answer returns what the call returned, in words.
func (in input) answer(out output) string {
	switch {
	case out.unknown:
		return "unknown"
	case out.err != nil:
		return out.err.Error()
	}
	switch in.method {
	case methodGet:
		return fmt.Sprintf("%s, body %q%s", short(out.version), out.body, checked(out.checkedAt))
	case methodStat:
		return short(out.version) + checked(out.checkedAt)
	case methodPut:
		return short(out.version)
	case methodList:
		return fmt.Sprintf("listed: %v", out.listed)
	case methodTry, methodLeases:
		return fmt.Sprintf("holder %q, note %q, gained %v, answered at %v", out.lease.Holder, out.lease.Note, out.lease.Gained, out.answered)
	}
	return "done"
}

// checked returns a CheckedAt as the microseconds after firstTime; nothing for a state.
func checked(at int64) string {
	if at < firstTime {
		return ""
	}
	return fmt.Sprintf(", checked at %d", at-firstTime)
}

// short returns the first letters of a version.
func short(v ports.Version) string {
	const letters = 6
	if v == "" {
		return "no version"
	}
	return "version " + string(v[:min(len(v), letters)])
}
