package jsonpath

import (
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
	"github.com/edge-proxy/edge-proxy/engine/python/number"
)

// Node returns a JSON value in the types that a query works on, those of an
// [Object]'s members. Numbers without a fraction and an exponent become int64 or,
// where they do not fit, *big.Int; all others become float64. An integer of more digits
// than Python reads becomes nil.
func Node(v domain.Value) any {
	switch v.Kind() {
	case jsonscan.String:
		return v.Text()
	case jsonscan.Bool:
		return v.Text() == "true"
	case jsonscan.Number:
		if !jsonscan.IsInteger(v.Text()) {
			return number.ParseFloat(v.Text())
		}
		small, large, ok := number.ParseInt(v.Text())
		switch {
		case !ok:
			return nil
		case large != nil:
			return large
		}
		return small
	case jsonscan.Array:
		var list []any
		s := jsonscan.New(v.Text())
		for s.EnterArray(); s.NextElement(); {
			list = append(list, Node(domain.ReadValue(&s)))
		}
		return list
	case jsonscan.Object:
		object := new(Object)
		s := jsonscan.New(v.Text())
		for key := range s.Keys() {
			object.Set(key, Node(domain.ReadValue(&s)))
		}
		return object
	default:
		return nil
	}
}
