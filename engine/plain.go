package engine

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsontext"
)

// plain returns a value in the Go types that JSONPath filters compare. Numbers
// that neither an int64 nor a float64 hold exactly stay text with a type.
func plain(v domain.Value) any {
	switch v.Kind() {
	case jsontext.String:
		return v.Text()
	case jsontext.Bool:
		return v.Text() == "true"
	case jsontext.Number:
		n := valueOf(v)
		switch {
		case n.kind == float:
			return n.float
		case n.large != nil:
			return json.Number(v.Text())
		default:
			return n.integer
		}
	case jsontext.Array, jsontext.Object:
		d := json.NewDecoder(strings.NewReader(v.Text()))
		d.UseNumber()
		var tree any
		if d.Decode(&tree) != nil {
			return nil
		}
		return tree
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
	case float64:
		return value{kind: float, float: node}
	case json.Number:
		if jsontext.IsInteger(string(node)) {
			return integerValue(string(node))
		}
		return floatValue(string(node))
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
	return json.Number(n.Or(n, new(big.Int).SetUint64(o.Low)).String())
}
