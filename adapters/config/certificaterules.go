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
	value, err := parseJSON([]byte(text))
	if err != nil {
		return nil, err
	}
	array, ok := value.Value.(*hujson.Array)
	if !ok {
		return nil, errNotAllowed
	}
	r := &ruleReader{loader: l, origin: l.originOf(d)}
	var rules []CertificateRule
	for i, element := range array.Elements {
		rules = append(rules, r.rule(fmt.Sprintf("%s[%d]", d.key, i), element))
	}
	if len(r.problems) > 0 {
		return nil, &ProblemsError{Problems: r.problems}
	}
	return rules, nil
}

type ruleReader struct {
	loader   *loader
	origin   string
	problems []Problem
}

func (r *ruleReader) problem(key string, value hujson.ValueTrimmed, allowed string) {
	r.problems = append(r.problems, Problem{Key: key, Value: describe(value, true), Allowed: allowed, Origin: r.origin})
}

func (r *ruleReader) rule(key string, value hujson.Value) (rule CertificateRule) {
	object, ok := value.Value.(*hujson.Object)
	if !ok {
		r.problem(key, value.Value, fmt.Sprintf("an object with %q and %q", ruleSAN, ruleEnvironments))
		return rule
	}
	var environments hujson.ValueTrimmed
	var san hujson.ValueTrimmed
	for _, m := range object.Members {
		switch name := m.Name.Value.(hujson.Literal).String(); name {
		case ruleSAN:
			san = m.Value.Value
		case ruleEnvironments:
			environments = m.Value.Value
		default:
			r.loader.warnUnknown(key+"."+oneLine(name), name, similarKey(name, []string{ruleSAN, ruleEnvironments}), r.origin)
		}
	}
	if rule.SAN, ok = literalText(san); !ok || rule.SAN == "" {
		r.problem(key+"."+ruleSAN, san, "a DNS name or a URI")
	}
	rule.Environments = r.environments(key+"."+ruleEnvironments, environments)
	return rule
}

// environments reads a list of keys, or one.
func (r *ruleReader) environments(key string, value hujson.ValueTrimmed) []string {
	const allowed = `a list of client-side keys, or "*"`
	elements := []hujson.Value{{Value: value}}
	if array, ok := value.(*hujson.Array); ok {
		elements = array.Elements
	}
	var keys []string
	for _, element := range elements {
		text, ok := literalText(element.Value)
		if !ok || !visible(text) || strings.HasPrefix(text, domain.ServerKeyPrefix) {
			r.problem(key, element.Value, allowed)
			return nil
		}
		keys = append(keys, text)
	}
	if len(keys) == 0 {
		r.problem(key, value, allowed)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
