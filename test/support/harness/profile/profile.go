// Package profile generates the sizing profile: an environment
// document in which every feature is overridden by every segment and every
// segment has many trait conditions. Throughput figures of the proxy are about
// this document.
package profile

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// ClientKey is the client-side key of every profile.
const ClientKey = "bench_client_key"

// Size is how large a profile is.
type Size struct {
	Features          int
	Segments          int // each overrides every feature
	Conditions        int // of each segment
	IdentityOverrides int // identities user_0, user_1, …, with one overridden feature each
}

// Default is the size that the published figures are about: 50 features, 15
// segments, 750 segment overrides, 15 conditions a segment.
func Default() Size {
	return Size{Features: 50, Segments: 15, Conditions: 15}
}

// Document returns the environment document of a size, as compact JSON. The
// same size gives the same bytes.
func Document(size Size) []byte {
	text, err := json.Marshal(document(size))
	if err != nil {
		panic(fmt.Sprintf("profile: %v", err)) // only values that can be written are in it
	}
	return text
}

func traitName(segment, condition int) string { return fmt.Sprintf("trait_%d_%d", segment, condition) }

// none stands for "no segment" where a feature state is the environment's own.
const none = -1

// namespace is the one that RFC 9562 gives to DNS names.
var namespace = uuid.NameSpaceDNS

// id derives a UUID from what it is for.
func id(parts ...any) string {
	words := make([]string, len(parts))
	for i, part := range parts {
		words[i] = fmt.Sprint(part)
		if part == none {
			words[i] = "None" // the name that the published profile has for it
		}
	}
	return uuid.NewSHA1(namespace, []byte(strings.Join(words, "/"))).String()
}

func featureState(feature, segment int, multivariate bool) featureStateJSON {
	state := featureStateJSON{
		Feature: featureJSON{ID: 1000 + feature, Name: fmt.Sprintf("feature_%03d", feature), Type: "STANDARD"},
		Enabled: (feature+max(segment, 0))%2 == 0,
		UUID:    id("fs", feature, segment),
		ID:      5000 + feature,
		Options: []optionJSON{},
	}
	switch feature % 3 {
	case 1:
		state.Value = feature
	case 2:
		state.Value = "value " + strconv.Itoa(feature)
		if segment != none {
			state.Value = fmt.Sprintf("value %d in segment %d", feature, segment)
		}
	}
	if segment != none {
		state.ID = 100000 + 1000*segment + feature
		state.Segment = &prioJSON{Priority: segment}
	}
	if multivariate {
		state.Feature.Type = "MULTIVARIATE"
		for option := range 3 {
			state.Options = append(state.Options, optionJSON{
				ID:     9000 + 10*feature + option,
				UUID:   id("mv", feature, option),
				Weight: json.Number("20.0"),
				Option: valueJSON{Value: fmt.Sprintf("option %d", option), ID: 7000 + 10*feature + option},
			})
		}
	}
	return state
}

// condition is the n-th condition of a segment; five operators take turns.
func condition(segment, n int) conditionJSON {
	c := conditionJSON{Property: traitName(segment, n)}
	switch n % 5 {
	case 0:
		c.Operator, c.Value = "EQUAL", fmt.Sprintf("v%d", segment)
	case 1:
		c.Operator, c.Value = "GREATER_THAN", strconv.Itoa(n)
	case 2:
		c.Operator, c.Value = "CONTAINS", fmt.Sprintf("part%d", n)
	case 3:
		members := make([]string, 20)
		for i := range members {
			members[i] = fmt.Sprintf("x%d", i)
		}
		c.Operator, c.Value = "IN", strings.Join(members, ",")
	case 4:
		c.Operator, c.Value = "REGEX", fmt.Sprintf("^v[0-9]+-%d$", segment)
	}
	return c
}

func segment(n int, size Size) segmentJSON {
	matching := ruleJSON{Type: "ANY", Conditions: []conditionJSON{}, Rules: []ruleJSON{}}
	for c := range size.Conditions {
		matching.Conditions = append(matching.Conditions, condition(n, c))
	}
	s := segmentJSON{
		ID:     300 + n,
		Name:   fmt.Sprintf("segment_%02d", n),
		Rules:  []ruleJSON{{Type: "ALL", Conditions: []conditionJSON{}, Rules: []ruleJSON{matching}}},
		States: []featureStateJSON{},
	}
	for feature := range size.Features {
		s.States = append(s.States, featureState(feature, n, false))
	}
	return s
}

func document(size Size) documentJSON {
	d := documentJSON{
		ID: 1, APIKey: ClientKey, Name: "Bench", UpdatedAt: "2026-01-02T03:04:05.678901+00:00",
		Project: projectJSON{
			ID: 1, Name: "Bench", ServerKeyOnly: []int{}, Segments: []segmentJSON{},
			Organisation: organisationJSON{ID: 1, Name: "Org", PersistTraitData: true},
		},
		States:         []featureStateJSON{},
		Overrides:      []overrideJSON{},
		CompositeKey:   true,
		LocalOverrides: true,
		ClientTraits:   true,
	}
	for n := range size.Segments {
		d.Project.Segments = append(d.Project.Segments, segment(n, size))
	}
	for feature := range size.Features {
		d.States = append(d.States, featureState(feature, none, feature%10 == 5))
	}
	for k := range size.IdentityOverrides {
		identifier := fmt.Sprintf("user_%d", k)
		d.Overrides = append(d.Overrides, overrideJSON{
			Identifier: identifier, UUID: id("id", k), CreatedDate: "2026-01-01T00:00:00+00:00",
			APIKey: ClientKey, Traits: []struct{}{}, CompositeKey: ClientKey + "_" + identifier,
			Features: []featureStateJSON{featureState(k%size.Features, none, false)},
		})
	}
	return d
}
