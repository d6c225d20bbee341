package inspect

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
)

const (
	// maxDependencies is how many flags of the dependencies of one flag are shown.
	maxDependencies = 1000
	// maxConditions is about how many conditions one explanation shows. A segment is shown
	// with each feature that it overrides, so that a document of some megabytes would
	// otherwise make hundreds of them.
	maxConditions = 20_000
)

// UnknownFeatureError says that an environment lacks a feature.
type UnknownFeatureError struct {
	Feature string
	Known   int // how many features the environment has
}

func (e *UnknownFeatureError) Error() string {
	return fmt.Sprintf("the environment does not have the feature %q among its %d; names are case-sensitive", e.Feature, e.Known)
}

// Explain explains flags of a document. It evaluates as for the server-side key, so
// that it also shows hidden flags. Errors: one that wraps domain.ErrUnusable; an
// *UnknownFeatureError.
func Explain(document Source, q Question) (*Explanation, error) {
	e, missing, err := explain(document, q)
	if err == nil && len(missing) > 0 {
		return nil, document.about(missing[0])
	}
	return e, err
}

// explain explains flags of a document, and returns which the document lacks.
func explain(document Source, q Question) (*Explanation, []*UnknownFeatureError, error) {
	e, err := document.parse()
	if err != nil {
		return nil, nil, err
	}
	x := engine.NewExplainer(e)
	features, missing := featuresOf(x.Program(), q.Features)
	explained := x.Explain(q.Identity, features)
	sum := sha256.Sum256([]byte(document.Text))
	answer := &Explanation{
		Environment: e.APIKey, Document: Document{e.UpdatedAt.UTC(), hex.EncodeToString(sum[:])},
		Notes: notesOf(e, q.Identity), Incomplete: explained.Incomplete, Flags: make([]Flag, len(explained.Features)),
	}
	left := maxConditions
	for i := range explained.Features {
		answer.Flags[i] = flagOf(x, explained, &explained.Features[i], &left)
	}
	return answer, missing, nil
}

// featuresOf returns the numbers of features, each once, of all if none are named.
func featuresOf(p *engine.Program, names []string) (features []int, missing []*UnknownFeatureError) {
	if len(names) == 0 {
		for feature := range p.Len() {
			features = append(features, feature)
		}
		return features, nil
	}
	for _, name := range names {
		feature, ok := p.Feature(name)
		if !ok {
			missing = append(missing, &UnknownFeatureError{name, p.Len()})
		} else if !slices.Contains(features, feature) {
			features = append(features, feature)
		}
	}
	return features, missing
}

func notesOf(e *domain.Environment, id *domain.Identity) (notes []string) {
	if e.Serving.Stopped {
		notes = append(notes, "the organisation is disabled from serving flags: requests are answered with 403")
	}
	if e.Serving.IgnoreClientTraits && id != nil && len(id.Traits) > 0 {
		notes = append(notes, "allow_client_traits is false: the traits of a request with the client-side key do not apply; here they do")
	}
	return notes
}

// flagOf returns the explanation of a flag. left is how many more conditions may be shown.
func flagOf(x *engine.Explainer, explained *engine.Explanation, trace *engine.FeatureTrace, left *int) Flag {
	o := &x.Program().Outcomes()[trace.Outcome]
	f := Flag{
		Feature: o.Feature.Name, Enabled: o.Enabled, Value: raw(o.Value), Variant: raw(o.Variant()), Reason: string(o.AppendReason(nil)), Hidden: o.Hidden,
		Dependencies: dependenciesOf(x, explained, trace.Feature),
	}
	decided := trace.Identity != nil
	own := Step{Kind: StepIdentity, Applies: decided}
	if decided {
		own.State = &State{Enabled: trace.Identity.Enabled, Value: raw(trace.Identity.Value)}
	}
	f.Steps = append(f.Steps, own)
	for i := range trace.Segments {
		s := &trace.Segments[i]
		step := Step{
			Kind: StepSegment, Applies: s.Applies && !decided, Segment: &Segment{s.Segment.ID, s.Segment.Name}, Priority: raw(s.Priority),
			Matches: s.Matches, Against: against(s.Against), State: stateOf(s.State),
		}
		if step.Omitted = *left <= 0 && len(s.Rules) > 0; !step.Omitted {
			step.Rules = rulesOf(s.Rules, left)
		}
		f.Steps = append(f.Steps, step)
		decided = decided || s.Applies
	}
	f.Steps = append(f.Steps, Step{Kind: StepEnvironment, Applies: !decided, State: stateOf(trace.Default)})
	return f
}

func against(a engine.Against) string {
	switch a {
	case engine.Cycle:
		return "cycle"
	case engine.Budget:
		return "budget"
	default:
		return ""
	}
}

func stateOf(trace engine.StateTrace) *State {
	s := &State{Enabled: trace.Outcome.Enabled, Value: raw(trace.Outcome.Value)}
	if trace.Split == nil {
		return s
	}
	s.Split = &Split{Hashed: trace.Split.Key, Percentage: trace.Split.Percentage}
	for _, o := range trace.Split.Options {
		s.Split.Options = append(s.Split.Options, Option{raw(o.Outcome.Variant()), raw(o.Outcome.Value), o.Start, o.End, o.Chosen})
	}
	return s
}

// rulesOf returns rules, and takes their conditions from left.
func rulesOf(traces []engine.RuleTrace, left *int) []Rule {
	rules := make([]Rule, len(traces))
	for i := range traces {
		r := Rule{Type: string(traces[i].Type), Holds: traces[i].Holds, Conditions: make([]Condition, len(traces[i].Conditions)), Rules: rulesOf(traces[i].Rules, left)}
		*left -= 1 + len(r.Conditions)
		for j := range traces[i].Conditions {
			r.Conditions[j] = conditionOf(&traces[i].Conditions[j])
		}
		rules[i] = r
	}
	return rules
}

func conditionOf(trace *engine.ConditionTrace) Condition {
	source := trace.Condition
	return Condition{
		Property: source.Property, Operator: source.Operator, Value: raw(source.Value), Seen: raw(trace.Seen), SeenAs: string(trace.SeenAs),
		Percentage: trace.Percentage, Holds: trace.Holds, Decisive: trace.Decisive, CutOff: trace.CutOff,
	}
}

// dependenciesOf returns the flags that a feature depends on, as a tree in which the
// dependencies of each flag are shown once.
func dependenciesOf(x *engine.Explainer, explained *engine.Explanation, feature int) []Dependency {
	shown, left := map[int]bool{feature: true}, maxDependencies
	var below func(feature int) []Dependency
	below = func(feature int) (list []Dependency) {
		for _, read := range x.Reads(feature) {
			if left--; left < 0 {
				break
			}
			o := &x.Program().Outcomes()[explained.Outcomes[read]]
			d := Dependency{Feature: o.Feature.Name, Enabled: o.Enabled, Value: raw(o.Value), Variant: raw(o.Variant()), Reason: string(o.AppendReason(nil)), Repeated: shown[read]}
			if !shown[read] {
				shown[read] = true
				d.Dependencies = below(read)
			}
			list = append(list, d)
		}
		return list
	}
	return below(feature)
}

// raw returns a value as JSON.
func raw(v domain.Value) json.RawMessage { return v.AppendJSON(nil) }
