package httpapi

import (
	"errors"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

// maxProblems bounds what one answer lists: a body can hold half a million
// errors, each of which takes a hundred times its size to tell.
const maxProblems = 1000

// fault is a kind of validation error, by the reference's word for it.
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
	longString   = fault{kind: "string_too_long", message: "String should have at most 2000 characters", context: `{"max_length":2000}`}
)

var (
	errMissingBody       = invalid(problems{{missing, `["body"]`, "null"}})
	errMissingIdentifier = invalid(problems{{missing, `["query","identifier"]`, "null"}})
)

// problem is one validation error.
type problem struct {
	fault
	location string // JSON
	input    string // JSON: the value that is wrong
}

type problems []problem

// place is where in a body something is wrong.
type place struct {
	trait         int    // index, or none
	field, member string // "" for the whole
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

func (ps problems) any() bool { return len(ps) > 0 }

// add notes a fault of the JSON text input.
func (ps *problems) add(f fault, at place, input string) {
	if len(*ps) < maxProblems {
		*ps = append(*ps, problem{f, at.location(), input})
	}
}

// addValue notes that the value of a trait is none of the types it may be.
func (ps *problems) addValue(trait int, input string) {
	ps.add(wrongString, place{trait, "trait_value", "str"}, input)
	ps.add(wrongInteger, place{trait, "trait_value", "int"}, input)
	ps.add(wrongNumber, place{trait, "trait_value", "float"}, input)
	ps.add(wrongBoolean, place{trait, "trait_value", "bool"}, input)
}

// invalid returns the answer that lists all problems.
func invalid(ps problems) *statusError {
	body := []byte(`{"detail":[`)
	for i, p := range ps {
		if i > 0 {
			body = append(body, ',')
		}
		body = jsonscan.AppendString(append(body, `{"type":`...), p.kind)
		body = append(append(body, `,"loc":`...), p.location...)
		body = jsonscan.AppendString(append(body, `,"msg":`...), p.message)
		body = jsonscan.AppendCompact(append(body, `,"input":`...), p.input)
		if p.context != "" {
			body = append(append(body, `,"ctx":`...), p.context...)
		}
		body = append(body, '}')
	}
	return &statusError{status: http.StatusUnprocessableEntity, body: string(append(body, `]}`...))}
}

// malformed returns the answer to a body that is no JSON. The location counts
// characters, as the reference does. A body that is no UTF-8 is no text that could
// be JSON or not: as in the reference, it cannot be read.
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

// notAnObject returns the answer to a body that is taken as it is, not as JSON.
func notAnObject(body string) error {
	return invalid(problems{{wrongModel, `["body"]`, string(jsonscan.AppendString(nil, body))}})
}
