package fakeflagsmith

import (
	"encoding/json"
	"time"
)

// Simple returns an environment with one server-side key whose document has a name, the
// time of its last change, and features that are on and have no value.
func Simple(clientKey, serverKey, name string, updatedAt time.Time, features ...string) Environment {
	states := []any{}
	for i, feature := range features {
		states = append(states, map[string]any{
			"django_id": i + 1, "enabled": true, "feature_state_value": nil, "multivariate_feature_state_values": []any{},
			"feature": map[string]any{"id": i + 1, "name": feature, "type": "STANDARD"},
		})
	}
	document, err := json.Marshal(map[string]any{
		"api_key": clientKey, "name": name, "updated_at": updatedAt.UTC().Format(time.RFC3339Nano), "feature_states": states,
		"project": map[string]any{"name": "Online shop", "segments": []any{}},
	})
	if err != nil {
		panic(err) // it is made of plain values
	}
	return Environment{ClientKey: clientKey, ServerKeys: []string{serverKey}, Document: document}
}
