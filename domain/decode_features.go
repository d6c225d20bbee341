package domain

import (
	"encoding/hex"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

func (d *decoder) identityOverrides(p *Path) []IdentityOverride {
	if d.null() || !d.array(p, "it is treated as empty") {
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
	for key := range d.Keys() {
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

// featureStates reads a list of feature states. Those of identities do not split, so
// that everything about variants is skipped.
func (d *decoder) featureStates(p *Path, splits bool) []FeatureState {
	if !d.array(p, "it is treated as empty") {
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
	for key := range d.Keys() {
		switch {
		case key == "feature":
			p := Path{parent: p, name: key}
			fs.Feature, ok = d.feature(&p)
		case key == "enabled":
			if enabled = d.Kind() == jsonscan.Bool; enabled {
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
		case key == overrideMark:
			if d.Kind() == jsonscan.Bool {
				fs.ByOperator = d.Bool()
			} else {
				d.Skip()
			}
		case key == "metadata":
			p := Path{parent: p, name: key}
			fs.Metadata = d.metadata(&p)
		default:
			d.Skip()
		}
	}
	if fs.Key = id; id == "" {
		fs.Key = uuid
	}
	if !ok {
		d.problem(p, leftOut, "its feature needs a name that is a text and an id that is an integer")
		return fs, false
	}
	if !enabled {
		d.problem(p, "the feature is disabled", "enabled is missing or not true or false")
	}
	if len(fs.Variants) > 0 && fs.Key == "" {
		d.problem(p, "identities are split by an empty key", "it has variants, but no django_id and no featurestate_uuid")
	}
	return fs, true
}

// metadata reads the text of an object with members.
func (d *decoder) metadata(p *Path) string {
	switch d.Kind() {
	case jsonscan.Object:
	case jsonscan.Null:
		d.Null()
		return ""
	default:
		d.unexpected(p, "an object", "it is left out")
		return ""
	}
	raw := d.Raw()
	s := jsonscan.New(raw)
	s.EnterObject()
	if _, some := s.NextKey(); !some {
		return ""
	}
	return strings.Clone(raw)
}

// stateID reads a django_id as text, "" when it is null or 0.
func (d *decoder) stateID() string {
	if v := d.value(); v.Kind() == jsonscan.Number && v.Text() != "0" || v.Kind() == jsonscan.String {
		return v.Text()
	}
	return ""
}

func (d *decoder) feature(p *Path) (f Feature, ok bool) {
	if !d.object(p, "it is treated as empty") {
		return f, false
	}
	var id, name bool
	for key := range d.Keys() {
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
	return f, id && name
}

func (d *decoder) priority(p *Path) (priority Value) {
	if d.null() || !d.object(p, "the override has the lowest rank") {
		return priority
	}
	for key := range d.Keys() {
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
	return priority
}

func (d *decoder) variants(p *Path) []Variant {
	if !d.array(p, "it is treated as empty") {
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
	for key := range d.Keys() {
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
		d.problem(p, leftOut, "it has no id and no valid mv_fs_value_uuid, which order variants")
	}
	return v, weight && option && ordered
}

// option reads a multivariate option: its name, null if it has none, and its value.
func (d *decoder) option(p *Path) (name, v Value, ok bool) {
	if !d.object(p, "it is treated as empty") {
		return name, v, false
	}
	for key := range d.Keys() {
		switch key {
		case "key":
			name = Value{}
			if text, isText := d.name(); isText {
				name = StringValue(text)
			}
		case "value":
			v, ok = d.value(), true
		default:
			d.Skip()
		}
	}
	return name, v, ok
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
