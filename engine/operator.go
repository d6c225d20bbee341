package engine

import (
	"cmp"
	"math"
	"math/big"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
	"github.com/edge-proxy/edge-proxy/engine/python/number"
	"github.com/edge-proxy/edge-proxy/engine/python/regex"
)

// The operators (docs/spec/behaviour.md#operators).
const (
	opEqual                = "EQUAL"
	opNotEqual             = "NOT_EQUAL"
	opGreaterThan          = "GREATER_THAN"
	opGreaterThanInclusive = "GREATER_THAN_INCLUSIVE"
	opLessThan             = "LESS_THAN"
	opLessThanInclusive    = "LESS_THAN_INCLUSIVE"
	opContains             = "CONTAINS"
	opNotContains          = "NOT_CONTAINS"
	opRegex                = "REGEX"
	opModulo               = "MODULO"
	opIn                   = "IN"
	opPercentageSplit      = "PERCENTAGE_SPLIT"
	opIsSet                = "IS_SET"
	opIsNotSet             = "IS_NOT_SET"
)

// test is a condition's operator and value, compiled.
type test struct {
	// holds is never called with an absent value. It may take steps from
	// the budget.
	holds      func(v *value, b *budget) bool
	whenAbsent bool
	values     []value // the only values for which it can hold; nil: any value
}

// never is the test of a condition that makes no sense.
func never() test { return test{holds: func(*value, *budget) bool { return false }, values: []value{}} }

// compileTest compiles a condition. problem says why the condition never holds, "" if
// it can hold. The decoder has already reported a condition without an operator.
func compileTest(c *domain.Condition, segmentID string) (t test, problem string) {
	switch c.Operator {
	case "":
		return never(), ""
	case opIsSet:
		return test{holds: func(*value, *budget) bool { return true }}, ""
	case opIsNotSet:
		return test{holds: func(*value, *budget) bool { return false }, whenAbsent: true}, ""
	case opIn:
		return compileIn(c.Value)
	}
	operand, ok := literal(c.Value)
	if !ok {
		return never(), c.Operator + " takes a text, not a list or an object"
	}
	switch c.Operator {
	case opEqual:
		return compileComparison(operand, equal)
	case opNotEqual:
		return compileComparison(operand, func(o order) bool { return !equal(o) })
	case opGreaterThan:
		return compileComparison(operand, func(o order) bool { return o == greater })
	case opGreaterThanInclusive:
		return compileComparison(operand, func(o order) bool { return o == greater || o == same })
	case opLessThan:
		return compileComparison(operand, func(o order) bool { return o == less })
	case opLessThanInclusive:
		return compileComparison(operand, func(o order) bool { return o == less || o == same })
	case opContains:
		return compileContains(operand)
	case opNotContains:
		part := operand.str()
		return test{holds: func(v *value, _ *budget) bool { return v.kind == text && !strings.Contains(v.text, part) }}, ""
	case opRegex:
		return compileRegex(operand.str())
	case opModulo:
		return compileModulo(operand)
	case opPercentageSplit:
		return compilePercentageSplit(operand, segmentID)
	default:
		return never(), "unknown operator " + quote(c.Operator)
	}
}

// literal returns a condition's value. Unlike a context value, a text that looks like
// a number stays a text. ok is false for lists and objects.
func literal(v domain.Value) (literal value, ok bool) {
	switch v.Kind() {
	case jsonscan.String:
		return value{kind: text, text: v.Text()}, true
	case jsonscan.Array, jsonscan.Object:
		return value{}, false
	default:
		return valueOf(v), true
	}
}

// order is the result of comparing a context value with a condition's value.
type order uint8

const (
	incomparable order = iota // one of them is NaN
	less
	same
	greater
)

func equal(o order) bool { return o == same }

func orderOf(sign int) order { return order(int(same) + sign) }

// operand is a condition's value, cast to every type that a context value can have.
type operand struct {
	text           string
	boolean        bool
	integer        int64
	large          *big.Int
	float          float64
	isInt, isFloat bool
}

// cast applies Python's str(), int() and float() and the flag engine's conversion to
// booleans to a condition's value.
func cast(v value) operand {
	o := operand{text: v.str(), boolean: true}
	switch v.kind {
	case text:
		o.boolean = v.text != "False" && v.text != "false"
		o.integer, o.large, o.isInt = number.Int(v.text)
		o.float, o.isFloat = number.Float(v.text)
	case integer:
		o.integer, o.large, o.isInt = v.integer, v.large, true
		o.float, o.isFloat = v.number()
	case float:
		o.float, o.isFloat = v.float, true
		if o.isInt = !math.IsInf(v.float, 0) && !math.IsNaN(v.float); o.isInt {
			truncated, _ := big.NewFloat(v.float).Int(nil)
			if o.integer, o.large = truncated.Int64(), nil; !truncated.IsInt64() {
				o.large = truncated
			}
		}
	case boolean:
		o.integer, o.isInt = int64(bit(v.boolean)), true
		o.float, o.isFloat = float64(bit(v.boolean)), true
	}
	return o
}

const semverSuffix = ":semver"

// compileComparison compiles EQUAL and the other comparisons. The condition's value is
// cast to the type of the context value; if that fails, the condition does not hold.
func compileComparison(v value, holds func(order) bool) (test, string) {
	o := cast(v)
	texts := func(context string) bool { return holds(orderOf(strings.Compare(context, o.text))) }
	problem := ""
	switch {
	case v.kind != text && v.kind != absent:
		// Python's engine fails when it looks for a version in a number.
		texts = func(string) bool { return false }
	case strings.HasSuffix(v.text, semverSuffix):
		texts, problem = compareVersions(strings.TrimSuffix(v.text, semverSuffix), holds)
	}
	t := test{holds: func(v *value, _ *budget) bool {
		switch v.kind {
		case text:
			return texts(v.text)
		case boolean:
			return holds(orderOf(bit(v.boolean) - bit(o.boolean)))
		case integer:
			return o.isInt && holds(orderOf(compareIntegers(v, &o)))
		default:
			return o.isFloat && holds(orderFloats(v.float, o.float))
		}
	}}
	if holds(same) && !holds(less) && !holds(greater) && texts != nil {
		t.values = o.equals(v)
	}
	return t, problem
}

// equals returns the values for which EQUAL can hold, nil when they cannot be listed.
func (o *operand) equals(v value) []value {
	if o.large != nil || strings.HasSuffix(v.text, semverSuffix) {
		return nil
	}
	values := []value{{kind: text, text: o.text}, {kind: boolean, boolean: o.boolean}}
	if o.isInt {
		values = append(values, value{kind: integer, integer: o.integer})
	}
	if o.isFloat && !math.IsNaN(o.float) {
		values = append(values, value{kind: float, float: o.float})
	}
	return values
}

func compareIntegers(v *value, o *operand) int {
	if v.large == nil && o.large == nil {
		return cmp.Compare(v.integer, o.integer)
	}
	a, b := v.large, o.large
	if a == nil {
		a = big.NewInt(v.integer)
	}
	if b == nil {
		b = big.NewInt(o.integer)
	}
	return a.Cmp(b)
}

func orderFloats(a, b float64) order {
	switch {
	case a < b:
		return less
	case a > b:
		return greater
	case a == b:
		return same
	default:
		return incomparable
	}
}

// compareVersions compares a context text with a version, both as strict SemVer 2.
func compareVersions(text string, holds func(order) bool) (func(string) bool, string) {
	v, ok := parseVersion(text)
	if !ok {
		return func(string) bool { return false }, quote(text) + " is not a SemVer 2 version"
	}
	return func(context string) bool {
		c, ok := parseVersion(context)
		return ok && holds(orderOf(c.compare(v)))
	}, ""
}

// compileContains compiles CONTAINS. When the condition holds a version, Python's engine
// compares it with each part of the context's version. Only the pre-release and the
// build can be equal to a text.
func compileContains(operand value) (test, string) {
	part := operand.str()
	if operand.kind != text && operand.kind != absent {
		return never(), opContains + " takes a text"
	}
	if !strings.HasSuffix(part, semverSuffix) {
		return test{holds: func(v *value, _ *budget) bool { return v.kind == text && strings.Contains(v.text, part) }}, ""
	}
	part = strings.TrimSuffix(part, semverSuffix)
	return test{holds: func(v *value, _ *budget) bool {
		if v.kind != text || part == "" {
			return false
		}
		version, ok := parseVersion(v.text)
		return ok && version.hasPart(part)
	}}, ""
}

func compileRegex(pattern string) (test, string) {
	re, err := regex.Compile(pattern)
	if err != nil {
		return never(), err.Error()
	}
	return test{holds: func(v *value, b *budget) bool {
		matched, err := re.Match(v.str(), &b.steps)
		if err != nil {
			b.exceed(CostRegex)
		}
		return matched
	}}, ""
}

func compileModulo(v value) (test, string) {
	const form = opModulo + ` takes "divisor|remainder", two numbers`
	divisorText, remainderText, _ := strings.Cut(v.str(), "|")
	divisor, divisorOK := number.Float(divisorText)
	remainder, remainderOK := number.Float(remainderText)
	switch {
	case !divisorOK || !remainderOK:
		return never(), form + ", not " + quote(v.str())
	case divisor == 0:
		return never(), opModulo + " by zero"
	}
	return test{holds: func(v *value, _ *budget) bool {
		n, ok := v.number()
		if !ok {
			return false
		}
		m, _ := number.Mod(n, divisor)
		return m == remainder
	}}, ""
}

func compilePercentageSplit(v value, segmentID string) (test, string) {
	o := cast(v)
	if !o.isFloat || v.kind == absent {
		return never(), opPercentageSplit + " takes a percentage, not " + quote(v.str())
	}
	limit, prefix := o.float, segmentID+","
	return test{holds: func(v *value, _ *budget) bool {
		var buffer [128]byte
		list := v.appendText(append(buffer[:0], prefix...))
		return percentage(&list) <= limit
	}}, ""
}

// quote returns a text of a document for a message, shortened and in quotes.
func quote(s string) string {
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:80], "") + "…"
	}
	return `"` + s + `"`
}
