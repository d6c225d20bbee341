package httpapi

import (
	"errors"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

// The limits of an answer that lists problems. A body can have half a million of them,
// and describing one can take many times its size.
const (
	maxProblems  = 1000     // that are collected
	maxErrorBody = 64 << 10 // bytes of the answer; problems that do not fit are left out
)

// fault is a kind of validation error, with the words of the Python proxy.
type fault struct{ kind, message, context string }

// The vocabulary of validation errors (docs/spec/behaviour.md#validation-errors).
var (
	missing      = fault{kind: "missing", message: "Field required"}
	wrongModel   = fault{kind: "model_attributes_type", message: "Input should be a valid dictionary or object to extract fields from"}
	wrongList    = fault{kind: "list_type", message: "Input should be a valid list"}
	wrongString  = fault{kind: "string_type", message: "Input should be a valid string"}
	wrongInteger = fault{kind: "int_type", message: "Input should be a valid integer"}
	wrongNumber  = fault{kind: "float_type", message: "Input should be a valid number"}
	wrongBoolean = fault{kind: "bool_type", message: "Input should be a valid boolean"}
	longTrait    = fault{kind: "string_too_long", message: "String should have at most 2000 characters", context: `{"max_length":2000}`}
	longIdentity = fault{kind: "string_too_long", message: "String should have at most 16384 characters", context: `{"max_length":16384}`}
	longNumber   = fault{kind: "int_parsing_size", message: "Unable to parse input string as an integer, exceeded maximum size"}
)

var (
	errMissingBody       = invalid(problems{{missing, `["body"]`, "null"}})
	errMissingIdentifier = invalid(problems{{missing, `["query","identifier"]`, "null"}})
)

// problem is one validation error.
type problem struct {
	fault
	location string // JSON
	input    string // JSON: the invalid value
}

type problems []problem

// place is a place in a body.
type place struct {
	trait         int    // index, or none
	field, member string // "" for the whole trait or body
}

const none = -1

func (p place) location() string {
	dst := []byte(`["body"`)
	if p.trait != none {
		dst = strconv.AppendInt(append(dst, `,"traits",`...), int64(p.trait), 10)
	}
	if p.field != "" {
		dst = jsonscan.AppendString(append(dst, ','), p.field)
	}
	if p.member != "" {
		dst = jsonscan.AppendString(append(dst, ','), p.member)
	}
	return string(append(dst, ']'))
}

// add adds a problem with the JSON text input.
func (ps *problems) add(f fault, at place, input string) {
	if len(*ps) < maxProblems {
		*ps = append(*ps, problem{f, at.location(), input})
	}
}

// addValue adds the problems of a trait's value that has a wrong type.
func (ps *problems) addValue(trait int, input string) {
	ps.add(wrongString, place{trait, "trait_value", "str"}, input)
	ps.add(wrongInteger, place{trait, "trait_value", "int"}, input)
	ps.add(wrongNumber, place{trait, "trait_value", "float"}, input)
	ps.add(wrongBoolean, place{trait, "trait_value", "bool"}, input)
}

// invalid returns the error that lists all problems.
func invalid(ps problems) *statusError {
	body := []byte(`{"detail":[`)
	for i, p := range ps {
		whole := len(body)
		if i > 0 {
			body = append(body, ',')
		}
		body = jsonscan.AppendString(append(body, `{"type":`...), p.kind)
		body = append(append(body, `,"loc":`...), p.location...)
		body = jsonscan.AppendString(append(body, `,"msg":`...), p.message)
		body = appendInput(append(body, `,"input":`...), p.input)
		if p.context != "" {
			body = append(append(body, `,"ctx":`...), p.context...)
		}
		body = append(body, '}')
		if len(body) > maxErrorBody-len(`]}`) {
			body = body[:whole]
			break
		}
	}
	return &statusError{status: http.StatusUnprocessableEntity, body: append(body, `]}`...), rejection: badBody}
}

// malformed returns the error about a body that is not JSON. Its location counts
// characters, as the Python proxy does. A body that is not UTF-8 is unreadable, also as
// in the Python proxy.
func malformed(body string, err error) error {
	if !utf8.ValidString(body) {
		return errUnreadable
	}
	what, at := err.Error(), 0
	var syntax *jsonscan.SyntaxError
	if errors.As(err, &syntax) {
		what, at = syntax.What, utf8.RuneCountInString(body[:syntax.Offset])
	}
	context := append(jsonscan.AppendString([]byte(`{"error":`), what), '}')
	return invalid(problems{{
		fault:    fault{"json_invalid", "JSON decode error", string(context)},
		location: `["body",` + strconv.Itoa(at) + `]`,
		input:    "{}",
	}})
}

// notAnObject returns the error about a body that is not declared as JSON.
func notAnObject(body string) error {
	return invalid(problems{{wrongModel, `["body"]`, string(jsonscan.AppendString(nil, cut(body)))}})
}
