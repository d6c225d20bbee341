package domain

import "github.com/edge-proxy/edge-proxy/domain/jsonscan"

func (d *decoder) segments(p *Path) []Segment {
	d.EnterArray()
	segments := []Segment{}
	for i := 0; d.NextElement(); i++ {
		p := Path{parent: p, index: i}
		if s, ok := d.segment(&p); ok {
			s.Position = i
			segments = append(segments, s)
		}
	}
	return segments
}

func (d *decoder) segment(p *Path) (s Segment, ok bool) {
	const leftOut = "the segment is left out"
	if !d.object(p, leftOut) {
		return s, false
	}
	for key := range d.Keys() {
		p := Path{parent: p, name: key}
		switch key {
		case "id":
			id := d.value()
			if kind := id.Kind(); kind == jsonscan.Number || kind == jsonscan.String {
				s.ID, ok = id.Text(), true
			}
		case "name":
			s.Name, _ = d.text()
		case "rules":
			s.Rules = d.rules(&p)
		case "feature_states":
			s.Overrides = d.featureStates(&p, true)
		default:
			d.Skip()
		}
	}
	if !ok {
		d.problem(p, leftOut, "it has no id that is a number or a text")
	}
	return s, ok
}

func (d *decoder) rules(p *Path) []Rule {
	if !d.array(p, "it is treated as empty") {
		return nil
	}
	var rules []Rule
	for i := 0; d.NextElement(); i++ {
		p := Path{parent: p, index: i}
		rules = append(rules, d.rule(&p))
	}
	return rules
}

// rule keeps a malformed rule as one of an unknown type. Without it, its segment would
// match more identities than it should.
func (d *decoder) rule(p *Path) (r Rule) {
	if !d.object(p, "the rule never holds") {
		return r
	}
	for key := range d.Keys() {
		p := Path{parent: p, name: key}
		switch key {
		case "type":
			text, _ := d.text()
			r.Type = RuleType(text)
		case "conditions":
			r.Conditions = d.conditions(&p)
		case "rules":
			r.Rules = d.rules(&p)
		default:
			d.Skip()
		}
	}
	switch r.Type {
	case All, Any, None:
	default:
		d.problem(p, "the rule never holds", "unknown rule type %q, known are ALL, ANY and NONE", clip(string(r.Type)))
		r = Rule{}
	}
	return r
}

func (d *decoder) conditions(p *Path) []Condition {
	if !d.array(p, "it is treated as empty") {
		return nil
	}
	var conditions []Condition
	for i := 0; d.NextElement(); i++ {
		p := Path{parent: p, index: i}
		conditions = append(conditions, d.condition(&p))
	}
	return conditions
}

func (d *decoder) condition(p *Path) (c Condition) {
	const neverHolds = "the condition never holds"
	if !d.object(p, neverHolds) {
		return c
	}
	valid := true
	for key := range d.Keys() {
		switch key {
		case "operator":
			c.Operator, _ = d.name()
		case "property_":
			if d.Kind() == jsonscan.Null {
				d.Null()
				c.Property = ""
			} else if c.Property, valid = d.name(); !valid {
				d.problem(&Path{parent: p, name: key}, neverHolds, "a property must be a text or null")
			}
		case "value":
			c.Value = d.value()
		default:
			d.Skip()
		}
	}
	if c.Operator == "" {
		d.problem(p, neverHolds, "it has no operator")
	}
	if !valid {
		return Condition{}
	}
	return c
}
