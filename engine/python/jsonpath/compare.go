package jsonpath

import (
	"math/big"
	"slices"
	"strings"
)

// equal reports whether two values are the same JSON value. Numbers of different types
// are equal when their values are. Nothing equals nothing.
func (w *walk) equal(a, b any) bool {
	if !w.take(weight(a)) {
		return false
	}
	switch a := a.(type) {
	case nothing, nil, bool, string:
		return a == b
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, w.equal)
	case *Object:
		b, ok := b.(*Object)
		return ok && len(a.names) == len(b.names) && !slices.ContainsFunc(a.names, func(name string) bool {
			other, ok := b.values[name]
			return !ok || !w.equal(a.values[name], other)
		})
	default:
		return isNumber(b) && compareNumbers(a, b) == 0
	}
}

// less orders texts and numbers. Booleans are the numbers 0 and 1. Other values have
// no order.
func less(a, b any) bool {
	a, b = boolAsNumber(a), boolAsNumber(b)
	if isNumber(a) && isNumber(b) {
		return compareNumbers(a, b) < 0
	}
	x, isText := a.(string)
	y, both := b.(string)
	return isText && both && strings.Compare(x, y) < 0
}

func boolAsNumber(v any) any {
	switch v {
	case false:
		return int64(0)
	case true:
		return int64(1)
	default:
		return v
	}
}

func isNumber(v any) bool {
	switch v.(type) {
	case int64, float64, *big.Int:
		return true
	default:
		return false
	}
}

// compareNumbers compares numbers exactly, whatever their types.
func compareNumbers(a, b any) int { return exact(a).Cmp(exact(b)) }

// exact converts any number of a document without loss. No document has a NaN.
func exact(v any) *big.Float {
	switch v := v.(type) {
	case int64:
		return new(big.Float).SetInt64(v)
	case float64:
		return new(big.Float).SetFloat64(v)
	default:
		return new(big.Float).SetInt(v.(*big.Int))
	}
}

// weight is how many steps it takes to compare a value.
func weight(v any) int {
	if large, isLarge := v.(*big.Int); isLarge {
		return nodeCost + len(large.Bits())*digitsCost
	}
	return nodeCost
}
