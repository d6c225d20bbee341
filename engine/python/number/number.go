// Package number has Python's int() and float() of a text, str() of a float and %
// of floats. They decide how Flagsmith's segments compare values (docs/spec/behaviour.md#operators).
package number

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// maxDigits is how many digits Python's int() accepts in a text, leading zeros included.
const maxDigits = 4300

// Digits may have single underscores between them.
var (
	integerForm = regexp.MustCompile(`^[+-]?\d(_?\d)*$`)
	floatForm   = regexp.MustCompile(`^[+-]?(\d(_?\d)*(\.(\d(_?\d)*)?)?|\.\d(_?\d)*)([eE][+-]?\d(_?\d)*)?$`)
)

// Int is Python's int(text). It accepts blanks around the number, a sign, digits of
// any script and single underscores between digits. small is set when large is nil.
func Int(text string) (small int64, large *big.Int, ok bool) {
	text = plain(text)
	if !integerForm.MatchString(text) {
		return 0, nil, false
	}
	return ParseInt(strings.TrimPrefix(strings.ReplaceAll(text, "_", ""), "+"))
}

// ParseInt returns the integer that ASCII digits, with or without a minus before
// them, stand for. small is set when large is nil. ok is false for more digits than
// Python reads.
func ParseInt(digits string) (small int64, large *big.Int, ok bool) {
	if len(strings.TrimPrefix(digits, "-")) > maxDigits {
		return 0, nil, false
	}
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
		return n, nil, true
	}
	large, ok = new(big.Int).SetString(digits, 10)
	return 0, large, ok
}

// ParseFloat returns the number that a decimal text in ASCII stands for: the
// nearest float64, an infinity when the number is too large.
func ParseFloat(decimal string) float64 {
	f, _ := strconv.ParseFloat(decimal, 64)
	return f
}

// Float is Python's float(text). It accepts blanks around the number, a sign,
// decimal digits of any script, single underscores between digits, an exponent, and
// inf, infinity and nan in any case. A number that is too large is infinite.
func Float(text string) (float64, bool) {
	text = plain(text)
	switch unsigned := strings.TrimPrefix(strings.TrimPrefix(text, "+"), "-"); {
	case text == "+-"+unsigned:
		return 0, false
	case strings.EqualFold(unsigned, "nan"):
		return math.NaN(), true
	case !strings.EqualFold(unsigned, "inf") && !strings.EqualFold(unsigned, "infinity") && !floatForm.MatchString(text):
		return 0, false
	}
	return ParseFloat(strings.ReplaceAll(text, "_", "")), true
}

// plain returns text without the blanks that int() and float() ignore, which are those of
// str.strip() except the separators U+001C to U+001F, and with its digits in ASCII.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII && unicode.IsDigit(r) {
			return digit(r)
		}
		return r
	}, strings.TrimSpace(text))
}

// digit returns a decimal digit of any script in ASCII. Unicode keeps each script's ten
// digits together and in order.
func digit(r rune) rune {
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return '0' + (r-rune(t.Lo))%10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return '0' + (r-rune(t.Lo))%10
		}
	}
	return r
}

// FormatFloat is Python's str(f): the shortest text that reads back as f. It has an
// exponent below 1e-4 and from 1e16 on, and otherwise always a fraction.
func FormatFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// Mod is Python's a % b for floats: the result has the sign of b. ok is false when
// b is zero.
func Mod(a, b float64) (result float64, ok bool) {
	if b == 0 {
		return 0, false
	}
	m := math.Mod(a, b)
	if m != 0 && (b < 0) != (m < 0) {
		m += b
	}
	return m, true
}

// IntToFloat is Python's float(n) of an integer. ok is false when n is too large.
func IntToFloat(n *big.Int) (f float64, ok bool) {
	f, _ = new(big.Float).SetInt(n).Float64()
	return f, !math.IsInf(f, 0)
}
