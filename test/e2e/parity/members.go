package parity

import (
	"bytes"
	"encoding/json"
)

// The recordings are of different ages, and the proxy answers as the Flagsmith API of
// today. So members that a recording cannot have are left out of the comparison.

// newMembers are the members of a flag that engine 11 brought.
var newMembers = []string{"variant", "reason", "metadata"}

// edited returns an answer as JSON after edit has changed its flags and its traits. An
// answer that is not JSON stays as it is.
func edited(answer []byte, flag, trait func(map[string]any)) []byte {
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil || decoder.More() {
		return answer
	}
	each(value, func(o map[string]any) {
		if _, isFlag := o["feature_state_value"]; isFlag {
			flag(o)
		}
		if traits, isIdentity := o["traits"].([]any); isIdentity {
			each(traits, trait)
			each(o["flags"], flag)
		}
	})
	text, err := json.Marshal(value)
	if err != nil {
		return answer
	}
	return text
}

// each calls edit for an object, or for the objects of a list.
func each(value any, edit func(map[string]any)) {
	switch value := value.(type) {
	case map[string]any:
		edit(value)
	case []any:
		for _, element := range value {
			if o, isObject := element.(map[string]any); isObject {
				edit(o)
			}
		}
	}
}

// WithoutNewMembers returns an answer without the members that recordings of engine 10
// cannot have.
func WithoutNewMembers(answer []byte) []byte {
	return edited(answer, withoutNewMembers, withoutTransient)
}

func withoutNewMembers(flag map[string]any) {
	for _, name := range newMembers {
		delete(flag, name)
	}
}

func withoutTransient(trait map[string]any) { delete(trait, "transient") }

func unchanged(map[string]any) {}

// compared returns what is compared of a recorded answer and of the proxy's.
func (e Evaluation) compared(answer []byte) (want, got []byte) {
	if e.Reasons == nil {
		return edited(e.Response, unchanged, unchanged), WithoutNewMembers(answer)
	}
	withReason := func(flag map[string]any) {
		feature, _ := flag["feature"].(map[string]any)
		name, _ := feature["name"].(string)
		flag["reason"] = e.Reasons[name]
	}
	return edited(e.Response, withReason, unchanged), edited(answer, unchanged, withoutTransient)
}
