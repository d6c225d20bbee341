//go:build sdk

package sdk_test

import (
	"fmt"
	"math/rand/v2"
)

// identities makes n identities of the sample's shop, always the same ones, with
// traits around everything that its segments ask for. The first ones are those
// with overrides of their own.
func identities(n int) []identity {
	random := rand.New(rand.NewPCG(20260115, 93000))
	all := []identity{{Identifier: "qa-robot"}, {Identifier: "customer-1001"}}
	for len(all) < n {
		all = append(all, identity{Identifier: fmt.Sprintf("customer-%d", 2000+len(all))})
	}
	for i := range all {
		add := func(key string, values ...any) {
			if random.IntN(4) > 0 { // one in four lacks the trait
				all[i].Traits = append(all[i].Traits, trait{Key: key, Value: values[random.IntN(len(values))]})
			}
		}
		add("plan", "gold", "silver", "Gold", "")
		add("lifetime_orders", 0, 49, 50, 51, 3000, 49.5, 50.5)
		add("blocked", true, false, false, false)
		add("country", "AT", "CH", "DE", "FR", "AT,CH", "at")
		add("app_version", "4.1.9", "4.2.0", "4.10.3", "5.0.0-beta.1", "no version")
		add("platform", "android", "ios", "web")
		add("email", "ada@shop.example", "grace@example.com", "shop.example")
		add("visits", i)
	}
	return all
}
