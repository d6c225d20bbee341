package inprocess

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
)

// traitsOfSegments is how many traits the segments of indexed ask about.
const traitsOfSegments = 10

// indexed returns a document of that many segments, each of which asks one of ten
// traits for equality or, every second, for one of a list, and overrides one of
// ten features.
func indexed(segments int) []byte {
	var b strings.Builder
	b.WriteString(`{"api_key":"` + clientKey + `","name":"Bench","updated_at":"2026-01-02T03:04:05.678901+00:00","identity_overrides":[],"feature_states":[`)
	for f := range 10 {
		comma(&b, f)
		fmt.Fprintf(&b, `{"feature":{"id":%d,"name":"feature_%d","type":"STANDARD"},"enabled":true,"feature_state_value":"own","django_id":%d,"multivariate_feature_state_values":[]}`, f+1, f, f+1)
	}
	b.WriteString(`],"project":{"id":1,"name":"Bench","hide_disabled_flags":false,"server_key_only_feature_ids":[],"segments":[`)
	for s := range segments {
		comma(&b, s)
		operator, value := "EQUAL", fmt.Sprintf("v%d", s)
		if s%2 == 1 {
			operator, value = "IN", fmt.Sprintf("v%d,w%d", s, s)
		}
		fmt.Fprintf(&b, `{"id":%d,"name":"segment_%d","rules":[{"type":"ALL","conditions":[],"rules":[{"type":"ANY","rules":[],"conditions":[`+
			`{"operator":%q,"property_":"trait_%d","value":%q}]}]}],`+
			`"feature_states":[{"feature":{"id":%d,"name":"feature_%d","type":"STANDARD"},"enabled":true,"feature_state_value":"segment %d","django_id":%d,"feature_segment":{"priority":%d},"multivariate_feature_state_values":[]}]}`,
			s+1, s, operator, s%traitsOfSegments, value, s%10+1, s%10, s, 1000+s, s)
	}
	b.WriteString(`]}}`)
	return []byte(b.String())
}

func comma(b *strings.Builder, i int) {
	if i > 0 {
		b.WriteByte(',')
	}
}

type trait struct {
	Key   string `json:"trait_key"`
	Value any    `json:"trait_value"`
}

// body is a request for an identity.
func body(identifier string, traits []trait) string {
	text, err := json.Marshal(struct {
		Identifier string  `json:"identifier"`
		Traits     []trait `json:"traits"`
	}{identifier, traits})
	if err != nil {
		panic(fmt.Sprintf("inprocess: %v", err)) // texts and numbers can be written
	}
	return string(text)
}

// indexedTraits are ten traits; the segments 0 to 9 of indexed match them.
func indexedTraits() []trait {
	traits := make([]trait, traitsOfSegments)
	for i := range traits {
		traits[i] = trait{fmt.Sprintf("trait_%d", i), fmt.Sprintf("v%d", i)}
	}
	return traits
}

// indexedIdentity is an identity with indexedTraits.
func indexedIdentity() *domain.Identity {
	id := &domain.Identity{Identifier: "user"}
	for _, t := range indexedTraits() {
		id.Traits = append(id.Traits, domain.Trait{Key: t.Key, Value: domain.StringValue(fmt.Sprint(t.Value))})
	}
	return id
}
