package domain

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/domain/jsontext"
)

// ErrUnusable is wrapped by ParseEnvironment's errors: the text is no environment
// document that could be served.
var ErrUnusable = errors.New("not a usable environment document")

// maxProblems bounds what one document can report.
const maxProblems = 100

// ParseEnvironment takes an environment document apart in one pass, without a
// tree in between. A document is usable when it is an object with api_key, name,
// feature_states and project.segments (behaviour, section 3); otherwise the error
// wraps ErrUnusable and says what is missing. Malformed parts inside a usable
// document are left out or neutralised, each told as a Problem, 100 at most.
//
// The result keeps nothing of text alive.
func ParseEnvironment(text string) (*Environment, []Problem, error) {
	d := decoder{Scanner: jsontext.New(text), names: map[string]string{}}
	if kind := d.Kind(); kind != jsontext.Object {
		d.Skip()
		if err := d.End(); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrUnusable, err)
		}
		return nil, nil, fmt.Errorf("%w: it is %s, not an object", ErrUnusable, kindName(kind))
	}
	e := d.environment()
	if err := d.End(); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	if len(d.missing) > 0 {
		return nil, nil, fmt.Errorf("%w: %s", ErrUnusable, strings.Join(d.missing, ", "))
	}
	return e, d.problems, nil
}

type decoder struct {
	jsontext.Scanner
	names    map[string]string // what recurs: names and types, each kept once
	problems []Problem
	missing  []string // required parts that are absent or of the wrong type
}

func (d *decoder) problem(p *Path, effect, format string, args ...any) {
	if len(d.problems) < maxProblems {
		d.problems = append(d.problems, Problem{Path: p.String(), What: fmt.Sprintf(format, args...), Effect: effect})
	}
}

func (d *decoder) environment() *Environment {
	var e Environment
	var hide, hideInProject *bool
	var apiKey, name, states, segments bool
	d.EnterObject()
	for {
		key, ok := d.NextKey()
		if !ok {
			break
		}
		p := Path{name: key}
		switch key {
		case "api_key":
			e.APIKey, apiKey = d.text()
		case "name":
			e.Name, name = d.text()
		case "updated_at":
			e.UpdatedAt = d.time(&p)
		case "hide_disabled_flags":
			hide = d.optionalBool(&p)
		case "feature_states":
			if states = d.Kind() == jsontext.Array; !states {
				d.Skip()
				continue
			}
			e.FeatureStates = d.featureStates(&p, true)
		case "identity_overrides":
			e.IdentityOverrides = d.identityOverrides(&p)
		case "project":
			hideInProject, segments = d.project(&p, &e)
		default:
			d.Skip()
		}
	}
	for _, part := range []struct {
		name, want string
		there      bool
	}{{"api_key", "a text", apiKey}, {"name", "a text", name}, {"feature_states", "a list", states}, {"project.segments", "a list", segments}} {
		if !part.there {
			d.missing = append(d.missing, fmt.Sprintf("%s is missing or not %s", part.name, part.want))
		}
	}
	if hide == nil {
		hide = hideInProject
	}
	e.HideDisabledFlags = hide != nil && *hide
	return &e
}

func (d *decoder) project(p *Path, e *Environment) (hide *bool, segments bool) {
	if !d.object(p, "it counts as empty") {
		return nil, false
	}
	for {
		key, ok := d.NextKey()
		if !ok {
			return hide, segments
		}
		p := Path{parent: p, name: key}
		switch key {
		case "hide_disabled_flags":
			hide = d.optionalBool(&p)
		case "server_key_only_feature_ids":
			e.ServerKeyOnly = d.ids(&p)
		case "segments":
			if segments = d.Kind() == jsontext.Array; !segments {
				d.Skip()
				continue
			}
			e.Segments = d.segments(&p)
		default:
			d.Skip()
		}
	}
}

func (d *decoder) ids(p *Path) []int64 {
	if !d.array(p, "it counts as empty") {
		return nil
	}
	ids := []int64{}
	for i := 0; d.NextElement(); i++ {
		p := Path{parent: p, index: i}
		if id, ok := d.integer(); ok {
			ids = append(ids, id)
		} else {
			d.problem(&p, "it is left out", "a feature id must be an integer")
		}
	}
	return ids
}

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
	for {
		key, more := d.NextKey()
		if !more {
			break
		}
		p := Path{parent: p, name: key}
		switch key {
		case "id":
			id := d.value()
			if kind := id.Kind(); kind == jsontext.Number || kind == jsontext.String {
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
	if !d.array(p, "it counts as empty") {
		return nil
	}
	var rules []Rule
	for i := 0; d.NextElement(); i++ {
		p := Path{parent: p, index: i}
		rules = append(rules, d.rule(&p))
	}
	return rules
}

// rule keeps a malformed rule as one with an unknown type, since leaving it out
// would make its segment match more identities than it should.
func (d *decoder) rule(p *Path) (r Rule) {
	if !d.object(p, "the rule never holds") {
		return r
	}
	for {
		key, more := d.NextKey()
		if !more {
			break
		}
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
	if !d.array(p, "it counts as empty") {
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
	for {
		key, more := d.NextKey()
		if !more {
			break
		}
		switch key {
		case "operator":
			c.Operator, _ = d.name()
		case "property_":
			if d.Kind() == jsontext.Null {
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

func (d *decoder) identityOverrides(p *Path) []IdentityOverride {
	if !d.array(p, "it counts as empty") {
		return nil
	}
	var overrides []IdentityOverride
	for i := 0; d.NextElement(); i++ {
		p := Path{parent: p, index: i}
		if o, ok := d.identityOverride(&p); ok {
			overrides = append(overrides, o)
		}
	}
	return overrides
}

func (d *decoder) identityOverride(p *Path) (o IdentityOverride, ok bool) {
	const leftOut = "the identity override is left out"
	if !d.object(p, leftOut) {
		return o, false
	}
	for {
		key, more := d.NextKey()
		if !more {
			break
		}
		switch key {
		case "identifier":
			o.Identifier, ok = d.text()
		case "identity_features":
			p := Path{parent: p, name: key}
			o.Features = d.featureStates(&p, false)
		default:
			d.Skip()
		}
	}
	if !ok {
		d.problem(p, leftOut, "it has no identifier that is a text")
	}
	return o, ok
}

// featureStates reads a list of feature states. Those of identities are not split
// over variants, so that all about variants is passed over.
func (d *decoder) featureStates(p *Path, splits bool) []FeatureState {
	if !d.array(p, "it counts as empty") {
		return nil
	}
	var states []FeatureState
	for i := 0; d.NextElement(); i++ {
		p := Path{parent: p, index: i}
		if fs, ok := d.featureState(&p, splits); ok {
			states = append(states, fs)
		}
	}
	return states
}

func (d *decoder) featureState(p *Path, splits bool) (fs FeatureState, ok bool) {
	const leftOut = "the feature state is left out"
	if !d.object(p, leftOut) {
		return fs, false
	}
	var id, uuid string
	enabled := false
	for {
		key, more := d.NextKey()
		if !more {
			break
		}
		switch {
		case key == "feature":
			p := Path{parent: p, name: key}
			fs.Feature, ok = d.feature(&p)
		case key == "enabled":
			if enabled = d.Kind() == jsontext.Bool; enabled {
				fs.Enabled = d.Bool()
			} else {
				d.Skip()
			}
		case key == "feature_state_value":
			fs.Value = d.value()
		case !splits:
			d.Skip()
		case key == "django_id":
			id = d.stateID()
		case key == "featurestate_uuid":
			uuid, _ = d.text()
		case key == "feature_segment":
			p := Path{parent: p, name: key}
			fs.Priority = d.priority(&p)
		case key == "multivariate_feature_state_values":
			p := Path{parent: p, name: key}
			fs.Variants = d.variants(&p)
		default:
			d.Skip()
		}
	}
	if fs.Key = id; id == "" {
		fs.Key = uuid
	}
	if !ok {
		d.problem(p, leftOut, "its feature has no name that is a text or no id that is an integer")
		return fs, false
	}
	if !enabled {
		d.problem(p, "the feature counts as disabled", "enabled is missing or not true or false")
	}
	if len(fs.Variants) > 0 && fs.Key == "" {
		d.problem(p, "identities are split by an empty key", "it has variants, but neither django_id nor featurestate_uuid")
	}
	return fs, true
}

// stateID reads a django_id as text, "" when it is null or 0.
func (d *decoder) stateID() string {
	if v := d.value(); v.Kind() == jsontext.Number && v.Text() != "0" || v.Kind() == jsontext.String {
		return v.Text()
	}
	return ""
}

func (d *decoder) feature(p *Path) (f Feature, ok bool) {
	if !d.object(p, "it counts as empty") {
		return f, false
	}
	var id, name bool
	for {
		key, more := d.NextKey()
		if !more {
			return f, id && name
		}
		switch key {
		case "id":
			f.ID, id = d.integer()
		case "name":
			f.Name, name = d.name()
		case "type":
			f.Type, _ = d.name()
		default:
			d.Skip()
		}
	}
}

func (d *decoder) priority(p *Path) (priority Value) {
	if !d.object(p, "the override has the lowest rank") {
		return priority
	}
	for {
		key, more := d.NextKey()
		if !more {
			return priority
		}
		if key != "priority" {
			d.Skip()
			continue
		}
		v, ok := d.number()
		if priority = v; !ok && !v.IsNull() {
			priority = Value{}
			d.problem(&Path{parent: p, name: key}, "the override has the lowest rank", "a priority must be a number")
		}
	}
}

func (d *decoder) variants(p *Path) []Variant {
	if !d.array(p, "it counts as empty") {
		return nil
	}
	var variants []Variant
	for i := 0; d.NextElement(); i++ {
		p := Path{parent: p, index: i}
		if v, ok := d.variant(&p); ok {
			variants = append(variants, v)
		}
	}
	return variants
}

func (d *decoder) variant(p *Path) (v Variant, ok bool) {
	const leftOut = "the variant is left out"
	if !d.object(p, leftOut) {
		return v, false
	}
	var weight, option, ordered bool
	var uuid string
	for {
		key, more := d.NextKey()
		if !more {
			break
		}
		switch key {
		case "id":
			var id int64
			if id, ordered = d.integer(); ordered && id > 0 {
				v.Order = VariantOrder{Low: uint64(id)}
			} else {
				ordered = false
			}
		case "mv_fs_value_uuid":
			uuid, _ = d.text()
		case "percentage_allocation":
			v.Weight, weight = d.number()
		case "multivariate_feature_option":
			p := Path{parent: p, name: key}
			v.Key, v.Value, option = d.option(&p)
		default:
			d.Skip()
		}
	}
	if !ordered {
		v.Order, ordered = uuidOrder(uuid)
	}
	switch {
	case !weight:
		d.problem(p, leftOut, "percentage_allocation is missing or not a number")
	case !option:
		d.problem(p, leftOut, "multivariate_feature_option has no value")
	case !ordered:
		d.problem(p, leftOut, "it has neither an id nor a valid mv_fs_value_uuid to be ordered by")
	}
	return v, weight && option && ordered
}

// option reads a multivariate option: its name, if it has one, and its value.
func (d *decoder) option(p *Path) (name string, v Value, ok bool) {
	if !d.object(p, "it counts as empty") {
		return "", v, false
	}
	for {
		key, more := d.NextKey()
		if !more {
			return name, v, ok
		}
		switch key {
		case "key":
			name, _ = d.name()
		case "value":
			v, ok = d.value(), true
		default:
			d.Skip()
		}
	}
}

func uuidOrder(uuid string) (VariantOrder, bool) {
	digits, err := hex.DecodeString(strings.ReplaceAll(uuid, "-", ""))
	if err != nil || len(digits) != 16 {
		return VariantOrder{}, false
	}
	var o VariantOrder
	for i, b := range digits {
		if i < 8 {
			o.High = o.High<<8 | uint64(b)
		} else {
			o.Low = o.Low<<8 | uint64(b)
		}
	}
	return o, true
}

// object enters an object. Anything else is passed over and, unless it is null,
// told as a problem with the given effect.
func (d *decoder) object(p *Path, effect string) bool {
	if d.Kind() == jsontext.Object {
		return d.EnterObject()
	}
	d.unexpected(p, "an object", effect)
	return false
}

// array is object's like for arrays.
func (d *decoder) array(p *Path, effect string) bool {
	if d.Kind() == jsontext.Array {
		return d.EnterArray()
	}
	d.unexpected(p, "a list", effect)
	return false
}

func (d *decoder) unexpected(p *Path, want, effect string) {
	kind := d.Kind()
	d.Skip()
	if kind != jsontext.Null {
		d.problem(p, effect, "expected %s, found %s", want, kindName(kind))
	}
}

// text reads a string, a copy of its own; anything else is passed over.
func (d *decoder) text() (string, bool) {
	if d.Kind() != jsontext.String {
		d.Skip()
		return "", false
	}
	return strings.Clone(d.String()), true
}

// name is text for strings that recur all over a document.
func (d *decoder) name() (string, bool) {
	if d.Kind() != jsontext.String {
		d.Skip()
		return "", false
	}
	text := d.String()
	known, ok := d.names[text]
	if !ok {
		known = strings.Clone(text)
		d.names[known] = known
	}
	return known, true
}

// value reads a value, a copy of its own.
func (d *decoder) value() Value {
	v := ReadValue(&d.Scanner)
	v.text = strings.Clone(v.text)
	return v
}

// number reads a value and tells whether it is a number in the range of float64.
func (d *decoder) number() (v Value, ok bool) {
	v = d.value()
	_, ok = v.Float()
	return v, ok
}

// integer reads an integer that fits; anything else is passed over.
func (d *decoder) integer() (int64, bool) {
	if d.Kind() != jsontext.Number {
		d.Skip()
		return 0, false
	}
	return jsontext.Int64(d.Number())
}

func (d *decoder) optionalBool(p *Path) *bool {
	switch d.Kind() {
	case jsontext.Bool:
		b := d.Bool()
		return &b
	case jsontext.Null:
		d.Null()
	default:
		d.unexpected(p, "true, false or null", "it counts as null")
	}
	return nil
}

// timeLayouts are the forms of ISO 8601 that Flagsmith writes; without a zone it
// is UTC. A fraction of a second is accepted by all of them.
var timeLayouts = [...]string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05"}

func (d *decoder) time(p *Path) time.Time {
	text, _ := d.text()
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	d.problem(p, "every fetch is unconditional, and an older document is not recognised", "%q is not a time in ISO 8601", clip(text))
	return time.Time{}
}

func kindName(k jsontext.Kind) string {
	return [...]string{"nothing", "null", "true or false", "a number", "a text", "a list", "an object"}[k]
}

// clip bounds what a message repeats of a document.
func clip(text string) string {
	if len(text) > 80 {
		return strings.ToValidUTF8(text[:80], "") + "…"
	}
	return text
}
