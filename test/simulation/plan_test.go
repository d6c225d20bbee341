package simulation_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

const (
	interval = 10 * time.Second // between polls
	lease    = 2 * interval
	reports  = 15 * time.Second // between reports of usage and analytics
)

// plan is a history before it happens. A seed decides it, and it can be shortened.
type plan struct {
	seed     uint64
	settings settings
	steps    []step
}

// settings are what stays as it is in one history.
type settings struct {
	nodes, environments int
	grace               time.Duration
	durable             bool // one node with a store of its own, which survives crashes
	discovery           bool // environments come from a proxy key
	guard               bool // suspicious documents are held back
	clocks              bool // clocks differ and jump
	renames             bool // a node that starts again has another name
	stream              bool // upstream notifies of changes
}

func (s settings) String() string {
	list := []string{fmt.Sprintf("%d nodes, %d environments, grace %v", s.nodes, s.environments, s.grace)}
	for _, option := range []struct {
		on   bool
		name string
	}{{s.durable, "durable store"}, {s.discovery, "discovery"}, {s.guard, "guard"}, {s.clocks, "clocks"}, {s.renames, "new names"}, {s.stream, "stream"}} {
		if option.on {
			list = append(list, option.name)
		}
	}
	return strings.Join(list, ", ")
}

// step is something that happens, and how much time passes after it.
type step struct {
	action      string
	node        int
	environment int
	amount      uint64 // what else the action has to decide
	pause       time.Duration
}

func (s step) String() string {
	return fmt.Sprintf("%-14s node %d, environment %d, then %v", s.action, s.node+1, s.environment+1, s.pause.Round(time.Millisecond))
}

const steps = 45

// newPlan returns the history of a seed.
func newPlan(seed uint64) plan {
	r := rand.New(rand.NewPCG(seed, 17))
	p := plan{seed: seed}
	s := &p.settings
	s.environments = 1 + r.IntN(4)
	s.grace = []time.Duration{0, 5 * time.Second, 30 * time.Second}[r.IntN(3)]
	s.durable = chance(r, 5)
	s.nodes = 2 + r.IntN(4)
	if s.durable {
		s.nodes = 1
	}
	s.discovery = chance(r, 2)
	s.guard = chance(r, 3)
	s.clocks = chance(r, 2)
	s.renames = chance(r, 2)
	s.stream = chance(r, 2)
	names := weighted(*s)
	calm := 0 // steps without faults
	for range steps {
		one := step{action: names[r.IntN(len(names))], node: r.IntN(s.nodes), environment: r.IntN(s.environments), amount: r.Uint64()}
		one.pause = between(r, time.Millisecond, 15*time.Second)
		if chance(r, 4) { // two things at nearly the same time
			one.pause = between(r, time.Microsecond, 300*time.Millisecond)
		}
		if chance(r, 12) {
			one.pause = between(r, 30*time.Second, 90*time.Second)
		}
		if calm > 0 && actions()[one.action].fault {
			one.action = "heal"
		}
		calm--
		if chance(r, 20) {
			calm = 4
		}
		p.steps = append(p.steps, one)
	}
	return p
}

// weighted returns the names of the actions that are possible, each as often as it is to
// happen, in an order that is always the same.
func weighted(s settings) []string {
	var names []string
	for _, name := range actionNames() {
		a := actions()[name]
		if a.when == nil || a.when(s) {
			for range a.weight {
				names = append(names, name)
			}
		}
	}
	return names
}
