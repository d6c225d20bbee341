package jsonscan_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

func TestValidAgreesWithEncodingJSON(t *testing.T) {
	for _, text := range []string{
		``, ` `, `null`, `nul`, `true`, `truex`, `false`, `0`, `-0`, `01`, `1.`, `.5`, `1.5e+3`, `1e`, `-`, `+1`,
		`"a"`, `"a`, `"\u00e9"`, `"\u00g9"`, `"\x"`, "\"\x01\"", "\"tab\t\"", `"\ud83d\ude42"`, `[]`, `[1]`, `[1,]`, `[,1]`, `[1 2]`,
		`{}`, `{"a":1}`, `{"a":1,}`, `{"a" 1}`, `{a:1}`, `{"a":}`, `{"a":1 "b":2}`, `[[[{}]]]`, `[1}`, `{"a":1]`, `1 2`, "\ufeff1", `NaN`,
		`1:`, `1.5:`, `:`, `[nul`, `[tru`, `{"a"`, `{"a":`, `"a b"`, `"\n a b"`, `"é"`, `"\u00E9"`, `"\u00G9"`, `"\u000:"`, `"\u0041`, `"\ud83d\`, `"\ud83d`,
		" \n\t\r[ 1 , { \"a\" : [ ] } ] ",
	} {
		if got, want := jsonscan.Valid(text) == nil, json.Valid([]byte(text)); got != want {
			t.Errorf("Valid(%q) = %v, encoding/json says %v", text, got, want)
		}
	}
}

func TestErrorsWrapErrSyntaxAndNameThePosition(t *testing.T) {
	err := jsonscan.Valid(`{"a": [1, x]}`)
	var syntax *jsonscan.SyntaxError
	if !errors.Is(err, jsonscan.ErrSyntax) || !errors.As(err, &syntax) || syntax.Offset != 10 {
		t.Fatalf("got %v", err)
	}
}

func TestInvalidUTF8IsRefused(t *testing.T) {
	for _, text := range []string{"\"\xff\"", "\"\x80\"", "\"a\\n\xc3\""} {
		if err := jsonscan.Valid(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

// maxDepth is how deeply a Scanner lets arrays and objects nest.
const maxDepth = 1000

func TestDepthIsBounded(t *testing.T) {
	ok := strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)
	if err := jsonscan.Valid(ok); err != nil {
		t.Errorf("depth %d: %v", maxDepth, err)
	}
	if err := jsonscan.Valid("[" + strings.Repeat("[],", 2*maxDepth) + "{}]"); err != nil {
		t.Errorf("siblings: %v", err)
	}
	if err := jsonscan.Valid(strings.Repeat("[", 10_000_000)); err == nil {
		t.Error("ten million brackets were accepted")
	}
}

func TestWalk(t *testing.T) {
	s := jsonscan.New(` {"name":"é\u00e9","list":[1,"x",null,true,[2]],"n":-1.50e2,"skip":{"a":[{}]},"end":false} `)
	var seen []string
	s.EnterObject()
	for {
		key, ok := s.NextKey()
		if !ok {
			break
		}
		switch key {
		case "name":
			seen = append(seen, s.String())
		case "list":
			s.EnterArray()
			for s.NextElement() {
				seen = append(seen, s.Raw())
			}
		case "n":
			seen = append(seen, s.Number())
		case "end":
			if s.Bool() {
				t.Error("end is true")
			}
		default:
			s.Skip()
		}
	}
	if err := s.End(); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(seen, "|"), `éé|1|"x"|null|true|[2]|-1.50e2`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAppendStringEscapesWhatJSONAsksForOnly(t *testing.T) {
	got := string(jsonscan.AppendString(nil, "a\"\\\b\f\n\r\t\x00\x1f<&>\u2028é🙂\x7f\xff\x80"))
	want := `"a\"\\\b\f\n\r\t\u0000\u001f<&>` + "\u2028é🙂\x7f\uFFFD\uFFFD" + `"`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAppendPrintableEscapesWhatSteersTerminals(t *testing.T) {
	got := string(jsonscan.AppendPrintable(nil, "a\"\\\b\f\n\r\t\x00\x1f<&>\u2028\u2029\u0085\u009f\u00a0é🙂\x7f\xff\x80\uFFFD"))
	want := `a\"\\\b\f\n\r\t\u0000\u001f<&>\u2028\u2029\u0085\u009f` + "\u00a0é🙂" + `\u007f` + "\uFFFD\uFFFD\uFFFD"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAppendCompact(t *testing.T) {
	got := string(jsonscan.AppendCompact(nil, " { \"a\\u00e9 b\" : [ 1 , 2.50 ] } "))
	if want := `{"aé b":[1,2.50]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzScannerAgreesWithEncodingJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e3,"x\u00e9",null,true]}`, `[`, `"\ud800"`, `-0`, `{"a":1,"a":2}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := jsonscan.Valid(text) == nil
		if want := json.Valid([]byte(text)) && utf8.ValidString(text); got != want && strings.Count(text, "[")+strings.Count(text, "{") < maxDepth {
			t.Fatalf("Valid(%q) = %v, encoding/json says %v", text, got, want)
		}
		if !got {
			return
		}
		s := jsonscan.New(text)
		if s.Kind() == jsonscan.String {
			var want string
			if err := json.Unmarshal([]byte(text), &want); err != nil {
				t.Fatal(err)
			}
			if got := s.String(); got != want {
				t.Fatalf("%q decodes to %q, want %q", text, got, want)
			}
			if !json.Valid(jsonscan.AppendString(nil, want)) {
				t.Fatalf("AppendString(%q) is not JSON", want)
			}
		}
		if compact := jsonscan.AppendCompact(nil, text); !json.Valid(compact) {
			t.Fatalf("AppendCompact(%q) = %q", text, compact)
		}
	})
}

func TestStringsWithEscapesAreCheckedToTheirEnd(t *testing.T) {
	for text, what := range map[string]string{
		"\"a\\nb\x01\"":  "control character in a string",
		"\"\\n\x1f\"":    "control character in a string",
		"\"\\u0041\n\"":  "control character in a string",
		"\"\\n":          "unexpected end in a string, the text is cut off",
		"\"\\":           "unexpected end in a string",
		`"\u0041`:        "unexpected end in a string, the text is cut off",
		`"\n\x"`:         "invalid escape in a string",
		`"\ud83d\u00g0"`: "invalid escape in a string",
		`"\ud83d\ud83`:   "invalid escape in a string",
	} {
		err := jsonscan.Valid(text)
		var syntax *jsonscan.SyntaxError
		if !errors.As(err, &syntax) || syntax.What != what {
			t.Errorf("%q: %v, want %q", text, err, what)
		}
	}
}

func TestEscapedCharacters(t *testing.T) {
	for text, want := range map[string]string{
		`"\ud83d"`:             "\uFFFD",
		`"\ud83dx"`:            "\uFFFDx",
		`"\ud83d--de42"`:       "\uFFFD--de42",
		`"\ud83d\nde42"`:       "\uFFFD\nde42",
		`"\ud83d\n"`:           "\uFFFD\n",
		`"\ud83d\u0041"`:       "\uFFFDA",
		`"\ud83d\ud83d\ude42"`: "\uFFFD🙂",
		`"\ude42\ud83d"`:       "\uFFFD\uFFFD",
		`"\ud83d\\u0041"`:      "\uFFFD\\u0041",
		`"\ud83d\ude42"`:       "🙂",
		`"\uD83D\uDE42\u00E9"`: "🙂é",
	} {
		s := jsonscan.New(text)
		if got := s.String(); got != want || s.End() != nil {
			t.Errorf("%s: %q, %v, want %q", text, got, s.Err(), want)
		}
	}
}

// After an error everything reports that nothing follows, and the error stays the first.
func TestTheFirstErrorStays(t *testing.T) {
	for name, read := range map[string]func(s *jsonscan.Scanner) bool{
		"Kind":        func(s *jsonscan.Scanner) bool { return s.Kind() == jsonscan.Invalid },
		"EnterObject": func(s *jsonscan.Scanner) bool { return !s.EnterObject() },
		"EnterArray":  func(s *jsonscan.Scanner) bool { return !s.EnterArray() },
		"NextKey":     func(s *jsonscan.Scanner) bool { key, ok := s.NextKey(); return key == "" && !ok },
		"NextElement": func(s *jsonscan.Scanner) bool { return !s.NextElement() },
		"String":      func(s *jsonscan.Scanner) bool { return s.String() == "" },
		"Number":      func(s *jsonscan.Scanner) bool { return s.Number() == "" },
		"Bool":        func(s *jsonscan.Scanner) bool { return !s.Bool() },
		"Null":        func(s *jsonscan.Scanner) bool { s.Null(); return true },
		"Raw":         func(s *jsonscan.Scanner) bool { return s.Raw() == "" },
		"Skip":        func(s *jsonscan.Scanner) bool { s.Skip(); return true },
		"End":         func(s *jsonscan.Scanner) bool { return s.End() != nil },
	} {
		for _, rest := range []string{`{"a":1}`, `[1]`, `"text"`, `1`, `true`, `null`, `,1]`, ``} {
			s := jsonscan.New("[x" + rest)
			s.EnterArray()
			s.NextElement()
			s.Skip()
			first, offset := s.Err(), s.Offset()
			if first == nil {
				t.Fatal("x is a value")
			}
			if !read(&s) || s.Err() != first || s.Offset() != offset {
				t.Errorf("%s before %q: error %v, then %v at %d", name, rest, first, s.Err(), s.Offset())
			}
		}
	}
}

func TestReadingAnotherKind(t *testing.T) {
	for name, read := range map[string]func(s *jsonscan.Scanner){
		"an object":     func(s *jsonscan.Scanner) { s.EnterObject() },
		"an array":      func(s *jsonscan.Scanner) { s.EnterArray() },
		"a string":      func(s *jsonscan.Scanner) { _ = s.String() },
		"null":          func(s *jsonscan.Scanner) { s.Null() },
		"true or false": func(s *jsonscan.Scanner) { s.Bool() },
	} {
		for text, end := range map[string]string{"": ", the text is cut off", "7": "", ":": ""} {
			s := jsonscan.New(text)
			read(&s)
			var syntax *jsonscan.SyntaxError
			if want := "expected " + name + end; !errors.As(s.Err(), &syntax) || syntax.What != want || syntax.Offset != 0 {
				t.Errorf("%q: %v, want %q", text, s.Err(), want)
			}
		}
	}
	for text, want := range map[string]string{"": "invalid number, the text is cut off", "x": "invalid number", "-": "invalid number"} {
		s := jsonscan.New(text)
		s.Number()
		var syntax *jsonscan.SyntaxError
		if !errors.As(s.Err(), &syntax) || syntax.What != want {
			t.Errorf("%q: %v, want %q", text, s.Err(), want)
		}
	}
}

func TestKind(t *testing.T) {
	for text, want := range map[string]jsonscan.Kind{
		" {": jsonscan.Object, "[": jsonscan.Array, `"`: jsonscan.String, "t": jsonscan.Bool, "f": jsonscan.Bool, "n": jsonscan.Null,
		"-": jsonscan.Number, "0": jsonscan.Number, "9": jsonscan.Number, ":": jsonscan.Invalid, "/": jsonscan.Invalid, "": jsonscan.Invalid,
	} {
		s := jsonscan.New(text)
		if got := s.Kind(); got != want {
			t.Errorf("%q: kind %d, want %d", text, got, want)
		}
	}
}

func TestIntegers(t *testing.T) {
	for text, want := range map[string]struct {
		n           int64
		ok, integer bool
	}{
		"0":                    {0, true, true},
		"-12":                  {-12, true, true},
		"9223372036854775807":  {9223372036854775807, true, true},
		"9223372036854775808":  {0, false, true},
		"-9223372036854775809": {0, false, true},
		"1.0":                  {0, false, false},
		"1e2":                  {0, false, false},
		"1E2":                  {0, false, false},
	} {
		n, ok := jsonscan.Int64(text)
		if ok && n != want.n || ok != want.ok || jsonscan.IsInteger(text) != want.integer {
			t.Errorf("%s: %d, %v, integer %v", text, n, ok, jsonscan.IsInteger(text))
		}
	}
}
