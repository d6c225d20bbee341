package config

import "reflect"

// Changed returns the keys of the settings, in the order of the reference, in
// which a and b differ: what a reload brought.
func Changed(a, b Settings) []string {
	var keys []string
	before, after := reflect.ValueOf(a), reflect.ValueOf(b)
	for _, d := range newSchema().settings {
		if !reflect.DeepEqual(before.FieldByIndex(d.index).Interface(), after.FieldByIndex(d.index).Interface()) {
			keys = append(keys, d.key)
		}
	}
	return keys
}
