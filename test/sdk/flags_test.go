//go:build sdk

package sdk_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
)

// flag is a flag as a client program tells it.
type flag struct {
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
	Value   any    `json:"value"`
}

// flags are flags by name.
type flags map[string]flag

func flagsOf(list []flag) flags {
	all := flags{}
	for _, f := range list {
		all[f.Name] = f
	}
	return all
}

// compare reports each flag in which an SDK and the proxy differ; in those that
// are excepted, only the state is compared.
func compare(t *testing.T, about string, got, want flags, except ...string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		g, found := got[name]
		w := want[name]
		if slices.Contains(except, name) {
			g.Value, w.Value = nil, nil
		}
		if !found {
			t.Errorf("%s: the SDK has no %s", about, name)
		} else if !reflect.DeepEqual(g, w) {
			t.Errorf("%s: the SDK has %s, the proxy %s", about, g, w)
		}
	}
	for name := range got {
		if _, found := want[name]; !found {
			t.Errorf("%s: the SDK has %s, which the proxy has not", about, name)
		}
	}
}

func (f flag) String() string { return fmt.Sprintf("%s %t %#v", f.Name, f.Enabled, f.Value) }
