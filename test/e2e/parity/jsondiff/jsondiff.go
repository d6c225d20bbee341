// Package jsondiff compares JSON texts as a typed client sees them: 1, 1.0 and
// true are three different values, while the order of an object's keys, blanks
// and the spelling of strings and of equal floats mean nothing.
package jsondiff

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// Limit is how many differences of one pair of texts are listed. One more line sums up
// the rest.
const Limit = 10

// Diff returns how got differs from want, a line for each difference, with the
// place as a JSONPath. It returns no lines for equal texts. A text that is not one JSON
// value differs from everything.
//
// Integers are compared by value at any size. Floats are compared as 64-bit
// floats, so -0.0 equals 0.0; a float beyond that range by its text.
func Diff(want, got []byte) []string {
	return DiffEdited(want, got, unchanged, unchanged)
}

func unchanged(any) {}

// DiffEdited is Diff of what the texts are after editWant and editGot have changed
// them. What they are called with is made of map[string]any, []any, string,
// json.Number, bool and nil.
func DiffEdited(want, got []byte, editWant, editGot func(value any)) []string {
	expected, err := decode(want)
	if err != nil {
		return []string{fmt.Sprintf("the expectation is not JSON: %v: %s", err, clip(string(want)))}
	}
	actual, err := decode(got)
	if err != nil {
		return []string{fmt.Sprintf("no JSON: %v: %s", err, clip(string(got)))}
	}
	editWant(expected)
	editGot(actual)
	var d differences
	d.compare("$", expected, actual)
	if len(d) > Limit {
		rest := len(d) - Limit
		d = append(d[:Limit:Limit], fmt.Sprintf("… and %d more differences", rest))
	}
	return d
}

func decode(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the value")
	}
	return value, nil
}

type differences []string

func (d *differences) add(path, format string, args ...any) {
	*d = append(*d, path+": "+fmt.Sprintf(format, args...))
}

func (d *differences) compare(path string, want, got any) {
	if kind(want) != kind(got) {
		d.add(path, "want %s %s, got %s %s", kind(want), show(want), kind(got), show(got))
		return
	}
	switch want := want.(type) {
	case map[string]any:
		d.objects(path, want, got.(map[string]any))
	case []any:
		d.lists(path, want, got.([]any))
	case json.Number:
		if !sameNumber(want.String(), got.(json.Number).String()) {
			d.add(path, "want %s, got %s", want, got)
		}
	default:
		if want != got {
			d.add(path, "want %s, got %s", show(want), show(got))
		}
	}
}

func (d *differences) objects(path string, want, got map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(want)) {
		value, there := got[key]
		if !there {
			d.add(path, "key %q is missing", key)
			continue
		}
		d.compare(member(path, key), want[key], value)
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if _, wanted := want[key]; !wanted {
			d.add(path, "key %q is too much: %s", key, show(got[key]))
		}
	}
}

func (d *differences) lists(path string, want, got []any) {
	for i := range min(len(want), len(got)) {
		d.compare(fmt.Sprintf("%s[%d]", path, i), want[i], got[i])
	}
	switch {
	case len(want) > len(got):
		d.add(path, "%d elements, want %d; the first one missing is %s", len(got), len(want), show(want[len(got)]))
	case len(got) > len(want):
		d.add(path, "%d elements, want %d; the first one too much is %s", len(got), len(want), show(got[len(want)]))
	}
}

// kind names the type that a value has in JSON, integers and floats apart.
func kind(value any) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "list"
	case map[string]any:
		return "object"
	case json.Number:
		if strings.ContainsAny(value.String(), ".eE") {
			return "float"
		}
		return "integer"
	}
	panic(fmt.Sprintf("jsondiff: a %T from the decoder", value))
}

// sameNumber compares two numbers of one kind.
func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	if strings.ContainsAny(a, ".eE") {
		x, errX := strconv.ParseFloat(a, 64)
		y, errY := strconv.ParseFloat(b, 64)
		return errX == nil && errY == nil && x == y
	}
	x, okX := new(big.Int).SetString(a, 10)
	y, okY := new(big.Int).SetString(b, 10)
	return okX && okY && x.Cmp(y) == 0
}

// member is the path of an object's member.
func member(path, key string) string {
	for _, r := range key {
		if r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return fmt.Sprintf("%s[%q]", path, key)
		}
	}
	return path + "." + key
}

func show(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return clip(string(text))
}

// clip shortens a text to what fits into a line of a report.
func clip(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
