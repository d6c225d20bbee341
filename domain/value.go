package domain

import (
	"strconv"

	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

// Value is a JSON value of a document or a request. Numbers keep their text, so that
// they lose neither precision nor type. The zero Value is null.
type Value struct {
	kind jsonscan.Kind
	text string // String: decoded; Bool, Number: the token; Array, Object: compact JSON
}

// StringValue returns the Value of a string.
func StringValue(s string) Value { return Value{jsonscan.String, s} }

// NumberValue returns the Value of a number; token must be a JSON number.
func NumberValue(token string) Value { return Value{jsonscan.Number, token} }

// BoolValue returns the Value of a boolean.
func BoolValue(b bool) Value {
	if b {
		return Value{jsonscan.Bool, "true"}
	}
	return Value{jsonscan.Bool, "false"}
}

// ReadValue reads the next value of s. It may share the text that s reads.
func ReadValue(s *jsonscan.Scanner) Value {
	switch kind := s.Kind(); kind {
	case jsonscan.String:
		return Value{kind, s.String()}
	case jsonscan.Number:
		return Value{kind, s.Number()}
	case jsonscan.Bool:
		return BoolValue(s.Bool())
	case jsonscan.Array, jsonscan.Object:
		raw := s.Raw()
		return Value{kind, string(jsonscan.AppendCompact(make([]byte, 0, len(raw)), raw))}
	default:
		s.Null()
		return Value{}
	}
}

// Kind returns the value's kind, jsonscan.Null for the zero Value.
func (v Value) Kind() jsonscan.Kind {
	if v.kind == jsonscan.Invalid {
		return jsonscan.Null
	}
	return v.kind
}

// IsNull reports whether the value is null.
func (v Value) IsNull() bool { return v.Kind() == jsonscan.Null }

// Text returns the string of a String, the token of a Number or Bool, the
// compact JSON of an Array or Object, and "" for null.
func (v Value) Text() string { return v.text }

// Float returns the value of a Number as the nearest float64. ok is false for other
// kinds and for a number beyond the range of float64.
func (v Value) Float() (f float64, ok bool) {
	if v.Kind() != jsonscan.Number {
		return 0, false
	}
	f, err := strconv.ParseFloat(v.text, 64)
	return f, err == nil
}

// AppendJSON appends the value as compact JSON.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.Kind() {
	case jsonscan.Null:
		return append(dst, "null"...)
	case jsonscan.String:
		return jsonscan.AppendString(dst, v.text)
	default:
		return append(dst, v.text...)
	}
}
