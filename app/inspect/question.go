package inspect

import (
	"errors"
	"fmt"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

// Question says what to explain.
type Question struct {
	// Environment is the client-side key of the environment, "" for the only one.
	Environment string
	// Identity is whose flags to explain; nil: those of nobody, as GET /flags returns them.
	Identity *domain.Identity
	// Features are the names of the features to explain; empty: all.
	Features []string
}

// ReadIdentity reads an identity from the body of a request for /identities, a JSON object with
// identifier and traits. Other members are ignored, as there. The error says what is
// wrong, and what is allowed.
func ReadIdentity(body string) (*domain.Identity, error) {
	q, err := readQuestion(body, false)
	if err != nil {
		return nil, err
	}
	if q.Identity == nil {
		q.Identity = new(domain.Identity)
	}
	return q.Identity, nil
}

// ReadQuestion reads a question: the body of a request for /identities with the
// further members environment, a text, and features, a list of texts. Without
// identifier and traits it is about nobody. The error says what is wrong, and what is
// allowed.
func ReadQuestion(body string) (Question, error) { return readQuestion(body, true) }

// questionReader reads a question member by member. It goes on after an error, so that
// the text is also checked to be JSON.
type questionReader struct {
	jsonscan.Scanner
	whole    bool // also environment and features
	question Question
	err      error
}

func readQuestion(body string, whole bool) (Question, error) {
	r := questionReader{Scanner: jsonscan.New(strings.TrimPrefix(body, "\ufeff")), whole: whole}
	if r.Kind() == jsonscan.Object {
		for key := range r.Keys() {
			r.member(key)
		}
	} else {
		r.wrong(`the body is not an object such as {"identifier":"ada","traits":[]}`)
		r.Skip()
	}
	if err := r.End(); err != nil {
		return Question{}, fmt.Errorf("the body is not JSON: %w", err)
	}
	return r.question, r.err
}

func (r *questionReader) wrong(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *questionReader) member(key string) {
	switch {
	case key == "identifier":
		r.identity().Identifier = r.text("identifier")
	case key == "traits":
		r.traits()
	case key == "environment" && r.whole:
		r.question.Environment = r.text("environment")
	case key == "features" && r.whole:
		r.features()
	default:
		r.Skip()
	}
}

func (r *questionReader) identity() *domain.Identity {
	if r.question.Identity == nil {
		r.question.Identity = new(domain.Identity)
	}
	return r.question.Identity
}

// text reads a text, or null as "".
func (r *questionReader) text(what string) string {
	switch r.Kind() {
	case jsonscan.String:
		return r.String()
	case jsonscan.Null:
		r.Null()
	default:
		r.wrong("%s is not a text", what)
		r.Skip()
	}
	return ""
}

// list calls element for each element of a list. null is an empty list.
func (r *questionReader) list(what string, element func(i int)) {
	switch r.Kind() {
	case jsonscan.Array:
		r.EnterArray()
		for i := 0; r.NextElement(); i++ {
			element(i)
		}
	case jsonscan.Null:
		r.Null()
	default:
		r.wrong("%s is not a list", what)
		r.Skip()
	}
}

func (r *questionReader) features() {
	r.question.Features = nil
	r.list("features", func(i int) {
		r.question.Features = append(r.question.Features, r.text(fmt.Sprintf("features[%d]", i)))
	})
}

func (r *questionReader) traits() {
	id := r.identity()
	id.Traits = nil
	r.list("traits", func(i int) {
		where := fmt.Sprintf("traits[%d]", i)
		if r.Kind() != jsonscan.Object {
			r.wrong(`%s is not an object such as {"trait_key":"plan","trait_value":"pro"}`, where)
			r.Skip()
			return
		}
		id.Traits = append(id.Traits, r.trait(where))
	})
}

func (r *questionReader) trait(where string) (t domain.Trait) {
	keyed := false
	for key := range r.Keys() {
		switch key {
		case "trait_key":
			keyed = r.Kind() == jsonscan.String
			t.Key = r.text(where + ".trait_key")
		case "trait_value":
			t.Value = domain.ReadValue(&r.Scanner)
			if kind := t.Value.Kind(); kind == jsonscan.Array || kind == jsonscan.Object {
				r.wrong("%s.trait_value is not a text, a number, true, false or null", where)
			}
		default:
			r.Skip()
		}
	}
	if !keyed {
		r.wrong("%s has no trait_key that is a text", where)
	}
	return t
}

// ParseTrait reads a trait as a command line has it: KEY=VALUE for a text,
// KEY:TYPE=VALUE for another type, which is str, int, float or bool. Its error says what
// is wrong, and what is allowed.
func ParseTrait(argument string) (domain.Trait, error) {
	key, text, ok := strings.Cut(argument, "=")
	if !ok || key == "" {
		return domain.Trait{}, errors.New("a trait is KEY=VALUE, or KEY:TYPE=VALUE with the type str, int, float or bool")
	}
	kind := "str"
	if at := strings.LastIndexByte(key, ':'); at > 0 {
		switch suffix := key[at+1:]; suffix {
		case "str", "int", "float", "bool":
			key, kind = key[:at], suffix
		}
	}
	trait := domain.Trait{Key: key, Value: domain.StringValue(text)}
	s := jsonscan.New(text)
	switch {
	case kind == "str":
	case kind == "bool" && (text == "true" || text == "false"):
		trait.Value = domain.BoolValue(text == "true")
	case kind == "bool":
		return trait, fmt.Errorf("%q is not a bool; true and false are", text)
	case jsonscan.Valid(text) != nil || strings.TrimSpace(text) != text || s.Kind() != jsonscan.Number || kind == "int" && !jsonscan.IsInteger(text):
		return trait, fmt.Errorf("%q is not a number of the type %s, such as %s", text, kind, map[string]string{"int": "17", "float": "17.5"}[kind])
	default:
		trait.Value = domain.NumberValue(text)
	}
	return trait, nil
}
