package parity_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/e2e/parity"
	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// condition is one condition of a segment.
type condition struct {
	Operator string          `json:"operator"`
	Property string          `json:"property_"`
	Value    json.RawMessage `json:"value"` // as it stands in the document
}

// environmentOf returns an environment with one feature, "f", which is off and has the
// value "off". It is on for the members of a segment, who meet all of its conditions,
// with the segment's value, and for an identity override with the override's value.
func environmentOf(key string, segments []segment, overrides []override) fakeflagsmith.Environment {
	state := func(enabled bool, value, more string) string {
		return fmt.Sprintf(`{"feature":{"id":1,"name":"f","type":"STANDARD"},"enabled":%t,"feature_state_value":%s,`+
			`"featurestate_uuid":"00000000-0000-4000-8000-000000000001","django_id":1,"multivariate_feature_state_values":[]%s}`, enabled, value, more)
	}
	var segmentTexts, overrideTexts []string
	for i, s := range segments {
		conditions, err := json.Marshal(s.conditions)
		if err != nil {
			panic(err) // a table of this package holds a value that is not JSON
		}
		segmentTexts = append(segmentTexts, fmt.Sprintf(`{"id":%d,"name":"s%d","rules":[{"type":"ALL","conditions":%s,"rules":[]}],"feature_states":[%s]}`,
			i+1, i+1, conditions, state(true, s.value, fmt.Sprintf(`,"feature_segment":{"priority":%d}`, i))))
	}
	for _, o := range overrides {
		overrideTexts = append(overrideTexts, fmt.Sprintf(`{"identifier":%q,"identity_uuid":"00000000-0000-4000-8000-000000000002",`+
			`"created_date":"2026-01-01T00:00:00+00:00","environment_api_key":%q,"identity_traits":[],"identity_features":[%s]}`,
			o.identifier, key, state(true, o.value, "")))
	}
	document := fmt.Sprintf(`{"id":1,"api_key":%q,"name":"Test","updated_at":"2026-01-02T03:04:05.678901+00:00",`+
		`"project":{"id":1,"name":"p","hide_disabled_flags":false,"server_key_only_feature_ids":[],`+
		`"organisation":{"id":1,"name":"o"},"segments":[%s]},"feature_states":[%s],"identity_overrides":[%s]}`,
		key, strings.Join(segmentTexts, ","), state(false, `"off"`, ""), strings.Join(overrideTexts, ","))
	return fakeflagsmith.Environment{ClientKey: key, ServerKeys: []string{"ser." + key + "-8d1b60e2"}, Document: []byte(document)}
}

type segment struct {
	value      string // JSON
	conditions []condition
}

type override struct {
	identifier string
	value      string // JSON
}

// identify asks for the flags of an identity; body is that of POST /api/v1/identities/.
func identify(proxy *harness.Proxy, key, body string) (harness.RawResponse, error) {
	return harness.Raw(proxy.Address, harness.RawRequest{
		Method: "POST", Target: "/api/v1/identities/", Body: []byte(body),
		Headers: [][2]string{{"X-Environment-Key", key}, {"Content-Type", "application/json"}},
	})
}

// expectFlag asks for the flag "f" of an identity and compares it: enabled, and
// the value as JSON with its type.
func expectFlag(t *testing.T, proxy *harness.Proxy, key, body string, enabled bool, value string) {
	t.Helper()
	response, err := identify(proxy, key, body)
	if err != nil {
		t.Error(err)
		return
	}
	if response.Status != 200 {
		t.Errorf("%s: status %d: %s", body, response.Status, response.Body)
		return
	}
	var answer struct {
		Flags json.RawMessage `json:"flags"`
	}
	if err := json.Unmarshal(response.Body, &answer); err != nil {
		t.Errorf("%s: %v: %s", body, err, response.Body)
		return
	}
	want := fmt.Sprintf(`[{"feature":{"id":1,"name":"f","type":"STANDARD"},"enabled":%t,"feature_state_value":%s}]`, enabled, value)
	for _, difference := range parity.Diff([]byte(want), answer.Flags) {
		t.Errorf("%s: flags %s", body, difference)
	}
}
