package number_test

import (
	"math"
	"math/big"
	"strings"
	"testing"
	"unicode"

	"github.com/edge-proxy/edge-proxy/engine/python/number"
)

func TestInt(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", " 12 ": "12", "+5": "5", "-7": "-7", "007": "7", "1_000": "1000", "\u00a012\u2003\n": "12", "\u0085\v3\f": "3",
		"٣٤": "34", "１２": "12", "\U0001D7D8\U0001D7E1": "9", "9223372036854775807": "9223372036854775807",
		"9223372036854775808": "9223372036854775808", "-123456789012345678901234567890": "-123456789012345678901234567890",
		"": "", " ": "", "+": "", "--1": "", "+-1": "", "1.0": "", "1e3": "", "0x10": "", "_1": "", "1_": "", "1__0": "", "- 1": "", "a": "", "½": "", "²": "",
		"\x1c3": "", "3\x1f": "", "\u30003\x1d": "", "\u200b3": "",
		strings.Repeat("9", 4301): "", strings.Repeat("9", 4300): strings.Repeat("9", 4300), "-" + strings.Repeat("9", 4300): "-" + strings.Repeat("9", 4300),
	} {
		small, large, ok := number.Int(text)
		got := ""
		if ok && large != nil {
			got = large.String()
		} else if ok {
			got = big.NewInt(small).String()
		}
		if got != want {
			t.Errorf("Int(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestFloat(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for text, want := range map[string]float64{
		"1": 1, " 1.5\t": 1.5, "5.": 5, ".5": .5, "-.5e1": -5, "1e3": 1000, "1E5": 1e5, "1_0.2_5": 10.25, "+2": 2, "1e400": inf, "-1e400": -inf,
		"1e-400": 0, "inf": inf, "-Infinity": -inf, "+iNf": inf, "nan": nan, "-nan": nan, "+NaN": nan, "٣.٥": 3.5, "007": 7,
	} {
		got, ok := number.Float(text)
		if !ok || got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("Float(%q) = %v, %v, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", " ", ".", "e5", "1e", "1e+", "1__0", "_1", "1_", "1_.5", "1._5", "1e_5", "1e5_", "1e5__0", "0x10", "0x1p3", "infi", "1 2", "--1", "1.2.3", "1e5.0", "1,5", "\x1c1", "1\x1e", "-inf\x1f", "İnf", "ınf", "+-inf"} {
		if got, ok := number.Float(text); ok {
			t.Errorf("Float(%q) = %v, want none", text, got)
		}
	}
}

func TestFormatFloat(t *testing.T) {
	for want, f := range map[string]float64{
		"0.0": 0, "-0.0": math.Copysign(0, -1), "1.0": 1, "1.5": 1.5, "0.0001": 1e-4, "1e-05": 1e-5, "1.5e-07": 1.5e-7, "1000000000000000.0": 1e15, "1e+16": 1e16,
		"1.2345678901234567e+19": 12345678901234567890, "1e+100": 1e100, "inf": math.Inf(1), "-inf": math.Inf(-1), "nan": math.NaN(), "0.1": .1, "123456789.125": 123456789.125,
	} {
		if got := number.FormatFloat(f); got != want {
			t.Errorf("FormatFloat(%v) = %s, want %s", f, got, want)
		}
	}
}

func TestModTakesTheDivisorsSign(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct{ a, b, want float64 }{
		{7, 3, 1}, {-7, 3, 2}, {7, -3, -2}, {-7, -3, -1}, {5.5, 2, 1.5}, {-1, inf, inf}, {1, inf, 1}, {1, -inf, -inf}, {6, 3, 0},
	} {
		if got, ok := number.Mod(c.a, c.b); !ok || got != c.want {
			t.Errorf("Mod(%v, %v) = %v, %v, want %v", c.a, c.b, got, ok, c.want)
		}
	}
	if _, ok := number.Mod(1, 0); ok {
		t.Error("Mod(1, 0) is ok")
	}
}

func TestIntToFloat(t *testing.T) {
	huge, _ := new(big.Int).SetString("1"+strings.Repeat("0", 400), 10)
	if _, ok := number.IntToFloat(huge); ok {
		t.Error("10^400 has a float")
	}
	if f, ok := number.IntToFloat(big.NewInt(1 << 60)); !ok || f != 1<<60 {
		t.Errorf("2^60 is %v, %v", f, ok)
	}
}

// Every decimal digit of Unicode is one, and nothing beside them.
func TestDigitsOfAllScripts(t *testing.T) {
	for r := range rune(0x20000) { // there are none beyond
		value, large, ok := number.Int("1" + string(r) + "1")
		if want := unicode.Is(unicode.Nd, r) || r == '_'; ok != want {
			t.Errorf("%U is a digit: %v, want %v", r, ok, want)
		}
		if !ok || r == '_' {
			continue
		}
		start := r // of the ten digits of its script
		for unicode.Is(unicode.Nd, start-1) {
			start--
		}
		if want := 101 + 10*int64((r-start)%10); value != want || large != nil {
			t.Errorf("%U in the middle of a number makes it %d, want %d", r, value, want)
		}
	}
}
