package jsonpath

import "iter"

// Object is a JSON object that keeps the order of its members. The zero value is
// empty. Values are nil, bool, int64, float64, *big.Int, string, []any and
// *Object.
type Object struct {
	names  []string
	values map[string]any
}

// Set gives a member a value. A member that exists keeps its place.
func (o *Object) Set(name string, value any) {
	if _, known := o.values[name]; !known {
		if o.values == nil {
			o.values = map[string]any{}
		}
		o.names = append(o.names, name)
	}
	o.values[name] = value
}

// All returns the members, in order.
func (o *Object) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for _, name := range o.names {
			if !yield(name, o.values[name]) {
				return
			}
		}
	}
}

// With returns a copy of o with one more member at the end. The copy shares the values
// of its members with o.
func (o *Object) With(name string, value any) *Object {
	var extended Object
	for n, v := range o.All() {
		extended.Set(n, v)
	}
	extended.Set(name, value)
	return &extended
}
