package parity

import "github.com/edge-proxy/edge-proxy/test/e2e/parity/jsondiff"

// The recordings are of different ages, and the proxy answers as the Flagsmith API of
// today. So members that a recording cannot have are left out of the comparison.

// newMembers are the members of a flag that engine 11 brought.
var newMembers = []string{"variant", "reason", "metadata"}

// members returns a function that edits a decoded answer: its flags and its traits.
func members(flag, trait func(map[string]any)) func(value any) {
	return func(value any) {
		each(value, func(o map[string]any) {
			if _, isFlag := o["feature_state_value"]; isFlag {
				flag(o)
			}
			if traits, isIdentity := o["traits"].([]any); isIdentity {
				each(traits, trait)
				each(o["flags"], flag)
			}
		})
	}
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

// Diff returns how an answer differs from a recorded one of engine 10. It leaves out the
// members that such a recording cannot have.
func Diff(want, got []byte) []string {
	return jsondiff.DiffEdited(want, got, asItIs, members(withoutNewMembers, withoutTransient))
}

func withoutNewMembers(flag map[string]any) {
	for _, name := range newMembers {
		delete(flag, name)
	}
}

func withoutTransient(trait map[string]any) { delete(trait, "transient") }

func unchanged(map[string]any) {}

func asItIs(any) {}

// differences returns how the proxy's answer differs from the recorded one.
func (e Evaluation) differences(answer []byte) []string {
	if e.Reasons == nil {
		return Diff(e.Response, answer)
	}
	withReason := func(flag map[string]any) {
		feature, _ := flag["feature"].(map[string]any)
		name, _ := feature["name"].(string)
		flag["reason"] = e.Reasons[name]
	}
	return jsondiff.DiffEdited(e.Response, answer, members(withReason, unchanged), members(unchanged, withoutTransient))
}
