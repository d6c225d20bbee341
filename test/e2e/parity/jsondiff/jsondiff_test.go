package jsondiff_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/e2e/parity/jsondiff"
)

func TestEqual(t *testing.T) {
	for _, pair := range [][2]string{
		{`{"a":1,"b":[true,null]}`, ` { "b" : [ true , null ] , "a" : 1 }` + "\n"},
		{`1.5`, `1.50`},
		{`1e16`, `1E+16`},
		{`0.00001`, `1e-05`},
		{`0.0`, `-0.0`},
		{`0`, `-0`},
		{`123456789012345678901234567890`, `123456789012345678901234567890`},
		{`"é<"`, `"\u00e9\u003c"`},
		{`1e999`, `1e999`},
		{`[]`, `[]`},
		{`null`, `null`},
	} {
		if d := jsondiff.Diff([]byte(pair[0]), []byte(pair[1])); len(d) != 0 {
			t.Errorf("%s and %s: %q", pair[0], pair[1], d)
		}
	}
}

func TestDifferent(t *testing.T) {
	tests := []struct{ want, got, difference string }{
		{`1`, `1.0`, `$: want integer 1, got float 1.0`},
		{`1.0`, `1`, `$: want float 1.0, got integer 1`},
		{`1`, `true`, `$: want integer 1, got boolean true`},
		{`1`, `1e0`, `$: want integer 1, got float 1e0`},
		{`1`, `"1"`, `$: want integer 1, got string "1"`},
		{`null`, `false`, `$: want null null, got boolean false`},
		{`true`, `false`, `$: want true, got false`},
		{`"a"`, `"A"`, `$: want "a", got "A"`},
		{`[]`, `{}`, `$: want list [], got object {}`},
		{`0.1`, `0.10000000000000002`, `$: want 0.1, got 0.10000000000000002`},
		{`9007199254740993`, `9007199254740992`, `$: want 9007199254740993, got 9007199254740992`},
		{`1e999`, `1e998`, `$: want 1e999, got 1e998`},
		{`{"a":[{"b c":1}]}`, `{"a":[{"b c":2}]}`, `$.a[0]["b c"]: want 1, got 2`},
		{`{"a":1}`, `{}`, `$: key "a" is missing`},
		{`{}`, `{"a":1}`, `$: key "a" is too much: 1`},
		{`{"a":null}`, `{}`, `$: key "a" is missing`},
		{`[1,2]`, `[1]`, `$: 1 elements, want 2; the first one missing is 2`},
		{`[1]`, `[1,[3]]`, `$: 2 elements, want 1; the first one too much is [3]`},
		{`[1,2]`, `[2,1]`, `$[0]: want 1, got 2`},
	}
	for _, tt := range tests {
		d := jsondiff.Diff([]byte(tt.want), []byte(tt.got))
		if len(d) == 0 || d[0] != tt.difference {
			t.Errorf("%s and %s: %q, want %q", tt.want, tt.got, d, tt.difference)
		}
	}
}

func TestNoJSON(t *testing.T) {
	for _, got := range []string{``, `<html>`, `{"a":1`, `1 2`, `{}{}`, `01`, `NaN`} {
		d := jsondiff.Diff([]byte(`{}`), []byte(got))
		if len(d) != 1 || !strings.HasPrefix(d[0], "no JSON: ") {
			t.Errorf("%q: %q", got, d)
		}
	}
	if d := jsondiff.Diff([]byte(`{`), []byte(`{}`)); len(d) != 1 || !strings.HasPrefix(d[0], "the expectation is not JSON") {
		t.Errorf("a broken expectation: %q", d)
	}
}

func TestManyDifferencesAreSummedUp(t *testing.T) {
	want := `[` + strings.Repeat(`1,`, 99) + `1]`
	got := strings.ReplaceAll(want, "1", "2")
	d := jsondiff.Diff([]byte(want), []byte(got))
	if len(d) != jsondiff.Limit+1 || d[jsondiff.Limit] != "… and 90 more differences" {
		t.Errorf("%d lines, the last %q", len(d), d[len(d)-1])
	}
	long := jsondiff.Diff([]byte(`"`+strings.Repeat("é", 1000)+`"`), []byte(`""`))
	if len(long) != 1 || len(long[0]) > 300 || !strings.Contains(long[0], "é…") {
		t.Errorf("a long value is shown as %q", long)
	}
}

func FuzzDiff(f *testing.F) {
	for _, pair := range [][2]string{{`{"a":[1,2.0,"x",null,true]}`, `{"a":[1,2,"x",null,1]}`}, {`-0`, `0`}, {``, `[`}, {`1e400`, `1e400`}} {
		f.Add([]byte(pair[0]), []byte(pair[1]))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		ab, ba := jsondiff.Diff(a, b), jsondiff.Diff(b, a)
		if (len(ab) == 0) != (len(ba) == 0) {
			t.Errorf("not symmetric: %q and %q", ab, ba)
		}
		if len(ab) == 0 && len(jsondiff.Diff(a, a)) != 0 {
			t.Error("equal to another text, but not to itself")
		}
		if d := jsondiff.Diff(a, a); len(d) != 0 && !slices.ContainsFunc(d, func(line string) bool { return strings.Contains(line, "not JSON") }) {
			t.Errorf("differs from itself: %q", d)
		}
	})
}
