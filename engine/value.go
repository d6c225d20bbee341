package engine

import (
	"math/big"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
	"github.com/edge-proxy/edge-proxy/engine/python/number"
	pytext "github.com/edge-proxy/edge-proxy/engine/python/text"
)

// value is a context value, which conditions test. The zero value is absent, and so is
// null.
type value struct {
	kind    kind
	boolean bool
	integer int64 // unless large is set
	float   float64
	large   *big.Int
	text    string // of a large integer its digits, "" if they are not known
}

type kind uint8

const (
	absent kind = iota
	boolean
	integer
	float
	text
)

// valueOf converts a value of a request or a document. A text that is a number becomes
// that number. A list and an object are absent.
func valueOf(v domain.Value) value {
	switch v.Kind() {
	case jsonscan.String:
		return valueOfText(v.Text())
	case jsonscan.Number:
		if !jsonscan.IsInteger(v.Text()) {
			return floatValue(v.Text())
		}
		return integerValue(v.Text())
	case jsonscan.Bool:
		return value{kind: boolean, boolean: v.Text() == "true"}
	default:
		return value{}
	}
}

// valueOfText converts a text that fully matches -?[0-9]+ to an integer and one
// that matches -?[0-9]+\.[0-9]+ to a float (docs/spec/behaviour.md#context-values).
func valueOfText(s string) value {
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	start := i
	for i < len(s) && s[i]-'0' < 10 {
		i++
	}
	switch {
	case i == start:
		return value{kind: text, text: s}
	case i == len(s):
		return integerValue(s)
	case s[i] != '.' || i+1 == len(s):
		return value{kind: text, text: s}
	}
	for i++; i < len(s) && s[i]-'0' < 10; i++ {
	}
	if i < len(s) {
		return value{kind: text, text: s}
	}
	return floatValue(s)
}

// integerValue returns the integer that digits stand for. Digits that Python refuses to
// read are absent.
func integerValue(digits string) value {
	small, large, ok := number.ParseInt(digits)
	switch {
	case !ok:
		return value{}
	case large == nil:
		return value{kind: integer, integer: small}
	case digits[0] == '-':
		return value{kind: integer, large: large, text: "-" + strings.TrimLeft(digits[1:], "0")}
	default:
		return value{kind: integer, large: large, text: strings.TrimLeft(digits, "0")}
	}
}

func floatValue(decimal string) value { return value{kind: float, float: number.ParseFloat(decimal)} }

// valueOfNode returns the value of a JSONPath's node. A node that is not a primitive
// has none.
func valueOfNode(node any) value {
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

// appendText appends Python's str() of v.
func (v *value) appendText(dst []byte) []byte {
	switch v.kind {
	case boolean:
		return pytext.AppendStr(dst, v.boolean)
	case integer:
		if v.text != "" {
			return append(dst, v.text...)
		}
		if v.large != nil {
			return pytext.AppendStr(dst, v.large)
		}
		return pytext.AppendStr(dst, v.integer)
	case float:
		return pytext.AppendStr(dst, v.float)
	case text:
		return append(dst, v.text...)
	default:
		return pytext.AppendStr(dst, nil)
	}
}

// str is Python's str() of v.
func (v *value) str() string {
	if v.text != "" || v.kind == text {
		return v.text
	}
	return string(v.appendText(nil))
}

// number returns v as a number in Python's float arithmetic: a boolean is 0 or 1. ok
// is false for texts and for integers beyond the range of a float.
func (v *value) number() (n float64, ok bool) {
	switch v.kind {
	case boolean:
		if v.boolean {
			return 1, true
		}
		return 0, true
	case integer:
		if v.large != nil {
			return number.IntToFloat(v.large)
		}
		return float64(v.integer), true
	case float:
		return v.float, true
	default:
		return 0, false
	}
}
