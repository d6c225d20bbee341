package engine

import (
	"cmp"
	"slices"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
)

// dependencies is what the evaluation of a document needs whose conditions read flags.
type dependencies struct {
	// overriding lists for each feature the segments that override it, in document
	// order.
	overriding [][]overriding
	// ahead lists the features that conditions read and that depend on no cycle. A
	// feature comes after all that it depends on.
	ahead []int32
	// circular has the same outcomes with the reason Circular, of the features that can
	// be in a cycle.
	circular map[OutcomeID]OutcomeID
}

// overriding is a segment with the rank of its override of a feature.
type overriding struct {
	segment int32
	rank    uint32
}

// graph holds which feature needs which segments, and which segments read which
// features. Its nodes are the features and then the segments.
type graph struct {
	features int
	needs    [][]int32 // by node
}

// dependencies analyses which flags depend on which, once all segments are compiled.
// It returns nil for a document whose conditions read no flags.
func (c *compiler) dependencies() *dependencies {
	p := c.program
	if !slices.ContainsFunc(p.segments, func(s segment) bool { return s.reads }) {
		return nil
	}
	d := &dependencies{overriding: make([][]overriding, len(p.features)), circular: map[OutcomeID]OutcomeID{}}
	g := graph{len(p.features), make([][]int32, len(p.features)+len(p.segments))}
	read := make([]bool, len(p.features))
	for i := range p.segments {
		s, node := &p.segments[i], int32(len(p.features)+i)
		for _, o := range s.overrides {
			list := d.overriding[o.feature]
			if last := len(list) - 1; last >= 0 && list[last].segment == int32(i) {
				list[last].rank = min(list[last].rank, o.rank)
				continue
			}
			d.overriding[o.feature] = append(list, overriding{int32(i), o.rank})
			if s.reads {
				g.needs[o.feature] = append(g.needs[o.feature], node)
			}
		}
		if s.reads {
			g.needs[node] = p.readBy(s.rules)
		}
		for _, feature := range g.needs[node] {
			read[feature] = true
		}
	}
	component, sizes := components(len(g.needs), func(node int32) []int32 { return g.needs[node] })
	cyclic := func(node int32) bool { return sizes[component[node]] > 1 }
	d.ahead = g.safe(component, cyclic)
	d.ahead = slices.DeleteFunc(d.ahead, func(feature int32) bool { return !read[feature] })
	c.cycles(&g, component, cyclic)
	for feature := range p.features {
		if cyclic(int32(feature)) {
			c.circularOutcomes(d, int32(feature))
		}
	}
	return d
}

// readBy returns the features that conditions below rules read, each once.
func (p *Program) readBy(rules []rule) (features []int32) {
	var visit func(rules []rule)
	visit = func(rules []rule) {
		for i := range rules {
			for _, condition := range rules[i].conditions {
				if condition.path < 0 {
					continue
				}
				if flag := p.paths[condition.path].flag; flag != nil && flag.feature != missing {
					features = append(features, flag.feature)
				}
			}
			visit(rules[i].rules)
		}
	}
	visit(rules)
	slices.Sort(features)
	return slices.Compact(features)
}

// safe returns the features from which no cycle can be reached, each after all that it
// depends on.
func (g *graph) safe(component []int32, cyclic func(node int32) bool) []int32 {
	nodes := make([]int32, len(g.needs))
	for i := range nodes {
		nodes[i] = int32(i)
	}
	slices.SortStableFunc(nodes, func(a, b int32) int { return cmp.Compare(component[a], component[b]) })
	unsafe := make([]bool, len(g.needs))
	return slices.DeleteFunc(nodes, func(node int32) bool {
		unsafe[node] = cyclic(node) || slices.ContainsFunc(g.needs[node], func(needed int32) bool { return unsafe[needed] })
		return unsafe[node] || int(node) >= g.features
	})
}

// cycles reports for every feature in a cycle a shortest one through it, unless a
// reported cycle has it.
func (c *compiler) cycles(g *graph, component []int32, cyclic func(node int32) bool) {
	reported := make([]bool, g.features)
	root := domain.Path{}
	list := root.Field("feature_states")
	for feature := range int32(g.features) {
		if reported[feature] || !cyclic(feature) || len(c.problems) >= maxProblems {
			continue
		}
		var names []string
		for _, node := range g.shortestCycle(feature, component) {
			if int(node) < g.features {
				reported[node] = true
				names = append(names, c.program.Name(int(node)))
			}
		}
		c.problem(&list, "the segments that read these flags do not apply to them", "flags depend on themselves: %s", cycleText(names))
	}
}

// cycleText joins the names of a cycle, the first one again at the end.
func cycleText(names []string) string {
	const shown = 10
	first, left := names[0], len(names)-shown
	if left > 0 {
		names = append(slices.Clone(names[:shown]), "…")
	}
	return strings.Join(append(names, first), " → ")
}

// shortestCycle returns the nodes of a shortest way from a node back to it, without its
// end.
func (g *graph) shortestCycle(start int32, component []int32) []int32 {
	from := map[int32]int32{}
	for queue := []int32{start}; len(queue) > 0; queue = queue[1:] {
		node := queue[0]
		for _, next := range g.needs[node] {
			if next == start {
				cycle := []int32{node}
				for node != start {
					node = from[node]
					cycle = append(cycle, node)
				}
				slices.Reverse(cycle)
				return cycle
			}
			if _, seen := from[next]; !seen && component[next] == component[start] {
				from[next] = node
				queue = append(queue, next)
			}
		}
	}
	return []int32{start}
}

// circularOutcomes adds to each possible outcome of a feature one with the reason
// Circular.
func (c *compiler) circularOutcomes(d *dependencies, feature int32) {
	add := func(id OutcomeID) {
		if _, known := d.circular[id]; !known {
			o := c.program.outcomes[id]
			o.Reason = Circular
			d.circular[id] = c.add(o)
		}
	}
	addState := func(s *state) {
		add(s.outcome)
		if s.split != nil {
			add(s.split.control)
			for _, o := range s.split.options {
				add(o.outcome)
			}
		}
	}
	addState(&c.program.features[feature])
	for _, s := range d.overriding[feature] {
		for _, o := range c.program.segments[s.segment].overrides {
			if o.feature == feature {
				addState(&c.program.states[o.rank])
			}
		}
	}
	for _, o := range c.program.overrides {
		if o.feature == feature {
			add(o.outcome)
		}
	}
}
