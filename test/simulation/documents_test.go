package simulation_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// document is one that upstream had at some time.
type document struct {
	environment domain.EnvironmentKey
	number      int // in the order of publication, from 1
	updated     time.Time
	body        []byte
	digest      [32]byte
	features    map[string]string // the value of each feature, by name
}

// proValue is the value of the feature "gamma" for identities of the segment.
func (d *document) proValue() string { return d.features["gamma"] + "/pro" }

// newDocument returns a document whose every value names it, so that an answer that is made
// of two documents is noticed. A mutilated one has lost most of its features.
func newDocument(key domain.EnvironmentKey, number int, updated time.Time, mutilated bool) *document {
	d := &document{environment: key, number: number, updated: updated.UTC().Truncate(time.Microsecond), features: map[string]string{}}
	names := []string{"alpha", "beta", "gamma"}
	if mutilated {
		names = names[:1]
	}
	type m = map[string]any
	var states []m
	state := func(id int, name, value string) m {
		return m{"django_id": id, "enabled": true, "feature": m{"id": id, "name": name, "type": "STANDARD"}, "feature_state_value": value, "multivariate_feature_state_values": []m{}}
	}
	for i, name := range names {
		d.features[name] = fmt.Sprintf("%s#%d", key, number)
		states = append(states, state(i+1, name, d.features[name]))
	}
	segments := []m{}
	if !mutilated {
		segments = append(segments, m{
			"id": 1, "name": "pro", "feature_states": []m{state(3, "gamma", d.proValue())},
			"rules": []m{{"type": "ALL", "rules": []m{}, "conditions": []m{{"operator": "EQUAL", "property_": "plan", "value": "pro"}}}},
		})
	}
	body, err := json.Marshal(m{
		"id": 1, "api_key": key, "name": string(key), "updated_at": d.updated.Format(time.RFC3339Nano),
		"feature_states": states, "identity_overrides": []m{},
		"project": m{"id": 1, "name": "simulated", "segments": segments, "hide_disabled_flags": false, "organisation": m{"id": 1, "name": "o"}},
	})
	if err != nil {
		panic(err) // texts and numbers can always be encoded
	}
	d.body, d.digest = body, sha256.Sum256(body)
	return d
}
