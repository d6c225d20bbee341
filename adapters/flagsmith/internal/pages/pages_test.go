package pages_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith/internal/pages"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

func TestMerge(t *testing.T) {
	for name, tt := range map[string]struct {
		pages []string
		want  string
	}{
		"one page":             {[]string{` {"a" : [ 1 ] } `}, ` {"a" : [ 1 ] } `},
		"two pages":            {[]string{`{"identity_overrides":[1],"b":2}`, `{"identity_overrides":[2]}`}, `{"identity_overrides":[1,2],"b":2}`},
		"spaces stay":          {[]string{"{ \"identity_overrides\" : [\n 1 , {\"a\": [ ] }\n ] }\n", `{"identity_overrides":[ "x" , 3 ]}`, `{"identity_overrides":[4]}`}, "{ \"identity_overrides\" : [\n 1 , {\"a\": [ ] },\"x\" , 3,4\n ] }\n"},
		"empty first":          {[]string{`{"identity_overrides":[ ]}`, `{"identity_overrides":[1]}`, `{"identity_overrides":[2]}`}, `{"identity_overrides":[1,2 ]}`},
		"empty later":          {[]string{`{"identity_overrides":[1]}`, `{"identity_overrides":[ ]}`, `{"identity_overrides":[2]}`, `{"identity_overrides":null}`, `{}`}, `{"identity_overrides":[1,2]}`},
		"nothing to add":       {[]string{`{"a":1}`, `{}`, `{"identity_overrides":[]}`}, `{"a":1}`},
		"null first":           {[]string{`{"identity_overrides": null ,"b":2}`, `{"identity_overrides":[1,2]}`}, `{"identity_overrides": [1,2] ,"b":2}`},
		"absent first":         {[]string{`{"a":1 }`, `{"identity_overrides":[1,2]}`}, `{"a":1,"identity_overrides":[1,2] }`},
		"absent, empty object": {[]string{`{ }`, `{"identity_overrides":[1,2]}`}, `{"identity_overrides":[1,2] }`},
		"deeper ones are not meant": {
			[]string{`{"x":{"identity_overrides":[0]},"identity_overrides":[1]}`, `{"identity_overrides":[2],"x":{"identity_overrides":[0]}}`},
			`{"x":{"identity_overrides":[0]},"identity_overrides":[1,2]}`,
		},
		"name escaped": {[]string{`{"identity\u005foverrides":[1]}`, `{"identity_overrides":[2]}`}, `{"identity\u005foverrides":[1,2]}`},
		"twice":        {[]string{`{"identity_overrides":[1],"identity_overrides":[2]}`, `{"identity_overrides":[0],"identity_overrides":[]}`, `{"identity_overrides":[0],"identity_overrides":[3]}`}, `{"identity_overrides":[1],"identity_overrides":[2,3]}`},
		"list, then null": {
			[]string{`{"identity_overrides":[1],"identity_overrides":null}`, `{"identity_overrides":[0],"identity_overrides":null}`, `{"identity_overrides":null,"identity_overrides":[3]}`},
			`{"identity_overrides":[1],"identity_overrides":[3]}`,
		},
		"same time": {[]string{`{"updated_at":"a","identity_overrides":[1]}`, `{"identity_overrides":[2],"updated_at": "a" }`}, `{"updated_at":"a","identity_overrides":[1,2]}`},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := pages.Begin([]byte(tt.pages[0]))
			if err != nil {
				t.Fatal(err)
			}
			for _, page := range tt.pages[1:] {
				if err := m.Add([]byte(page)); err != nil {
					t.Fatal(err)
				}
			}
			if got := string(m.Document()); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if m.Len() != len(tt.want) {
				t.Errorf("Len is %d, the document has %d bytes", m.Len(), len(tt.want))
			}
		})
	}
}

func TestPagesThatCannotBeMerged(t *testing.T) {
	const good = `{"updated_at":"a","identity_overrides":[1]}`
	for name, tt := range map[string]struct{ page, want string }{
		"empty":         {``, "not a JSON object"},
		"no object":     {`[]`, "not a JSON object"},
		"cut off":       {`{"identity_overrides":[1]`, "invalid JSON"},
		"cut off value": {`{"identity_overrides":`, "invalid JSON"},
		"no value":      {`{"identity_overrides":]}`, "invalid JSON"},
		"broken":        {`{"identity_overrides":[1 2]}`, "invalid JSON"},
		"more":          {good + `{}`, "invalid JSON"},
		"object":        {`{"identity_overrides":{}}`, "identity_overrides is not a list"},
		"text":          {`{"identity_overrides":"[]"}`, "identity_overrides is not a list"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := pages.Begin([]byte(tt.page)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("first: %v, want %q", err, tt.want)
			}
			m, err := pages.Begin([]byte(good))
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Add([]byte(tt.page)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("later: %v, want %q", err, tt.want)
			}
			if got := string(m.Document()); got != good {
				t.Errorf("the page that was refused has changed the document: %s", got)
			}
		})
	}
}

func TestChanged(t *testing.T) {
	for _, tt := range []struct {
		first, later string
		changed      bool
	}{
		{`{"updated_at":"a"}`, `{"updated_at":"a"}`, false},
		{`{}`, `{}`, false},
		{`{"updated_at":null}`, `{"updated_at":null}`, false},
		{`{"updated_at":"a"}`, `{"updated_at":"b"}`, true},
		{`{"updated_at":"a"}`, `{}`, true},
		{`{}`, `{"updated_at":"a"}`, true},
	} {
		m, err := pages.Begin([]byte(tt.first))
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Add([]byte(tt.later)); errors.Is(err, pages.ErrChanged) != tt.changed {
			t.Errorf("%s, %s: %v", tt.first, tt.later, err)
		}
	}
}

// FuzzMergePages compares with a merge of trees: the merged document is valid
// and has the overrides of all pages in order, and nothing else has changed.
func FuzzMergePages(f *testing.F) {
	for _, p := range [][3]string{
		{`{"identity_overrides":[1],"a":{"b":[ ]}}`, `{"identity_overrides":[ "x" , {} ]}`, `{"identity_overrides":[[]]}`},
		{`{ }`, `{"identity_overrides":[1.50]}`, `{}`},
		{`{"a":1,"identity_overrides":null}`, `{"identity_overrides":[]}`, `{"identity_overrides":["\u0031"]}`},
		{`{"identity_overrides":[1],"identity_overrides":[ ] }`, `{"identity_overrides":[2],"identity_overrides":null}`, `{"x`},
	} {
		f.Add(p[0], p[1], p[2])
	}
	f.Fuzz(func(t *testing.T, first, second, third string) {
		m, err := pages.Begin([]byte(first))
		if err != nil {
			return
		}
		all, rest := parse(t, first)
		for _, page := range []string{second, third} {
			if m.Add([]byte(page)) == nil {
				more, _ := parse(t, page)
				all = append(all, more...)
			}
		}
		merged := m.Document()
		if len(merged) != m.Len() {
			t.Errorf("Len is %d, the document has %d bytes", m.Len(), len(merged))
		}
		if err := jsonscan.Valid(string(merged)); err != nil {
			t.Fatalf("%q: %v", merged, err)
		}
		got, others := parse(t, string(merged))
		if len(got) != len(all) {
			t.Fatalf("%q has %d overrides, want %d", merged, len(got), len(all))
		}
		for i := range got {
			if !bytes.Equal(got[i], all[i]) {
				t.Errorf("override %d is %q, want %q", i, got[i], all[i])
			}
		}
		if len(others) != len(rest) {
			t.Errorf("%q has %d other members, want %d", merged, len(others), len(rest))
		}
		for name, value := range rest {
			if !bytes.Equal(others[name], value) {
				t.Errorf("%s is %q, want %q", name, others[name], value)
			}
		}
	})
}

// parse takes a page that was accepted apart, by the standard library.
func parse(t *testing.T, page string) (overrides []json.RawMessage, rest map[string]json.RawMessage) {
	t.Helper()
	if err := json.Unmarshal([]byte(page), &rest); err != nil {
		t.Fatalf("%q was accepted: %v", page, err)
	}
	if list, ok := rest["identity_overrides"]; ok {
		if err := json.Unmarshal(list, &overrides); err != nil {
			t.Fatalf("%q was accepted: %v", page, err)
		}
		delete(rest, "identity_overrides")
	}
	return overrides, rest
}
