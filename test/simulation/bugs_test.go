package simulation_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// bug is a mistake that somebody could make: what a file would have in the place of what it
// has.
type bug struct{ what, file, is, would string }

// bugs are put into the proxy one at a time, to see that the simulation finds them.
var bugs = []bug{
	{"An older answer of upstream is believed at once", "domain/succession.go",
		"if s.older++; s.older < insistence {", "if s.older++; s.older < 1 {"},
	{"An older record of the store is always believed", "domain/succession.go",
		"case stored && offered.CheckedAt.After(held.CheckedAt):", "case true:"},
	{"Grace does not grow with the number of environments", "domain/freshness.go",
		"return f.PollInterval + time.Duration(environments)**f.Grace, true", "return f.PollInterval + *f.Grace, true"},
	{"Readiness looks at the newest confirmation instead of the oldest", "domain/freshness.go",
		"if at.Before(oldest) {", "if at.After(oldest) {"},
	{"A restored document counts as confirmed at the start", "app/keeper.go",
		"k.library.confirm(k.key, recalled(read.CheckedAt, k.now()))", "k.library.confirm(k.key, k.now())"},
	{"A document that cannot be used counts as a confirmation", "app/keeper.go",
		"\tcase err != nil:\n\t\treturn err\n\tcase next == nil:", "\tcase err != nil:\n\t\tk.confirmed(a.asked)\n\t\treturn err\n\tcase next == nil:"},
	{"A record that is written again counts as a confirmation", "app/keeper.go",
		"k.record.read(read, true)\n\t\tk.record.recall(read)\n\t\treturn true", "k.record.read(read, true)\n\t\tif k.record.seen(read.CheckedAt, k.now()) {\n\t\t\tk.confirmed(k.now())\n\t\t}\n\t\treturn true"},
	{"A confirmation is noted however long ago it was", "app/fleet.go",
		"if now.Sub(s.postAt).Abs() > f.longestUnseen() {", "if now.IsZero() {"},
	{"A note that is seen late takes a later confirmation back", "app/keeper.go",
		"own.After(at) && !own.After(k.now())", "own.After(at) && own.IsZero()"},
	{"A follower does not read what has changed", "app/keeper.go",
		"case what == absent || what == unknown:", "case what == absent || what == unknown || what == changed && k.held != nil:"},
	{"Every node polls", "app/seat.go",
		"return s.willing && (s.mine && now.Before(s.lease.Until) || offered), gained", "return s.willing || now.IsZero() || offered, gained"},
	{"Followers do not hear of confirmations", "app/seat.go",
		"if gained || !s.mine && l.Note != former.Note {", "if gained {"},
	{"A lease that was offered is never taken again by the node that offered it", "app/seat.go",
		"waits := !s.offered.IsZero() && now.Sub(s.offered).Abs() < s.fleet.config.Load().Freshness.PollInterval", "waits := !s.offered.IsZero() && !now.IsZero()"},
	{"A store that was away once is never called again", "app/guarded.go",
		"if rest > 0 && rest <= longest || g.probing {", "if rest <= longest || g.probing {"},
	{"A call of the store may take as long as it likes", "app/guarded.go",
		"bounded, cancel := context.WithTimeout(ctx, wait)", "bounded, cancel := context.WithTimeout(ctx, 1000*wait)"},
	{"Polls are always conditional", "app/fetcher.go",
		"return age >= unconditionalEvery || age < 0", "return age < 0"},
	{"A failed discovery is taken for an empty list", "app/discovery.go",
		"d.schedule.failures++\n\t\td.followRecord(ctx)", "d.schedule.failures++\n\t\td.adopt(nil, began)"},
	{"Documents are lost when an environment is added", "app/library.go",
		"if held := old.Environment(e.Client); held != nil {", "if held := old.Environment(e.Client); held != nil && len(old.Keys()) == len(ring.Environments()) {"},
	{"A new document is answered with what was prepared for the former one", "app/compile.go",
		"e.Presentation = m.presenter.Present(e)", "if e.Presentation = m.presenter.Present(e); held != nil {\n\t\te.Presentation = held.Presentation\n\t}"},
	{"A pin does not end", "app/measures.go",
		"if m.ends[one].After(now) {", "if !now.IsZero() {"},
	{"A drain does not end", "app/drain.go",
		"d.forget()\n\td.on.Store(false)", "d.forget()"},
	{"Requests are counted again in each report", "app/reporting/requests.go",
		"k.drained[what] = total", "_ = total"},
	{"A batch of usage changes after it was sent", "app/reporting/usage.go",
		"u.collect(ctx)\n\t\tu.seal()\n\t}\n\treturn slices.Clone(u.sealed)", "u.collect(ctx)\n\t}\n\treturn slices.Concat(u.sealed, u.open.batches())"},
	{"A batch of usage that did not arrive is forgotten", "app/reporting/usage.go",
		"if became == delayed {\n\t\treturn\n\t}", "if became == delayed && ctx == nil {\n\t\treturn\n\t}"},
	{"A batch that is in the spool grows while the store is away", "app/reporting/usage.go",
		"u.unsaved = false\n\tcase errors.Is(err, errTakenOver):\n\t\tu.seal() // the other", "case errors.Is(err, errTakenOver):\n\t\tu.seal() // the other"},
	{"What an earlier process left in its spool is not reported", "app/reporting/usage.go",
		"u.adopt(found)\n\tu.save(ctx)\n}", "u.save(ctx)\n}"},
	{"Analytics that did not arrive are not put back", "app/reporting/tally.go",
		"t.add(p.environment, p.entries)\n}", "}"},
}

// TestBugsCanBeMade sees that every bug has a place where it could be.
func TestBugsCanBeMade(t *testing.T) {
	for _, b := range bugs {
		text, err := os.ReadFile(filepath.Join("../..", b.file))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), b.is); n != 1 {
			t.Errorf("%s: %s has %q %d times, want once", b.what, b.file, b.is, n)
		}
	}
}

// found is what TestFirstViolation prints.
var found = regexp.MustCompile(`(?m)FOUND (\d+) (.*)$`)

// TestFirstViolation looks for the first seed that breaks an invariant. TestBugs calls it.
func TestFirstViolation(t *testing.T) {
	if os.Getenv("EDGE_PROXY_SIMULATION_SEARCH") == "" {
		return
	}
	for seed := range number(t, "SEARCH", 0) {
		if o := happen(t, newPlan(seed), false); o.violation != nil {
			t.Logf("FOUND %d %s", seed+1, o.violation.invariant)
			return
		}
	}
}

// TestBugs puts each bug into the proxy, looks for the first seed that finds it, and writes
// the table of docs/simulation.md; make simulate-bugs calls it. It looks only at bugs whose
// description or file has the text that it is given. A seed that breaks an invariant without
// the bug too has not found it.
func TestBugs(t *testing.T) {
	chosen := os.Getenv("EDGE_PROXY_SIMULATION_BUGS")
	if chosen == "" {
		return
	}
	const most = 2000
	for _, b := range bugs {
		if !strings.Contains(b.what+" "+b.file, chosen) {
			continue
		}
		program := b.build(t)
		search := exec.CommandContext(t.Context(), program, "-test.v", "-test.timeout", "10m", "-test.run", "^TestFirstViolation$")
		search.Env = append(os.Environ(), fmt.Sprintf("EDGE_PROXY_SIMULATION_SEARCH=%d", most), "GOMAXPROCS=1")
		began := time.Now()
		output, err := search.CombinedOutput()
		match := found.FindSubmatch(output)
		if match == nil {
			t.Errorf("%s: not found (%v): %s", b.what, err, output[max(0, len(output)-500):])
			continue
		}
		seeds, err := strconv.ParseUint(string(match[1]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if o := happen(t, newPlan(seeds-1), false); o.violation != nil {
			t.Errorf("%s: seed %d breaks an invariant without it too: %v", b.what, seeds-1, o.violation)
			continue
		}
		t.Logf("%s: %s seeds, %v", b.what, match[1], time.Since(began).Round(time.Second))
		b.record(t, string(bytes.TrimSpace(match[2])), string(match[1]))
	}
}

// row returns how the row of the table begins.
func (b bug) row() string { return fmt.Sprintf("| %s (`%s`) | ", b.what, b.file) }

// record writes into the table of docs/simulation.md what found the bug. Rows of other bugs
// stay, in the order of bugs.
func (b bug) record(t *testing.T, invariant, seeds string) {
	t.Helper()
	const page, begin, end = "../../docs/simulation.md", "<!-- bugs -->\n", "<!-- end of bugs -->"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), begin)
	former, after, ok := strings.Cut(rest, end)
	if !ok {
		t.Fatalf("%s has no place for the table", page)
	}
	table := []string{"| bug | found by | seeds |", "|---|---|---|"}
	for _, other := range bugs {
		if other == b {
			table = append(table, b.row()+invariant+" | "+seeds+" |")
			continue
		}
		for line := range strings.Lines(former) {
			if strings.HasPrefix(line, other.row()) {
				table = append(table, strings.TrimSpace(line))
			}
		}
	}
	if err := os.WriteFile(page, []byte(before+begin+"\n"+strings.Join(table, "\n")+"\n\n"+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// build builds the simulation with a bug in the proxy, and returns the program's name.
func (b bug) build(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	file, err := filepath.Abs(filepath.Join("../..", b.file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := filepath.Join(folder, "changed.go")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(text), b.is, b.would, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		t.Fatal(err)
	}
	described := filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(described, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(folder, "simulation.test")
	if output, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", described, "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%s: it does not compile: %s", b.what, output)
	}
	return program
}
