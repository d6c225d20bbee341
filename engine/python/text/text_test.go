package text_test

import (
	"testing"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
	"github.com/edge-proxy/edge-proxy/engine/python/jsonpath"
	"github.com/edge-proxy/edge-proxy/engine/python/text"
)

func node(json string) any {
	s := jsonscan.New(json)
	return jsonpath.Node(domain.ReadValue(&s))
}

func TestStrAndRepr(t *testing.T) {
	for json, want := range map[string]struct{ str, repr string }{
		`null`:                 {"None", "None"},
		`true`:                 {"True", "True"},
		`false`:                {"False", "False"},
		`-0`:                   {"0", "0"},
		`12345678901234567890`: {"12345678901234567890", "12345678901234567890"},
		`1.50`:                 {"1.5", "1.5"},
		`1e-5`:                 {"1e-05", "1e-05"},
		`1e400`:                {"inf", "inf"},
		`30.0`:                 {"30.0", "30.0"},
		`"it's"`:               {"it's", `"it's"`},
		`"'\"'"`:               {`'"'`, `'\'"\''`},
		`"a\n\t\r\\"`:          {"a\n\t\r\\", `'a\n\t\r\\'`},
		`"é\u0000\u200b\ud83d\ude42\udb40\udc01"`: {"é\x00\u200b🙂\U000E0001", `'é\x00\u200b🙂\U000e0001'`},
		`[]`:                   {"[]", "[]"},
		`[1,"a",[null]]`:       {"[1, 'a', [None]]", "[1, 'a', [None]]"},
		`{"a":1,"b":{},"a":2}`: {"{'a': 2, 'b': {}}", "{'a': 2, 'b': {}}"},
	} {
		v := node(json)
		if got := string(text.AppendStr(nil, v)); got != want.str {
			t.Errorf("str(%s) = %s, want %s", json, got, want.str)
		}
		if got := string(text.AppendRepr(nil, v)); got != want.repr {
			t.Errorf("repr(%s) = %s, want %s", json, got, want.repr)
		}
	}
}

func TestIsBlank(t *testing.T) {
	for _, blank := range []string{"", " ", "\t\n\v\f\r", "\x1c\x1d\x1e\x1f", "\u0085\u00a0\u2003\u3000"} {
		if !text.IsBlank(blank) {
			t.Errorf("%q is not blank", blank)
		}
	}
	for _, full := range []string{"a", " a ", "\x00", "\u200b", "\ufeff", "\x1b"} {
		if text.IsBlank(full) {
			t.Errorf("%q is blank", full)
		}
	}
}

func TestScalarsTakeNoMemory(t *testing.T) {
	dst, large, fraction := make([]byte, 0, 64), int64(123456789), 0.25
	if n := testing.AllocsPerRun(100, func() {
		dst = text.AppendStr(dst[:0], large)
		dst = text.AppendStr(dst[:0], fraction > 0)
	}); n > 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
