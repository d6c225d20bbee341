//go:build sdk

package sdk_test

import (
	"net/http"
	"testing"
)

// testRemote: flags of the environment and of identities, with traits of every
// type, as the proxy's interface answers them, and as the sample means them.
func testRemote(t *testing.T, w *world, p *program) {
	since := w.mark(t)
	client := p.open(t, options{URL: w.api(), Key: clientKey})
	compare(t, "environment", p.flags(t, client, nil), w.flags(t, clientKey, nil))
	w.waitAccess(t, since, 1, "flags are asked for", answered(http.MethodGet, "flags/", http.StatusOK))

	for _, tt := range []struct {
		about  string
		who    identity
		wants  string // a feature
		asThis any    // its value
	}{
		{"no traits", identity{Identifier: "ada"}, changing, "Winter sale"},
		{"an override of the identity's own", identity{Identifier: "customer-1001"}, "max_cart_items", 500.0},
		{"an identifier that has to be escaped", identity{Identifier: "a+b&c=d/é ü?#%25"}, changing, "Winter sale"},
		{"a text", withTraits(trait{Key: "plan", Value: "gold"}), changing, "Thank you for being a gold customer"},
		{"an empty text", withTraits(trait{Key: "plan", Value: ""}), changing, "Winter sale"},
		{"a text in Unicode", withTraits(trait{Key: "名前", Value: "Łukasz 😀"}, trait{Key: "country", Value: "CH"}), "free_shipping_threshold", 39.0},
		{"an integer", withTraits(trait{Key: "lifetime_orders", Value: 50}), "free_shipping_threshold", 0.0},
		{"a negative integer", withTraits(trait{Key: "lifetime_orders", Value: -50}), "free_shipping_threshold", 59.0},
		{"a fraction below", withTraits(trait{Key: "lifetime_orders", Value: 49.5}), "free_shipping_threshold", 59.0},
		{"false", withTraits(trait{Key: "plan", Value: "gold"}, trait{Key: "blocked", Value: false}), "free_shipping_threshold", 0.0},
		{"true", withTraits(trait{Key: "plan", Value: "gold"}, trait{Key: "blocked", Value: true}), "free_shipping_threshold", 59.0},
		{"null", withTraits(trait{Key: "plan", Value: nil}), "max_cart_items", 100.0},
		{"a version", withTraits(trait{Key: "app_version", Value: "4.10.0"}, trait{Key: "platform", Value: "ios"}), "new_checkout", "one-page"},
		{"a mail address", withTraits(trait{Key: "email", Value: "ada@shop.example"}), "new_checkout", "one-page-debug"},
	} {
		got := p.flags(t, client, &tt.who)
		compare(t, tt.about, got, w.flags(t, clientKey, &tt.who))
		if got[tt.wants].Value != tt.asThis {
			t.Errorf("%s: %s is %#v, not %#v", tt.about, tt.wants, got[tt.wants].Value, tt.asThis)
		}
	}
	w.waitAccess(t, since, 1, "identities are asked for", answered(http.MethodPost, "identities/", http.StatusOK))
}

// withTraits is an identity that no override is for.
func withTraits(traits ...trait) identity { return identity{Identifier: "ada", Traits: traits} }

// testServerSideKey: the key decides what there is to see.
func testServerSideKey(t *testing.T, w *world, p *program) {
	const serverOnly = "fraud_score_limit"
	client := p.open(t, options{URL: w.api(), Key: serverKey})
	who := withTraits(trait{Key: "email", Value: "ada@shop.example"})
	for _, one := range []*identity{nil, &who} {
		got := p.flags(t, client, one)
		compare(t, "server-side key", got, w.flags(t, serverKey, one))
		if _, seen := got[serverOnly]; !seen {
			t.Errorf("%s is missing", serverOnly)
		}
		if _, seen := w.flags(t, clientKey, one)[serverOnly]; seen {
			t.Errorf("%s is shown to a client-side key", serverOnly)
		}
	}
}

// testTransient: the proxy keeps no traits, so that what is marked as transient
// is evaluated like all else.
func testTransient(t *testing.T, w *world, p *program) {
	client := p.open(t, options{URL: w.api(), Key: clientKey})
	for about, who := range map[string]identity{
		"transient identity without traits": {Identifier: "ada", Transient: true},
		"transient identity":                {Identifier: "ada", Transient: true, Traits: []trait{{Key: "plan", Value: "gold"}}},
		"transient trait":                   withTraits(trait{Key: "plan", Value: "gold", Transient: true}, trait{Key: "country", Value: "AT"}),
		"both":                              {Identifier: "ada", Transient: true, Traits: []trait{{Key: "lifetime_orders", Value: 77, Transient: true}}},
	} {
		got := p.flags(t, client, &who)
		compare(t, about, got, w.flags(t, clientKey, &who))
		if len(who.Traits) > 0 && got["free_shipping_threshold"].Value != 0.0 {
			t.Errorf("%s: the traits had no effect: %v", about, got["free_shipping_threshold"])
		}
	}
}

// testAnonymous: an identity without an identifier is known by its traits, so that the same
// traits get the same variants each time.
func testAnonymous(t *testing.T, w *world, p *program) {
	client := p.open(t, options{URL: w.api(), Key: clientKey})
	variants := map[any]bool{}
	for n := range 12 {
		who := identity{Traits: []trait{{Key: "country", Value: "AT"}, {Key: "visits", Value: n}}}
		got := p.flags(t, client, &who)
		compare(t, "anonymous", got, w.flags(t, clientKey, &who))
		variants[got["search_ranking"].Value] = true
	}
	if len(variants) < 2 {
		t.Errorf("all twelve fell to the same variant: %v", variants)
	}
}
