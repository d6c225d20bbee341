package engine

import (
	"math"
	"math/big"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
	"github.com/edge-proxy/edge-proxy/engine/python/jsonpath"
)

// plain returns a value in the types that a JSONPath works on.
func plain(v domain.Value) any {
	switch v.Kind() {
	case jsonscan.String:
		return v.Text()
	case jsonscan.Bool:
		return v.Text() == "true"
	case jsonscan.Number:
		switch n := valueOf(v); {
		case n.kind == float:
			return n.float
		case n.large != nil:
			return n.large
		default:
			return n.integer
		}
	case jsonscan.Array:
		var list []any
		s := jsonscan.New(v.Text())
		for s.EnterArray(); s.NextElement(); {
			list = append(list, plain(domain.ReadValue(&s)))
		}
		return list
	case jsonscan.Object:
		object := new(jsonpath.Object)
		s := jsonscan.New(v.Text())
		s.EnterObject()
		for {
			key, ok := s.NextKey()
			if !ok {
				return object
			}
			object.Set(key, plain(domain.ReadValue(&s)))
		}
	default:
		return nil
	}
}

// valueOfPlain is plain's way back, for primitives.
func valueOfPlain(node any) value {
	switch node := node.(type) {
	case string:
		return valueOfText(node)
	case bool:
		return value{kind: boolean, boolean: node}
	case int64:
		return value{kind: integer, integer: node}
	case *big.Int:
		return value{kind: integer, large: node}
	case float64:
		return value{kind: float, float: node}
	default:
		return value{}
	}
}

// idValue returns a segment's id, kept as text, as the number it mostly is.
func idValue(id string) domain.Value {
	if _, ok := new(big.Int).SetString(id, 10); ok {
		return domain.NumberValue(id)
	}
	return domain.StringValue(id)
}

func plainOrder(o domain.VariantOrder) any {
	if o.High == 0 && o.Low <= math.MaxInt64 {
		return int64(o.Low)
	}
	n := new(big.Int).Lsh(new(big.Int).SetUint64(o.High), 64)
	return n.Or(n, new(big.Int).SetUint64(o.Low))
}
