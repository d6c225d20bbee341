package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/edge-proxy/edge-proxy/domain"
)

const (
	ruleSAN          = "san"
	ruleEnvironments = "environments"

	allowedRules = `a list of objects with "san", such as "spiffe://example.org/shop/*", and "environments", a list of client-side keys or "*"`
)

// parseRules reads server.tls.clients. It reports everything that is wrong with the form of
// the rules at once, as a *ProblemsError.
func parseRules(l *loader, d *definition, text string) ([]CertificateRule, error) {
	r, elements, err := l.readList(d, text)
	if err != nil {
		return nil, err
	}
	var rules []CertificateRule
	for i, element := range elements {
		rules = append(rules, r.rule(fmt.Sprintf("%s[%d]", d.key, i), element))
	}
	return rules, r.err()
}

func (r *listReader) rule(key string, value hujson.Value) (rule CertificateRule) {
	members, ok := r.members(key, value, ruleSAN, ruleEnvironments)
	if !ok {
		return rule
	}
	san := members[ruleSAN].Value
	if rule.SAN, ok = literalText(san); !ok || rule.SAN == "" {
		r.problem(key+"."+ruleSAN, describe(san, true), "a DNS name or a URI")
	}
	rule.Environments = r.environments(key+"."+ruleEnvironments, members[ruleEnvironments].Value)
	return rule
}

// environments reads a list of keys, or one.
func (r *listReader) environments(key string, value hujson.ValueTrimmed) []string {
	const allowed = `a list of client-side keys, or "*"`
	elements := []hujson.Value{{Value: value}}
	if array, ok := value.(*hujson.Array); ok {
		elements = array.Elements
	}
	var keys []string
	for _, element := range elements {
		text, ok := literalText(element.Value)
		if !ok || !visible(text) || strings.HasPrefix(text, domain.ServerKeyPrefix) {
			r.problem(key, describe(element.Value, true), allowed)
			return nil
		}
		keys = append(keys, text)
	}
	if len(keys) == 0 {
		r.problem(key, describe(value, true), allowed)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
