package simulation_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// world is one history while it happens. It lives in a bubble.
type world struct {
	plan     plan
	dice     dice
	upstream *upstream
	store    *store
	nodes    []*node
	began    time.Time
	verbose  bool

	mu        sync.Mutex // taken before no other lock
	trace     []string
	violation *violation
	posted    map[domain.UsageRow]int64 // requests that were answered and count
	// unwell is for how long the store was not well before passing, when time began to pass
	// last, and passingUnwell whether it is not well since.
	unwell        time.Duration
	passing       time.Time
	passingUnwell bool

	// Steps alone use what follows.
	ending  []*life
	lost    int64 // requests that processes may have lost at most when they ended
	inexact bool  // the store lost everything, and usage with it
}

// violation is an invariant that does not hold.
type violation struct{ invariant, what string }

func (v *violation) String() string { return v.invariant + ": " + v.what }

// outcome is what came of a history.
type outcome struct {
	violation *violation
	trace     []string
	hash      string // of the trace
}

// happen lets a history happen.
func happen(t *testing.T, p plan, verbose bool) (o outcome) {
	synctest.Test(t, func(*testing.T) {
		w := &world{plan: p, dice: dice(p.seed), began: time.Now(), verbose: verbose, posted: map[domain.UsageRow]int64{}}
		w.upstream = newUpstream(w, p.settings.environments)
		w.store = newStore(w)
		for i := range p.settings.nodes {
			w.nodes = append(w.nodes, &node{w: w, index: i})
		}
		w.run()
		w.end()
		o = outcome{violation: w.violation, trace: w.trace}
	})
	h := sha256.New()
	for _, line := range o.trace {
		_, _ = h.Write([]byte(line + "\n"))
	}
	o.hash = hex.EncodeToString(h.Sum(nil))
	return o
}

// run lets the steps of the plan happen, then heals the world, and stops at the first
// violation.
func (w *world) run() {
	for i, n := range w.nodes {
		n.start()
		w.pass(time.Duration(i+1) * 100 * time.Millisecond)
	}
	w.pass(3 * time.Second)
	all := actions()
	for i, s := range w.plan.steps {
		w.note("%d. %v", i+1, s)
		all[s.action].do(w, s, w.dice.at(time.Now(), "step", s.action, fmt.Sprint(s.amount)))
		if s.action == "wipe" {
			w.inexact = true
		}
		w.pass(s.pause)
		w.check()
		if w.failed() {
			return
		}
	}
	w.recovers()
}

// pass lets time go by, until everything that happens has happened.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	w.unwell = w.unwellSoFar()
	w.passing, w.passingUnwell = time.Now(), w.store.faults.some() || slices.ContainsFunc(w.nodes, func(n *node) bool { return n.life != nil && n.life.paused })
	w.mu.Unlock()
	<-time.After(d)
	synctest.Wait()
}

// unwellSoFar returns for how long the store, or the way to it, was not well. The caller
// holds w.mu.
func (w *world) unwellSoFar() time.Duration {
	if w.passingUnwell {
		return w.unwell + time.Since(w.passing)
	}
	return w.unwell
}

// end ends all processes, so that the bubble can end.
func (w *world) end() {
	w.upstream.recover()
	w.store.recover()
	for _, n := range w.nodes {
		if n.life != nil {
			n.leave(n.life)
		}
	}
	for _, l := range w.ending {
		l.asking.Wait()
		<-l.ended
	}
}

// note adds a line to the trace.
func (w *world) note(format string, values ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noteLocked(format, values...)
}

func (w *world) noteLocked(format string, values ...any) {
	w.trace = append(w.trace, fmt.Sprintf("%12.6f ", time.Since(w.began).Seconds())+fmt.Sprintf(format, values...))
}

// fail takes note of a violation. The first one counts.
func (w *world) fail(invariant, format string, values ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failLocked(invariant, format, values...)
}

func (w *world) failLocked(invariant, format string, values ...any) {
	if w.violation == nil {
		w.violation = &violation{invariant, fmt.Sprintf(format, values...)}
		w.noteLocked("VIOLATION of %s", w.violation)
	}
}

func (w *world) failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.violation != nil
}

// logs returns the handler of a process's log: the trace, if it is to be shown.
func (w *world) logs(name string) slog.Handler {
	if !w.verbose {
		return slog.DiscardHandler
	}
	return journal{w, name, ""}
}

// journal writes a log into the trace.
type journal struct {
	w      *world
	name   string
	common string
}

func (j journal) Enabled(context.Context, slog.Level) bool { return true }
func (j journal) WithGroup(string) slog.Handler            { return j }
func (j journal) WithAttrs(a []slog.Attr) slog.Handler {
	for _, one := range a {
		j.common += " " + one.String()
	}
	return j
}

func (j journal) Handle(_ context.Context, r slog.Record) error {
	var text strings.Builder
	r.Attrs(func(a slog.Attr) bool { text.WriteString(" " + a.String()); return true })
	j.w.note("%s:     %s%s%s", j.name, r.Message, j.common, text.String())
	return nil
}
