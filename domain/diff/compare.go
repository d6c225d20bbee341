package diff

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/edge-proxy/edge-proxy/domain"
)

// comparison is the comparison of two documents.
type comparison struct {
	sameEnvironment bool
}

// changes collects changed fields.
type changes struct{ list []Change }

// add adds a field whose JSON texts are not equal.
func (c *changes) add(field, before, after string) {
	if before != after {
		c.list = append(c.list, Change{field, json.RawMessage(before), json.RawMessage(after)})
	}
}

const null = "null"

// sorted returns the changes by field. The list is not nil.
func (c *changes) sorted() []Change {
	slices.SortStableFunc(c.list, func(a, b Change) int { return cmp.Compare(a.Field, b.Field) })
	return append([]Change{}, c.list...)
}

func (c *comparison) settings(former, next *domain.Environment) []Change {
	var list changes
	if c.sameEnvironment {
		list.add("name", textJSON(former.Name), textJSON(next.Name))
	}
	list.add("hide_disabled_flags", strconv.FormatBool(former.HideDisabledFlags), strconv.FormatBool(next.HideDisabledFlags))
	list.add("stop_serving_flags", strconv.FormatBool(former.Serving.Stopped), strconv.FormatBool(next.Serving.Stopped))
	list.add("allow_client_traits", strconv.FormatBool(!former.Serving.IgnoreClientTraits), strconv.FormatBool(!next.Serving.IgnoreClientTraits))
	list.add("hide_sensitive_data", strconv.FormatBool(former.Serving.HideTraits), strconv.FormatBool(next.Serving.HideTraits))
	list.add("server_key_only_feature_ids", idsJSON(former.ServerKeyOnly), idsJSON(next.ServerKeyOnly))
	return list.sorted()
}

// features compares the environment's own feature states. Of several with one name the
// last applies.
func (c *comparison) features(d *Features, former, next []domain.FeatureState) {
	before, after := lastByName(former), lastByName(next)
	d.Added, d.Removed, d.Changed = onlyIn(after, before), onlyIn(before, after), []Feature{}
	for _, name := range inBoth(before, after) {
		var list changes
		if before[name].Feature.Type != after[name].Feature.Type {
			list.add("type", typeJSON(before[name]), typeJSON(after[name]))
		}
		c.states(&list, before[name], after[name])
		if len(list.list) > 0 {
			d.Changed = append(d.Changed, Feature{name, list.sorted()})
		}
	}
}

func lastByName(states []domain.FeatureState) map[string]*domain.FeatureState {
	return best(states, nameOf, func(_, _ *domain.FeatureState) bool { return true })
}

func nameOf(fs *domain.FeatureState) string { return fs.Feature.Name }

// best returns parts by their keys. Of several with one key, a later one takes the place
// of an earlier one that it beats.
func best[P any](parts []P, key func(*P) string, beats func(later, earlier *P) bool) map[string]*P {
	byKey := make(map[string]*P, len(parts))
	for i := range parts {
		k := key(&parts[i])
		if earlier := byKey[k]; earlier == nil || beats(&parts[i], earlier) {
			byKey[k] = &parts[i]
		}
	}
	return byKey
}

// states compares two states of one feature. Most are the same, which costs nothing.
func (c *comparison) states(list *changes, before, after *domain.FeatureState) {
	if before.Feature.ID != after.Feature.ID {
		list.add("id", strconv.FormatInt(before.Feature.ID, 10), strconv.FormatInt(after.Feature.ID, 10))
	}
	if before.Enabled != after.Enabled {
		list.add("enabled", strconv.FormatBool(before.Enabled), strconv.FormatBool(after.Enabled))
	}
	if before.Value != after.Value {
		list.add("value", valueJSON(before.Value), valueJSON(after.Value))
	}
	if before.Metadata != after.Metadata {
		list.add("metadata", metadataJSON(before.Metadata), metadataJSON(after.Metadata))
	}
	if !slices.Equal(before.Variants, after.Variants) {
		list.add("variants", variantsJSON(before.Variants), variantsJSON(after.Variants))
	}
	if c.sameEnvironment && before.Key != after.Key && len(before.Variants)+len(after.Variants) > 0 {
		list.add("split_key", textJSON(before.Key), textJSON(after.Key))
	}
}

// segments compares the segments by id. Of several with one id the last applies.
func (c *comparison) segments(d *Segments, former, next []domain.Segment) {
	lastByID := func(segments []domain.Segment) map[string]*domain.Segment {
		return best(segments, func(s *domain.Segment) string { return s.ID }, func(_, _ *domain.Segment) bool { return true })
	}
	before, after := lastByID(former), lastByID(next)
	d.Changed = []Segment{}
	named := func(ids []string, segments map[string]*domain.Segment) []SegmentName {
		names := []SegmentName{}
		for _, id := range ids {
			names = append(names, SegmentName{id, segments[id].Name})
		}
		return names
	}
	d.Added, d.Removed = named(onlyIn(after, before), after), named(onlyIn(before, after), before)
	for _, id := range inBoth(before, after) {
		old, now := before[id], after[id]
		var list changes
		if old.Name != now.Name {
			list.add("name", textJSON(old.Name), textJSON(now.Name))
		}
		c.overrides(&list, strongest(old.Overrides), strongest(now.Overrides))
		rules := compareRules(old.Rules, now.Rules)
		if len(list.list) > 0 || rules != nil {
			d.Changed = append(d.Changed, Segment{SegmentName{id, now.Name}, list.sorted(), rules})
		}
	}
}

// overrides compares the feature states of a segment.
func (c *comparison) overrides(list *changes, before, after map[string]*domain.FeatureState) {
	for _, name := range onlyIn(after, before) {
		list.add("overrides."+name, null, stateJSON(after[name]))
	}
	for _, name := range onlyIn(before, after) {
		list.add("overrides."+name, stateJSON(before[name]), null)
	}
	for _, name := range inBoth(before, after) {
		var of changes
		if before[name].Priority != after[name].Priority {
			of.add("priority", numberJSON(before[name].Priority), numberJSON(after[name].Priority))
		}
		c.states(&of, before[name], after[name])
		for _, change := range of.list {
			change.Field = "overrides." + name + "." + change.Field
			list.list = append(list.list, change)
		}
	}
}

// strongest returns a segment's overrides by the name of the feature. Of several for one
// feature the one with the lowest priority applies, the first on a tie.
func strongest(states []domain.FeatureState) map[string]*domain.FeatureState {
	return best(states, nameOf, func(later, earlier *domain.FeatureState) bool { return priority(later) < priority(earlier) })
}

func priority(fs *domain.FeatureState) float64 {
	if p, ok := fs.Priority.Float(); ok {
		return p
	}
	return math.Inf(1)
}

// identities counts the identities whose overrides are not the same.
func (c *comparison) identities(former, next *domain.Environment) (count Count) {
	before, after := overridesByIdentifier(former), overridesByIdentifier(next)
	for identifier, states := range after {
		switch old, known := before[identifier]; {
		case !known:
			count.Added++
		case !c.sameOverrides(old, states):
			count.Changed++
		}
	}
	for identifier := range before {
		if _, still := after[identifier]; !still {
			count.Removed++
		}
	}
	return count
}

// sameOverrides reports whether the overrides of an identity have the same meaning.
func (c *comparison) sameOverrides(before, after []domain.FeatureState) bool {
	return slices.EqualFunc(before, after, sameOverride) || // so are most
		maps.EqualFunc(firstByName(before), firstByName(after), func(a, b *domain.FeatureState) bool { return sameOverride(*a, *b) })
}

// sameOverride reports whether two overrides of an identity have the same meaning. They
// do not split.
func sameOverride(a, b domain.FeatureState) bool {
	return a.Enabled == b.Enabled && a.Feature.ID == b.Feature.ID && a.Feature.Name == b.Feature.Name &&
		(a.Value == b.Value || valueJSON(a.Value) == valueJSON(b.Value))
}

// overridesByIdentifier returns the overrides of each identity that has some.
func overridesByIdentifier(e *domain.Environment) map[string][]domain.FeatureState {
	byIdentifier := make(map[string][]domain.FeatureState, len(e.IdentityOverrides))
	for i := range e.IdentityOverrides {
		o := &e.IdentityOverrides[i]
		if len(o.Features) > 0 {
			if earlier, again := byIdentifier[o.Identifier]; again {
				byIdentifier[o.Identifier] = slices.Concat(earlier, o.Features)
			} else {
				byIdentifier[o.Identifier] = o.Features
			}
		}
	}
	return byIdentifier
}

// firstByName returns feature states by the name of the feature. Of several for one
// feature the first applies.
func firstByName(states []domain.FeatureState) map[string]*domain.FeatureState {
	return best(states, nameOf, func(_, _ *domain.FeatureState) bool { return false })
}

// onlyIn returns the keys of one that other lacks, sorted. It is not nil.
func onlyIn[V any](one, other map[string]V) []string {
	return append([]string{}, keysOf(one, other, false)...)
}

// inBoth returns the keys that are in both, sorted.
func inBoth[V any](one, other map[string]V) []string { return keysOf(one, other, true) }

// keysOf returns the keys of one that other has, or lacks, sorted.
func keysOf[V any](one, other map[string]V, both bool) (keys []string) {
	for key := range one {
		if _, has := other[key]; has == both {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
