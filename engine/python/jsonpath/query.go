package jsonpath

import "slices"

// Query is a parsed JSONPath. It is immutable and safe for concurrent use.
type Query struct {
	segments []segment
}

// segment applies its selectors to a node, or also to everything below it.
type segment struct {
	descends  bool
	selectors []selector
}

// selector selects children of a node in order, until yield returns false. It reports
// whether yield returned true for all of them.
type selector interface {
	children(node any, w *walk, yield func(any) bool) bool
}

// walk is the state of one search.
type walk struct {
	root  any
	steps *int // what is left of the budget
	last  compiled
}

// Costs in steps of a few nanoseconds.
const (
	nodeCost     = 8       // of a node, and of comparing two values
	digitsCost   = 32      // of comparing a large number, for each of its words
	compileCost  = 64      // of compiling a pattern, for each character
	repeatedCost = 1 << 15 // of compiling a counted repetition
)

// take takes steps and reports whether the search may go on.
func (w *walk) take(steps int) bool {
	*w.steps -= steps
	return *w.steps >= 0
}

// First returns the first value that the query leads to from root. It takes its steps from
// steps, which are below 0 afterwards if they did not suffice. A search that was cut off
// so finds nothing.
func (q *Query) First(root any, steps *int) (first any, found bool) {
	w := walk{root: root, steps: steps}
	q.each(root, &w, func(node any) bool {
		first, found = node, true
		return false
	})
	if *steps < 0 {
		return nil, false
	}
	return first, found
}

// Names returns the names of a query that consists of names only, such as
// $.environment.name. ok is false for other queries and for $ alone.
func (q *Query) Names() (names []string, ok bool) {
	for _, s := range q.segments {
		if s.descends || len(s.selectors) != 1 {
			return nil, false
		}
		n, isName := s.selectors[0].(name)
		if !isName {
			return nil, false
		}
		names = append(names, string(n))
	}
	return names, len(names) > 0
}

// Reaches reports whether the query may visit the root's member of that name.
func (q *Query) Reaches(member string) bool {
	if len(q.segments) == 0 || q.segments[0].descends {
		return true
	}
	for _, s := range q.segments[0].selectors {
		if n, isName := s.(name); !isName || string(n) == member {
			return true
		}
	}
	return slices.ContainsFunc(q.segments, func(s segment) bool {
		return slices.ContainsFunc(s.selectors, func(s selector) bool {
			f, isFilter := s.(*filter)
			return isFilter && slices.ContainsFunc(f.rooted, func(q *Query) bool { return q.Reaches(member) })
		})
	})
}

// isSingular reports whether the query leads to at most one value.
func (q *Query) isSingular() bool {
	return !slices.ContainsFunc(q.segments, func(s segment) bool {
		if s.descends || len(s.selectors) != 1 {
			return true
		}
		switch s.selectors[0].(type) {
		case name, index:
			return false
		default:
			return true
		}
	})
}

// each yields the values that the query leads to from start, in order.
func (q *Query) each(start any, w *walk, yield func(any) bool) bool {
	return follow(q.segments, start, w, yield)
}

func follow(segments []segment, node any, w *walk, yield func(any) bool) bool {
	if len(segments) == 0 {
		return yield(node)
	}
	s, rest := &segments[0], segments[1:]
	return s.each(node, w, func(child any) bool { return follow(rest, child, w, yield) })
}

func (s *segment) each(node any, w *walk, yield func(any) bool) bool {
	if !w.take(nodeCost) {
		return false
	}
	for _, selector := range s.selectors {
		if !selector.children(node, w, yield) {
			return false
		}
	}
	return !s.descends || wildcard{}.children(node, w, func(child any) bool { return s.each(child, w, yield) })
}

// name selects the member of an object.
type name string

func (n name) children(node any, _ *walk, yield func(any) bool) bool {
	if o, ok := node.(*Object); ok {
		if value, ok := o.values[string(n)]; ok {
			return yield(value)
		}
	}
	return true
}

// index selects an element of a list. A negative index is from the end.
type index int64

func (i index) children(node any, _ *walk, yield func(any) bool) bool {
	if list, ok := node.([]any); ok {
		at := int64(i)
		if at < 0 {
			at += int64(len(list))
		}
		if at >= 0 && at < int64(len(list)) {
			return yield(list[at])
		}
	}
	return true
}

// wildcard selects all members and elements.
type wildcard struct{}

func (wildcard) children(node any, _ *walk, yield func(any) bool) bool {
	switch node := node.(type) {
	case *Object:
		for _, member := range node.All() {
			if !yield(member) {
				return false
			}
		}
	case []any:
		for _, element := range node {
			if !yield(element) {
				return false
			}
		}
	}
	return true
}

// slice selects every step-th element of a list from start to before end. A bound that
// is not given is nil.
type slice struct {
	start, end *int64
	step       int64
}

func (s *slice) children(node any, _ *walk, yield func(any) bool) bool {
	list, ok := node.([]any)
	if !ok || s.step == 0 {
		return true
	}
	length := int64(len(list))
	first, last := int64(0), length // last is not selected
	lowest, highest := int64(0), length
	if s.step < 0 {
		first, last = length-1, -1
		lowest, highest = -1, length-1
	}
	bound := func(at *int64, otherwise int64) int64 {
		switch {
		case at == nil:
			return otherwise
		case *at < 0:
			return max(*at+length, lowest)
		default:
			return min(*at, highest)
		}
	}
	first, last = bound(s.start, first), bound(s.end, last)
	for i := first; s.step > 0 && i < last || s.step < 0 && i > last; i += s.step {
		if !yield(list[i]) {
			return false
		}
	}
	return true
}

// filter selects the members and elements for which a test holds.
type filter struct {
	test expression
	// rooted are the queries of the test that start from the root.
	rooted []*Query
}

func (f *filter) children(node any, w *walk, yield func(any) bool) bool {
	return wildcard{}.children(node, w, func(child any) bool {
		return w.take(nodeCost) && (!f.test.holds(&scope{walk: w, current: child}) || yield(child))
	})
}
