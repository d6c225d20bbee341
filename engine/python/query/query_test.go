package query_test

import (
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/engine/python/query"
)

func TestValue(t *testing.T) {
	for raw, want := range map[string]string{
		"name=a":                     "a",
		"name=a&name=b":              "b",
		"other=a&name=b":             "b",
		"&&name=a":                   "a",
		"name=a;name=b":              "a;name=b",
		"n%61me=a":                   "a",
		"name=a+b%20c":               "a b c",
		"name=+":                     " ",
		"name=%41":                   "A",
		"name=a%2Bb":                 "a+b",
		"name=%zz%4":                 "%zz%4",
		"name=%4z%z4%4:%4g%:4%g4":    "%4z%z4%4:%4g%:4%g4",
		"name=%4f%4F%fz":             "OO%fz",
		"name=":                      "",
		"name":                       "",
		"name=a=b":                   "a=b",
		"name=%F0%9F%99%82&other=%E": "🙂",
	} {
		if got, ok := query.Value(raw, "name"); !ok || got != want {
			t.Errorf("Value(%q) = %q, %v, want %q", raw, got, ok, want)
		}
	}
	for _, raw := range []string{"", "other=a", "Name=a", "&", "=a"} {
		if got, ok := query.Value(raw, "name"); ok || got != "" {
			t.Errorf("Value(%q) = %q, %v, want no value", raw, got, ok)
		}
	}
}

// Python writes one U+FFFD for each sequence that breaks off.
func TestBrokenUTF8(t *testing.T) {
	for sent, want := range map[string]string{
		"%E0%80%80":       "\uFFFD\uFFFD\uFFFD",
		"%E0%A0":          "\uFFFD",
		"%EF%BF":          "\uFFFD",
		"%EF%BFx":         "\uFFFDx",
		"%ED%A0%80":       "\uFFFD\uFFFD\uFFFD",
		"%EC%80x":         "\uFFFDx",
		"%F0%9F%98x":      "\uFFFDx",
		"%F0%80%80":       "\uFFFD\uFFFD\uFFFD",
		"%F4%90%80%80":    "\uFFFD\uFFFD\uFFFD\uFFFD",
		"%F4%8F%BF":       "\uFFFD",
		"%F5%80":          "\uFFFD\uFFFD",
		"%C0%AF":          "\uFFFD\uFFFD",
		"%80%80":          "\uFFFD\uFFFD",
		"%f1%80%e2%82%ac": "\uFFFD\u20AC",
	} {
		if got, _ := query.Value("feature="+sent, "feature"); got != want {
			t.Errorf("%s: %q, want %q", sent, got, want)
		}
	}
}

// All parameters come in order, empty ones left out, for as long as they are wanted.
func TestAll(t *testing.T) {
	for most, want := range map[int]string{0: "a=1", 1: "a=1 b=", 9: "a=1 b= =c a=2 3"} {
		var got []string
		for name, value := range query.All("a=1&&b&=c&%61=2+3&") {
			got = append(got, name+"="+value)
			if len(got) > most {
				break
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
