package domain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// FeatureOverride is what an operator sets of a feature for everybody, for a time.
type FeatureOverride struct {
	Enabled bool `json:"enabled"`
	// Value is a JSON text, number, boolean or null; nil: the document's value stays.
	Value json.RawMessage `json:"value,omitempty"`
}

// Valid returns an error that says what is wrong with the value, or nil.
func (o FeatureOverride) Valid() error {
	if o.Value == nil {
		return nil
	}
	var v any
	if err := json.Unmarshal(o.Value, &v); err != nil {
		return errors.New("the value is not JSON")
	}
	switch v.(type) {
	case map[string]any, []any:
		return errors.New("the value of a feature is a text, a number, true, false or null; write JSON as a text")
	}
	return nil
}

// overrideMark is the member of a feature state that an operator has set. Flagsmith's
// documents do not have it.
const overrideMark = "edge_proxy_override"

// WithOverrides returns an environment document in which the features that overrides
// names are as it says, for everybody: their options and the overrides of segments and
// identities are gone. Names that the document does not have are ignored. The result
// depends on nothing else, so that every node makes the same bytes; what is not about
// these features stays as it was written, but for the order of members. body is not
// changed. The error says that body is not an environment document.
func WithOverrides(body []byte, overrides map[string]FeatureOverride) ([]byte, error) {
	e := overriding{overrides}
	return e.object(body, map[string]edit{
		"feature_states": e.list(e.state),
		"project": func(raw []byte) ([]byte, error) {
			return e.object(raw, map[string]edit{"segments": e.list(e.without("feature_states"))})
		},
		"identity_overrides": e.list(e.without("identity_features")),
	})
}

// edit returns another text for a JSON value; nil: the value is to be removed.
type edit func(raw []byte) ([]byte, error)

type overriding struct{ overrides map[string]FeatureOverride }

// object edits members of an object. A null stays.
func (e overriding) object(raw []byte, edits map[string]edit) ([]byte, error) {
	if isNull(raw) {
		return raw, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	for name, change := range edits {
		if member, ok := members[name]; ok {
			changed, err := change(member)
			if err != nil {
				return nil, err
			}
			members[name] = changed
		}
	}
	return compactJSON(members)
}

// list edits the elements of a list. A null stays.
func (e overriding) list(change edit) edit {
	return func(raw []byte) ([]byte, error) {
		if isNull(raw) {
			return raw, nil
		}
		var elements, kept []json.RawMessage
		if err := json.Unmarshal(raw, &elements); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
		}
		kept = []json.RawMessage{}
		for _, element := range elements {
			changed, err := change(element)
			if err != nil {
				return nil, err
			}
			if changed != nil {
				kept = append(kept, changed)
			}
		}
		return compactJSON(kept)
	}
}

// without removes the states of overridden features from a member that lists states.
func (e overriding) without(member string) edit {
	return func(raw []byte) ([]byte, error) {
		return e.object(raw, map[string]edit{member: e.list(func(state []byte) ([]byte, error) {
			if _, overridden := e.of(state); overridden {
				return nil, nil
			}
			return state, nil
		})})
	}
}

// state sets a feature state of the environment.
func (e overriding) state(raw []byte) ([]byte, error) {
	o, overridden := e.of(raw)
	if !overridden {
		return raw, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	members["enabled"] = json.RawMessage(map[bool]string{true: "true", false: "false"}[o.Enabled])
	if o.Value != nil {
		members["feature_state_value"] = o.Value
	}
	members["multivariate_feature_state_values"] = json.RawMessage("[]")
	members[overrideMark] = json.RawMessage("true")
	return compactJSON(members)
}

// of returns the override of the feature that a state is of.
func (e overriding) of(state []byte) (o FeatureOverride, overridden bool) {
	var named struct {
		Feature struct {
			Name string `json:"name"`
		} `json:"feature"`
	}
	if json.Unmarshal(state, &named) != nil {
		return o, false
	}
	o, overridden = e.overrides[named.Feature.Name]
	return o, overridden
}

func isNull(raw []byte) bool { return string(bytes.TrimSpace(raw)) == "null" }

// compactJSON is json.Marshal that leaves <, > and & as they are.
func compactJSON(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
