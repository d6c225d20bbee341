package simulation_test

import (
	"fmt"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
)

const (
	// recoveryTime is how long after the last fault everything is as it should be. The
	// longest waits are for an unconditional poll, five minutes, and for the end of an
	// operator's pin, by a clock that was set back meanwhile.
	recoveryTime = 9 * time.Minute
	// observed is for how many intervals polls are counted after that.
	observed = 20
	// mostPolls is how many polls an environment gets in that time at most: 1.2 an interval.
	mostPolls = observed * 12 / 10
)

// recovers heals the world and checks that the fleet recovers.
func (w *world) recovers() {
	w.note("the world heals")
	w.upstream.recover()
	w.store.recover()
	for i := range w.upstream.environments {
		w.upstream.list(i, true)
	}
	for _, n := range w.nodes {
		n.resume()
		n.start()
		n.undrain()
		n.reload()
	}
	w.pass(recoveryTime)
	w.check()
	if w.failed() {
		return
	}
	w.checkNewest()
	began := time.Now()
	leaderless := map[string]int{}
	for range observed {
		w.pass(interval)
		w.checkLeaders(leaderless)
	}
	w.check()
	w.checkNewest()
	for key, n := range leaderless {
		if n > observed/4 {
			w.fail("one poller", "nobody had the lease of %s at %d of %d looks", key, n, observed)
		}
	}
	for _, e := range w.upstream.environments {
		polls := 0
		w.mu.Lock()
		for _, p := range e.polls {
			if p.at.After(began) {
				polls++
			}
		}
		w.mu.Unlock()
		if polls > mostPolls || polls < observed*8/10 {
			w.fail("polls", "%s was polled %d times in %d intervals by %d nodes", e.key, polls, observed, len(w.nodes))
		}
	}
	w.checkNothingQueued()
}

// checkNewest checks that every node is ready and serves what upstream has.
func (w *world) checkNewest() {
	for _, n := range w.nodes {
		for _, s := range n.life.app.Status().Environments {
			e := w.upstream.environment(s.Key)
			if d := w.checkFlags(n.life, e); s.Digest != e.current.digest || d != e.current {
				w.fail("newest", "%s serves %s of %s, upstream has document %d of %s", n.life.name, nameOf(e, s.Digest), e.key, e.current.number, e.current.updated)
			}
		}
		if len(n.life.app.Status().Environments) != len(w.upstream.environments) {
			w.fail("newest", "%s serves %d environments, upstream has %d", n.life.name, len(n.life.app.Status().Environments), len(w.upstream.environments))
		}
		if state := n.life.app.Status().Readiness.State; state != app.Ready && w.plan.settings.grace > 0 { // without grace it comes and goes
			w.fail("newest", "%s is %s", n.life.name, state)
		}
	}
}

func nameOf(e *environment, digest [32]byte) string {
	for _, d := range e.documents {
		if d.digest == digest {
			return fmt.Sprintf("document %d of %s", d.number, d.updated)
		}
	}
	return "another document"
}

// checkLeaders counts who has the lease of each environment.
func (w *world) checkLeaders(leaderless map[string]int) {
	for _, e := range w.upstream.environments {
		leaders := 0
		for _, n := range w.nodes {
			for _, s := range n.life.app.Status().Environments {
				if s.Key == e.key && s.Lease == app.LeaseThisNode {
					leaders++
				}
			}
		}
		switch {
		case leaders == 0:
			leaderless[string(e.key)]++
		case leaders > 1:
			w.fail("one poller", "%d nodes have the lease of %s", leaders, e.key)
		}
	}
}

// checkNothingQueued checks that all reports have arrived, and that usage was counted once.
func (w *world) checkNothingQueued() {
	for _, n := range w.nodes { // what the last checks have asked is counted too
		w.note("%s has counted %d", n.life.name, pendingUsage(n.life.app))
	}
	w.pass(2 * reports)
	for _, n := range w.nodes {
		if pending := pendingUsage(n.life.app); pending != 0 {
			w.fail("queues", "%d requests wait to be reported by %s", pending, n.life.name)
		}
		if p := progressOf(n.life.app, app.AnalyticsReports); p.Pending != 0 {
			w.fail("queues", "%d counts of analytics wait to be reported by %s", p.Pending, n.life.name)
		}
	}
	for _, l := range w.ending { // without upstream and the store a process cannot keep its counts
		if !l.crashed {
			<-l.ended
			w.lost += pendingUsage(l.app)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var posted, counted int64
	for _, n := range w.posted {
		posted += n
	}
	for _, n := range w.upstream.counted {
		counted += n
	}
	if missing := posted - counted - w.upstream.dropped; !w.inexact && (missing < 0 || missing > w.lost) {
		w.failLocked("usage", "%d requests were answered, %d counted, %d dropped, and processes that ended may have lost %d", posted, counted, w.upstream.dropped, w.lost)
	}
}
