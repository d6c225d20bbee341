package jsonpath

// Object is a JSON object that keeps the order of its members. The zero value is
// empty. Values are nil, bool, int64, float64, *big.Int, string, []any and
// *Object.
type Object struct {
	names  []string
	values map[string]any
}

// Set gives a member a value. One that is there already keeps its place.
func (o *Object) Set(name string, value any) {
	if _, known := o.values[name]; !known {
		if o.values == nil {
			o.values = map[string]any{}
		}
		o.names = append(o.names, name)
	}
	o.values[name] = value
}

// Len returns the number of members.
func (o *Object) Len() int { return len(o.names) }

// With returns a copy of o, of which only the list of members is its own, with
// one more member at the end.
func (o *Object) With(name string, value any) *Object {
	var extended Object
	for _, n := range o.names {
		extended.Set(n, o.values[n])
	}
	extended.Set(name, value)
	return &extended
}
