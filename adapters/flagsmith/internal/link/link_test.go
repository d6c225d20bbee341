package link_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/flagsmith/internal/link"
)

func TestNext(t *testing.T) {
	const none, broken = "-", "!"
	for _, tt := range []struct {
		fields []string
		want   string
	}{
		{nil, none},
		{[]string{""}, none},
		{[]string{" , ,"}, none},
		{[]string{`<a>; rel="next"`}, "a"},
		{[]string{`<a>; rel=next`}, "a"},
		{[]string{`<a>;rel=next`}, "a"},
		{[]string{`  < a >  ;  rel  =  "next"  `}, "a"},
		{[]string{`<a>; REL="NeXT"`}, "a"},
		{[]string{`<a>; rel="last next prev"`}, "a"},
		{[]string{`<a>; rel="nextish"`}, none},
		{[]string{`<a>; rel="prev"`}, none},
		{[]string{`<a>; rel="prev"; rel="next"`}, none},
		{[]string{`<a>; rel="next"; rel="prev"`}, "a"},
		{[]string{`<a>; rev="next"`}, none},
		{[]string{`<a>; rel*=next`}, none},
		{[]string{`<a>; rel`}, none},
		{[]string{`<a>; rel=`}, none},
		{[]string{`<a>`}, none},
		{[]string{`<a>;`}, none},
		{[]string{`<a>; ; rel=next;`}, "a"},
		{[]string{`<>; rel=next`}, ""},
		{[]string{`<p>; rel=prev, <n>; rel=next, <l>; rel=last`}, "n"},
		{[]string{`<p>; rel=prev,,<n>; rel=next,`}, "n"},
		{[]string{`<p>; rel=prev`, `<n>; rel=next`}, "n"},
		{[]string{`<n>; rel=next`, `<m>; rel=next`}, "n"},
		{[]string{`<p?a=1,2;rel=next>; rel=prev, <n?a=1,2;b>; rel=next`}, "n?a=1,2;b"},
		{[]string{`<p>; title="a, <x>; rel=next"; rel=prev, <n>; rel=next`}, "n"},
		{[]string{`<p>; title="a \", <x>; rel=next"; rel=prev`}, none},
		{[]string{`<n>; title="\n"; rel="ne\xt"`}, "n"},
		{[]string{`<n>; title=a/b:c; rel=next`}, "n"},
		{[]string{`<n>; crossorigin; rel=next`}, "n"},
		{[]string{`<n>; rel=next; anchor="#part"`}, none},
		{[]string{`<n>; anchor="#part"; rel=next, <m>; rel=next`}, "m"},
		{[]string{"<n>\t;\trel=next"}, "n"},

		{[]string{`n; rel=next`}, broken},
		{[]string{`<n; rel=next`}, broken},
		{[]string{`<n> rel=next`}, broken},
		{[]string{`<n>; rel="next`}, broken},
		{[]string{`<n>; rel="next\`}, broken},
		{[]string{`<n>; rel="next" x`}, broken},
		{[]string{`<n>; rel=next, m; rel=prev`}, broken},
	} {
		target, found, err := link.Next(tt.fields)
		got := target
		switch {
		case errors.Is(err, link.ErrSyntax):
			got = broken
		case !found:
			got = none
		}
		if got != tt.want {
			t.Errorf("%q: %q, want %q", tt.fields, got, tt.want)
		}
	}
}

func FuzzLinkHeader(f *testing.F) {
	for _, field := range []string{`<a>; rel="next"`, `<p>;rel=prev;title="x\", <y>", <n>; rel=next`, `<`, `<a>; rel="`, `,,`} {
		f.Add(field)
	}
	f.Fuzz(func(t *testing.T, field string) {
		target, found, err := link.Next([]string{field})
		if err != nil || !found {
			if target != "" || found {
				t.Errorf("%q: a target %q, %v, with %v", field, target, found, err)
			}
			// What is read in one field is read in the next.
			if again, ok, _ := link.Next([]string{field, "<behind>; rel=next"}); err == nil && (again != "behind" || !ok) {
				t.Errorf("%q hides the field after it", field)
			}
			return
		}
		if !strings.Contains(field, "<") || !strings.Contains(field, target) || strings.Contains(target, ">") {
			t.Errorf("%q: %q is not a target in it", field, target)
		}
		if again, ok, err := link.Next([]string{`<x>; title="<n>; rel=next", ` + field}); again != target || !ok || err != nil {
			t.Errorf("%q: behind another link it is %q", field, again)
		}
	})
}
