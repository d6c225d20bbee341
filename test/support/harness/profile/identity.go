package profile

import (
	"encoding/json"
	"fmt"
)

// IdentityBody is the body of a request for an identity of the sizing profile: 15
// traits, one for each segment, of which every second makes its segment match,
// each time by another operator.
func IdentityBody(identifier string) string {
	type trait struct {
		Key   string `json:"trait_key"`
		Value any    `json:"trait_value"`
	}
	body := struct {
		Identifier string  `json:"identifier"`
		Traits     []trait `json:"traits"`
	}{identifier, make([]trait, 15)}
	for i := range body.Traits {
		t := trait{fmt.Sprintf("trait_%d_%d", i, i), "nothing"}
		if i%2 == 0 {
			t.Value = []any{fmt.Sprintf("v%d", i), 100, fmt.Sprintf("a part%d of it", i), "x3", fmt.Sprintf("v12-%d", i)}[i%5]
		}
		body.Traits[i] = t
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("profile: %v", err)) // texts and numbers can be written
	}
	return string(text)
}
