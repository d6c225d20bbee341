package diff

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

// Rule is a rule of a segment, with the conditions and rules below it.
type Rule struct {
	Type       string      `json:"type"`
	Conditions []Condition `json:"conditions"`
	Rules      []Rule      `json:"rules"`
}

// Condition is a condition of a rule.
type Condition struct {
	Property string          `json:"property"`
	Operator string          `json:"operator"`
	Value    json.RawMessage `json:"value"`
}

// compareRules returns the rules that only one of two lists has; nil: they mean the same.
func compareRules(former, next []domain.Rule) *Rules {
	if identical(former, next) { // so are most, and it costs much less
		return nil
	}
	before, after := rulesOf(former), rulesOf(next)
	r := &Rules{}
	r.Removed, r.Added = distinct(before, after)
	if len(r.Removed)+len(r.Added) == 0 {
		return nil
	}
	return r
}

// distinct returns the rules that only one of two lists has. If that is one rule each and
// both are of one type, only the parts of them that are not the same are left.
func distinct(before, after []Rule) (removed, added []Rule) {
	removed, added = without(before, after, (*Rule).text), without(after, before, (*Rule).text)
	if len(removed) != 1 || len(added) != 1 || removed[0].Type != added[0].Type {
		return removed, added
	}
	old, now := &removed[0], &added[0]
	old.Conditions, now.Conditions = without(old.Conditions, now.Conditions, (*Condition).text), without(now.Conditions, old.Conditions, (*Condition).text)
	old.Rules, now.Rules = distinct(old.Rules, now.Rules)
	return removed, added
}

// identical reports whether rules are the same in the same order.
func identical(a, b []domain.Rule) bool {
	return slices.EqualFunc(a, b, func(a, b domain.Rule) bool {
		return a.Type == b.Type && slices.Equal(a.Conditions, b.Conditions) && identical(a.Rules, b.Rules)
	})
}

// without returns the parts that others do not have. Equal ones are counted.
func without[P any](parts, others []P, text func(*P) string) []P {
	left := map[string]int{}
	for i := range others {
		left[text(&others[i])]++
	}
	only := []P{}
	for i := range parts {
		if t := text(&parts[i]); left[t] > 0 {
			left[t]--
		} else {
			only = append(only, parts[i])
		}
	}
	return only
}

// rulesOf returns rules with sorted conditions and sub-rules, whose order does not
// matter.
func rulesOf(rules []domain.Rule) []Rule {
	list := make([]Rule, len(rules))
	for i := range rules {
		r := Rule{Type: string(rules[i].Type), Conditions: []Condition{}, Rules: rulesOf(rules[i].Rules)}
		for j := range rules[i].Conditions {
			c := &rules[i].Conditions[j]
			r.Conditions = append(r.Conditions, Condition{c.Property, c.Operator, json.RawMessage(operandJSON(c))})
		}
		slices.SortStableFunc(r.Conditions, func(a, b Condition) int { return strings.Compare(a.text(), b.text()) })
		list[i] = r
	}
	slices.SortStableFunc(list, func(a, b Rule) int { return strings.Compare(a.text(), b.text()) })
	return list
}

func (c *Condition) text() string {
	return textJSON(c.Property) + c.Operator + " " + string(c.Value)
}

func (r *Rule) text() string {
	var b strings.Builder
	b.WriteString(r.Type + "(")
	for i := range r.Conditions {
		b.WriteString(r.Conditions[i].text() + ";")
	}
	for i := range r.Rules {
		b.WriteString(r.Rules[i].text() + ";")
	}
	b.WriteString(")")
	return b.String()
}

// operandJSON writes the value of a condition. The members of a list have no order.
func operandJSON(c *domain.Condition) string {
	switch {
	case c.Operator != "IN":
		return valueJSON(c.Value)
	case c.Value.Kind() == jsonscan.Array:
		return sortedElements(c.Value.Text())
	case c.Value.Kind() == jsonscan.String && !strings.HasPrefix(c.Value.Text(), "["):
		members := strings.Split(c.Value.Text(), ",")
		slices.Sort(members)
		return textJSON(strings.Join(members, ","))
	case c.Value.Kind() == jsonscan.String && jsonscan.Valid(c.Value.Text()) == nil:
		return textJSON(sortedElements(c.Value.Text()))
	default:
		return valueJSON(c.Value)
	}
}

// sortedElements returns a JSON list with its elements sorted.
func sortedElements(list string) string {
	s := jsonscan.New(list)
	var elements []string
	s.EnterArray()
	for s.NextElement() {
		elements = append(elements, valueJSON(domain.ReadValue(&s)))
	}
	slices.Sort(elements)
	return "[" + strings.Join(elements, ",") + "]"
}
