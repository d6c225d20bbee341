//go:build integration

package integration_test

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	clientKey = "matrix-environment"
	serverKey = "ser.matrix-secret-key"
)

// revision is a state of the environment at upstream. Its feature is switched on
// with the revision's name for value; identities have overrides with values of
// their own.
type revision struct {
	number int
	// orphaned: the identity "ada" has no override any more.
	orphaned bool
}

// next is the revision after r.
func (r revision) next() revision {
	r.number++
	return r
}

func (r revision) updatedAt() time.Time { return base().Add(time.Duration(r.number) * time.Second) }

// overridden are the identities with overrides, as many as make several pages.
func (r revision) overridden() []string {
	if r.orphaned {
		return []string{"bob", "cleo", "dan", "eve"}
	}
	return []string{"bob", "cleo", "ada", "dan", "eve"}
}

// value is what the feature is for an identity, "" for none.
func (r revision) value(identifier string) string {
	for _, name := range r.overridden() {
		if name == identifier {
			return "for " + name
		}
	}
	return fmt.Sprintf("revision %d", r.number)
}

func (r revision) document() []byte {
	state := func(id int, value string) string {
		return fmt.Sprintf(`{"django_id":%d,"enabled":true,"feature":{"id":1,"name":"banner","type":"STANDARD"},"feature_state_value":%q,`+
			`"feature_segment":null,"multivariate_feature_state_values":[]}`, id, value)
	}
	var overrides []string
	for i, name := range r.overridden() {
		overrides = append(overrides, fmt.Sprintf(`{"identifier":%q,"environment_api_key":%q,"identity_traits":[],"identity_features":[%s]}`,
			name, clientKey, state(10+i, r.value(name))))
	}
	return fmt.Appendf(nil, `{"id":1,"api_key":%q,"name":"Matrix","updated_at":%q,"project":{"id":1,"name":"Matrix","segments":[]},`+
		`"feature_states":[%s],"identity_overrides":[%s]}`,
		clientKey, r.updatedAt().Format(time.RFC3339), state(1, r.value("")), strings.Join(overrides, ","))
}

// flags is the proxy's answer about the environment.
func (r revision) flags() string { return "[" + r.flag("") + "]" }

// identity is the proxy's answer about an identity.
func (r revision) identity(identifier string) string {
	return fmt.Sprintf(`{"identifier":%q,"traits":[],"flags":[%s]}`, identifier, r.flag(identifier))
}

// flag is the flag of an identity, or of the environment for "".
func (r revision) flag(identifier string) string {
	more := `"reason":"DEFAULT"`
	if identifier != "" {
		if slices.Contains(r.overridden(), identifier) {
			more = `"reason":"TARGETING_MATCH; segment=identity_overrides"`
		}
		more = `"variant":null,` + more
	}
	return fmt.Sprintf(`{"feature":{"id":1,"name":"banner","type":"STANDARD"},"enabled":true,"feature_state_value":%q,%s}`, r.value(identifier), more)
}
