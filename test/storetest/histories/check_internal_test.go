package histories

import (
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/edge-proxy/edge-proxy/ports"
)

// written is one call of a history that was written by hand.
type written struct {
	from, to int64 // to is never for a call of unknown outcome
	in       input
	out      output
}

func (w written) unknown() written {
	w.to, w.out = never, output{unknown: true}
	return w
}

// noting returns a call about a lease that brings the note, or sees it.
func (w written) noting(note string) written {
	if w.in.method == methodTry {
		w.in.note = note
	}
	w.out.lease.Note = note
	return w
}

func put(from, to int64, body string, ifVersion, version ports.Version) written {
	return written{from, to, input{method: methodPut, body: body, ifVersion: ifVersion}, output{version: version}}
}

func refused(from, to int64, body string, ifVersion ports.Version) written {
	return written{from, to, input{method: methodPut, body: body, ifVersion: ifVersion}, output{err: ports.ErrConflict}}
}

func get(from, to int64, body string, version ports.Version) written {
	return written{from, to, input{method: methodGet}, output{body: body, version: version}}
}

func absent(from, to int64) written {
	return written{from, to, input{method: methodGet}, output{err: ports.ErrNotFound}}
}

func stat(from, to int64, version ports.Version, checkedAt int64) written {
	return written{from, to, input{method: methodStat}, output{version: version, checkedAt: checkedAt}}
}

func touch(from, to int64, version ports.Version, checkedAt int64) written {
	return written{from, to, input{method: methodTouch, ifVersion: version, checkedAt: checkedAt}, output{}}
}

func remove(from, to int64) written {
	return written{from, to, input{method: methodDelete}, output{}}
}

func listed(from, to int64, is bool) written {
	return written{from, to, input{method: methodList}, output{listed: is}}
}

// second is the time of a call that starts or returns at a tick.
func second(tick int64) time.Duration { return time.Duration(tick) * time.Second }

// try asks for a lease for ten seconds.
func try(from, to int64, holder string, got ports.Lease) written {
	in := input{method: methodTry, holder: holder, ttl: 10 * time.Second, asked: second(from)}
	return written{from, to, in, output{lease: got, answered: second(to)}}
}

func gained(holder string) ports.Lease { return ports.Lease{Holder: holder, Gained: true} }
func held(holder string) ports.Lease   { return ports.Lease{Holder: holder} }

func look(from, to int64, holder string) written {
	return written{from, to, input{method: methodLeases, asked: second(from)}, output{lease: held(holder), answered: second(to)}}
}

func drop(from, to int64, holder string) written {
	return written{from, to, input{method: methodDrop, holder: holder}, output{}}
}

func TestCheck(t *testing.T) {
	for name, tt := range map[string]struct {
		kind      kind
		calls     []written
		failovers []failover
		legal     bool
	}{
		"one after the other":     {aRecord, []written{absent(1, 2), put(3, 4, "a", "", "1"), get(5, 6, "a", "1"), put(7, 8, "b", "1", "2"), get(9, 10, "b", "2")}, nil, true},
		"a read of what is gone":  {aRecord, []written{put(1, 2, "a", "", "1"), put(3, 4, "b", "1", "2"), get(5, 6, "a", "1")}, nil, false},
		"a read that goes back":   {aRecord, []written{put(1, 2, "a", "", "1"), put(3, 20, "b", "1", "2"), get(5, 6, "b", "2"), get(7, 8, "a", "1")}, nil, false},
		"a read during a write":   {aRecord, []written{put(1, 2, "a", "", "1"), put(3, 20, "b", "1", "2"), get(5, 6, "a", "1"), get(7, 8, "b", "2")}, nil, true},
		"a torn read":             {aRecord, []written{put(1, 2, "a", "", "1"), put(3, 20, "b", "1", "2"), get(5, 6, "b", "1")}, nil, false},
		"two writes on one":       {aRecord, []written{put(1, 2, "a", "", "1"), put(3, 10, "b", "1", "2"), put(4, 11, "c", "1", "3")}, nil, false},
		"one of two is refused":   {aRecord, []written{put(1, 2, "a", "", "1"), put(3, 10, "b", "1", "2"), refused(4, 11, "c", "1")}, nil, true},
		"refused for no reason":   {aRecord, []written{put(1, 2, "a", "", "1"), refused(4, 11, "c", "1")}, nil, false},
		"a version of nothing":    {aRecord, []written{put(1, 2, "a", "", "")}, nil, false},
		"a write that may be":     {aRecord, []written{put(1, 2, "a", "", "").unknown(), absent(3, 4), get(5, 6, "a", "1"), put(7, 8, "b", "1", "2")}, nil, true},
		"a write that may not be": {aRecord, []written{put(1, 2, "a", "", "").unknown(), absent(3, 4), put(5, 6, "b", "", "1"), get(7, 8, "b", "1")}, nil, true},
		"unknown writes are ones": {aRecord, []written{put(1, 2, "a", "", "").unknown(), get(3, 4, "b", "1")}, nil, false},
		"an unknown write twice":  {aRecord, []written{put(1, 2, "a", "", "").unknown(), get(3, 4, "a", "1"), remove(5, 6), get(7, 8, "a", "1")}, nil, false},
		"touched":                 {aRecord, []written{put(1, 2, "a", "", "1"), touch(3, 4, "1", 50), stat(5, 6, "1", 50)}, nil, true},
		"a lost touch":            {aRecord, []written{put(1, 2, "a", "", "1"), touch(3, 4, "1", 50), stat(5, 6, "1", 0)}, nil, false},
		"a touch of the former":   {aRecord, []written{put(1, 2, "a", "", "1"), put(3, 4, "b", "1", "2"), touch(5, 6, "1", 50)}, nil, false},
		"deleted":                 {aRecord, []written{put(1, 2, "a", "", "1"), remove(3, 4), absent(5, 6)}, nil, true},
		"deleted and there":       {aRecord, []written{put(1, 2, "a", "", "1"), remove(3, 4), get(5, 6, "a", "1")}, nil, false},
		"listed":                  {aRecord, []written{put(1, 2, "a", "", "1"), listed(3, 4, true), remove(5, 8), listed(6, 7, false)}, nil, true},
		"not listed":              {aRecord, []written{put(1, 2, "a", "", "1"), listed(3, 4, false)}, nil, false},

		"undone by a failover":        {aState, []written{put(1, 2, "a", "", "1"), put(3, 4, "b", "1", "2"), get(7, 8, "a", "1"), put(9, 10, "c", "1", "3")}, []failover{{5, 6}}, true},
		"undone without one":          {aState, []written{put(1, 2, "a", "", "1"), put(3, 4, "b", "1", "2"), get(7, 8, "a", "1")}, nil, false},
		"back once only":              {aState, []written{put(1, 2, "a", "", "1"), put(3, 4, "b", "1", "2"), get(7, 8, "a", "1"), get(9, 10, "b", "2")}, []failover{{5, 6}}, false},
		"back to what never was":      {aState, []written{put(1, 2, "a", "", "1"), get(7, 8, "z", "9")}, []failover{{5, 6}}, false},
		"back to an unknown one":      {aState, []written{put(1, 2, "a", "", "").unknown(), get(3, 4, "a", "1"), put(7, 8, "b", "1", "2")}, []failover{{5, 6}}, true},
		"across a failover":           {aState, []written{put(1, 2, "a", "", "1"), put(4, 9, "b", "1", "2"), get(10, 11, "b", "2")}, []failover{{5, 6}}, true},
		"unknown across one":          {aState, []written{put(1, 2, "a", "", "1"), put(4, 9, "b", "1", "").unknown(), get(10, 11, "b", "2")}, []failover{{5, 6}}, true},
		"learned by a write":          {aState, []written{put(1, 2, "a", "", "1"), put(4, 9, "b", "1", "2"), put(10, 11, "c", "2", "3")}, []failover{{5, 6}}, true},
		"learned by a second write":   {aState, []written{put(1, 2, "a", "", "1"), put(4, 7, "b", "1", "2"), put(8, 19, "c", "2", "3"), put(20, 21, "d", "3", "4")}, []failover{{5, 18}}, true},
		"learned by a read":           {aState, []written{put(1, 2, "a", "", "1").unknown(), get(4, 9, "a", "1"), put(10, 11, "b", "1", "2")}, []failover{{5, 6}}, true},
		"learned by Stat":             {aRecord, []written{put(1, 2, "a", "", "1").unknown(), stat(4, 9, "1", 0), touch(10, 11, "1", 50)}, []failover{{5, 6}}, true},
		"learned and written on once": {aState, []written{put(1, 2, "a", "", "1"), put(4, 9, "b", "1", "2"), put(10, 11, "c", "2", "3"), put(12, 13, "d", "2", "4")}, []failover{{5, 6}}, false},
		"learned, and of another":     {aState, []written{put(1, 2, "a", "", "1"), put(4, 9, "b", "1", "2"), get(10, 11, "a", "2")}, []failover{{5, 6}}, false},
		"learned by nobody":           {aState, []written{put(1, 2, "a", "", "1").unknown(), put(10, 11, "b", "9", "2")}, []failover{{5, 6}}, false},
		"refused during a failover":   {aState, []written{put(1, 2, "a", "", "1"), refused(4, 9, "b", "0"), get(10, 11, "b", "2")}, []failover{{5, 6}}, false},
		"a touch is undone":           {aRecord, []written{put(1, 2, "a", "", "1"), touch(3, 4, "1", 50), stat(7, 8, "1", 0)}, []failover{{5, 6}}, true},
		"a touch is undone once":      {aRecord, []written{put(1, 2, "a", "", "1"), touch(3, 4, "1", 50), stat(7, 8, "1", 50), stat(9, 10, "1", 0)}, []failover{{5, 6}}, false},
		"a touch after a failover":    {aRecord, []written{put(1, 2, "a", "", "1"), touch(3, 4, "1", 50), touch(7, 8, "1", 40), stat(9, 10, "1", 0)}, []failover{{5, 6}}, false},
		"a note is kept":              {aLease, []written{try(1, 2, "y", gained("y")).noting("n"), drop(3, 4, "y"), try(5, 6, "x", gained("x")).unknown(), look(9, 10, "x").noting("n")}, []failover{{7, 8}}, true},
		"a note of nobody":            {aLease, []written{try(1, 2, "y", gained("y")), drop(3, 4, "y"), try(5, 6, "x", gained("x")).unknown(), look(9, 10, "x").noting("n")}, []failover{{7, 8}}, false},
		"two holders by a failover":   {aLease, []written{try(1, 2, "x", gained("x")), try(5, 6, "y", gained("y"))}, []failover{{3, 4}}, true},
		"three holders by a failover": {aLease, []written{try(1, 2, "x", gained("x")), try(5, 6, "y", gained("y")), try(7, 8, "z", gained("z"))}, []failover{{3, 4}}, false},

		"a lease of one":         {aLease, []written{try(1, 2, "x", gained("x")), try(3, 4, "y", held("x")), look(5, 6, "x"), try(7, 8, "x", held("x"))}, nil, true},
		"a lease of two":         {aLease, []written{try(1, 2, "x", gained("x")), try(3, 4, "y", gained("y"))}, nil, false},
		"a lease that ran out":   {aLease, []written{try(1, 2, "x", gained("x")), try(13, 14, "y", gained("y"))}, nil, true},
		"a lease that is kept":   {aLease, []written{try(1, 2, "x", gained("x")), try(13, 14, "y", held("x"))}, nil, false},
		"gained twice":           {aLease, []written{try(1, 2, "x", gained("x")), try(3, 4, "x", gained("x"))}, nil, false},
		"extended from nothing":  {aLease, []written{try(1, 2, "x", held("x"))}, nil, false},
		"given back":             {aLease, []written{try(1, 2, "x", gained("x")), drop(3, 4, "x"), look(5, 6, ""), try(7, 8, "y", gained("y"))}, nil, true},
		"given back by another":  {aLease, []written{try(1, 2, "x", gained("x")), drop(3, 4, "y"), look(5, 6, "")}, nil, false},
		"taken perhaps":          {aLease, []written{try(1, 2, "x", held("x")).unknown(), try(3, 4, "y", held("x"))}, nil, true},
		"not taken perhaps":      {aLease, []written{try(1, 2, "x", held("x")).unknown(), try(3, 4, "y", gained("y"))}, nil, true},
		"nobody takes a lease":   {aLease, []written{look(1, 2, "x")}, nil, false},
		"TryLeases gets nothing": {aLease, []written{try(1, 2, "x", ports.Lease{})}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := object{tt.kind, "it"}
			h := newHistory(Load{Now: time.Now})
			h.failovers = tt.failovers
			for _, c := range tt.calls {
				h.operations[o] = append(h.operations[o], porcupine.Operation{Input: c.in, Output: c.out, Call: c.from, Return: c.to})
			}
			problems := h.Check(time.Minute)
			if legal := len(problems) == 0; legal != tt.legal {
				t.Errorf("explained: %v, want %v\n%s", legal, tt.legal, strings.Join(problems, "\n"))
			}
		})
	}
}

// What is printed ends with the return that nothing explains, whatever came after it.
func TestCheckPrintsTheFirst(t *testing.T) {
	o := object{aRecord, "it"}
	h := newHistory(Load{Now: time.Now})
	for _, c := range []written{put(1, 2, "a", "", "1"), put(3, 4, "b", "1", "2"), get(5, 8, "a", "1"), remove(6, 20), get(9, 10, "z", "7")} {
		h.operations[o] = append(h.operations[o], porcupine.Operation{Input: c.in, Output: c.out, Call: c.from, Return: c.to})
	}
	problems := h.Check(time.Minute)
	if len(problems) != 1 || !strings.Contains(problems[0], `5 to     8  caller 0: Get -> version 1, body "a"`) ||
		!strings.Contains(problems[0], "6 to     …") || strings.Contains(problems[0], `"z"`) {
		t.Errorf("%s", strings.Join(problems, "\n"))
	}
}
