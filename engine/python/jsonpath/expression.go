package jsonpath

import (
	"strings"
	"unicode/utf8"
)

// scope is what an expression of a filter can refer to.
type scope struct {
	*walk
	current any
}

// expression is a part of a filter.
type expression interface {
	// value returns the expression's value in a comparison or as an argument.
	value(s *scope) any
	// holds returns its result as a test.
	holds(s *scope) bool
}

// nothing is the value of a path that leads nowhere. Null is a value.
type nothing struct{}

// truth is Python's bool(), except that null holds because it exists.
func truth(v any) bool {
	switch v := v.(type) {
	case nothing:
		return false
	case nil:
		return true
	case bool:
		return v
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case *Object:
		return len(v.names) > 0
	default:
		return compareNumbers(v, int64(0)) != 0
	}
}

type literal struct{ of any }

func (l literal) value(*scope) any  { return l.of }
func (l literal) holds(*scope) bool { return truth(l.of) }

// subquery is a query within a filter, from the root or from the current node.
type subquery struct {
	query    *Query
	fromRoot bool
}

func (q *subquery) each(s *scope, yield func(any) bool) {
	start := s.current
	if q.fromRoot {
		start = s.root
	}
	q.query.each(start, s.walk, yield)
}

func (q *subquery) nodes(s *scope) (nodes []any) {
	q.each(s, func(node any) bool {
		nodes = append(nodes, node)
		return true
	})
	return nodes
}

func (q *subquery) value(s *scope) any {
	var first any = nothing{}
	q.each(s, func(node any) bool {
		first = node
		return false
	})
	return first
}

func (q *subquery) holds(s *scope) bool {
	v := q.value(s)
	if bare := !q.fromRoot && len(q.query.segments) == 0; bare {
		switch v.(type) {
		case *Object, []any:
		default:
			return truth(v)
		}
	}
	return v != any(nothing{})
}

// condition is an expression whose value is its result as a test.
type condition func(s *scope) bool

func (c condition) holds(s *scope) bool { return c(s) }
func (c condition) value(s *scope) any  { return c(s) }

func not(of expression) condition {
	return func(s *scope) bool { return !of.holds(s) }
}

func and(left, right expression) expression {
	return condition(func(s *scope) bool { return left.holds(s) && right.holds(s) })
}

func or(left, right expression) expression {
	return condition(func(s *scope) bool { return left.holds(s) || right.holds(s) })
}

func compare(a, b any, operator string, s *scope) bool {
	if !s.take(weight(a) + weight(b)) {
		return false
	}
	switch operator {
	case "==":
		return s.equal(a, b)
	case "!=":
		return !s.equal(a, b)
	case "<":
		return less(a, b)
	case "<=":
		return less(a, b) || s.equal(a, b)
	case ">":
		return less(b, a)
	default: // >=
		return less(b, a) || s.equal(a, b)
	}
}

// call is a call of one of RFC 9535's functions.
type call struct {
	function  *function
	arguments []expression
	// pattern is the compiled last argument if that is a literal pattern.
	pattern *pattern
}

func (c *call) value(s *scope) any  { return c.function.apply(c, s) }
func (c *call) holds(s *scope) bool { return truth(c.value(s)) }

// function is one of RFC 9535's functions.
type function struct {
	parameters int
	ofNodes    bool // its argument is all nodes of a query, not one value
	isTest     bool // its result is true or false, which cannot be compared
	apply      func(c *call, s *scope) any
	// before and after enclose the pattern of a test.
	before, after string
}

// functionCalled returns the function of that name, nil if it does not exist.
func functionCalled(name string) *function {
	switch name {
	case "length":
		return &function{parameters: 1, apply: length}
	case "count":
		return &function{parameters: 1, ofNodes: true, apply: count}
	case "value":
		return &function{parameters: 1, ofNodes: true, apply: onlyValue}
	case "match":
		return &function{parameters: 2, isTest: true, apply: matches, before: `\A(?:`, after: `)\z`}
	case "search":
		return &function{parameters: 2, isTest: true, apply: matches}
	default:
		return nil
	}
}

func length(c *call, s *scope) any {
	switch v := c.arguments[0].value(s).(type) {
	case string:
		s.take(len(v) / nodeCost)
		return int64(utf8.RuneCountInString(v))
	case []any:
		return int64(len(v))
	case *Object:
		return int64(len(v.names))
	default:
		return nothing{}
	}
}

func count(c *call, s *scope) any {
	n := int64(0)
	c.arguments[0].(*subquery).each(s, func(any) bool {
		n++
		return true
	})
	return n
}

func onlyValue(c *call, s *scope) any {
	if nodes := c.arguments[0].(*subquery).nodes(s); len(nodes) == 1 {
		return nodes[0]
	}
	return nothing{}
}

// matches reports whether the first argument is a text that matches the second, a
// pattern. It reports false when they are not a text and a pattern.
func matches(c *call, s *scope) any {
	text, isText := c.arguments[0].value(s).(string)
	if !isText {
		return false
	}
	re := c.pattern
	if re == nil {
		text, isText := c.arguments[1].value(s).(string)
		if !isText {
			return false
		}
		re = s.compile(text, c.function)
	}
	return re != nil && s.take(re.size*(len(text)+1)) && re.MatchString(text)
}

// compiled is the pattern that a search needed last. Usually it is needed again.
type compiled struct {
	function *function
	text     string
	compiled *pattern
}

// compile compiles a pattern for a function. It returns nil for an invalid pattern, and
// when the budget does not suffice.
func (w *walk) compile(text string, f *function) *pattern {
	if w.last.function != f || w.last.text != text {
		if !w.take(compileCost*len(text) + repeatedCost*strings.Count(text, "{")) {
			return nil
		}
		w.last = compiled{f, text, compilePattern(text, f.before, f.after)}
	}
	return w.last.compiled
}
