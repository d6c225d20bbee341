// Package number has Python's int() and float() of a text, str() of a float and %
// of floats. They decide how Flagsmith's segments compare values (docs/spec/behaviour.md#operators).
package number

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
)

// maxDigits is how many digits Python's int() accepts in a text, leading zeros included.
const maxDigits = 4300

// Int is Python's int(text). It accepts blanks around the number, a sign, digits of
// any script and single underscores between digits. small is set when large is nil.
func Int(text string) (small int64, large *big.Int, ok bool) {
	text = strip(text)
	digits := strings.TrimLeft(text, "+-")
	if len(text)-len(digits) > 1 {
		return 0, nil, false
	}
	plain, ok := plainDigits(digits)
	if !ok || len(plain) == 0 {
		return 0, nil, false
	}
	if strings.HasPrefix(text, "-") {
		plain = "-" + plain
	}
	return ParseInt(plain)
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
	text = strip(text)
	number := text
	if number != "" && (number[0] == '+' || number[0] == '-') {
		number = number[1:]
	}
	switch {
	case strings.EqualFold(number, "nan"):
		return math.NaN(), true
	case strings.EqualFold(number, "inf"), strings.EqualFold(number, "infinity"):
		if text[0] == '-' {
			return math.Inf(-1), true
		}
		return math.Inf(1), true
	}
	mantissa, exponent, hasExponent := strings.Cut(strings.ReplaceAll(number, "E", "e"), "e")
	whole, fraction, hasPoint := strings.Cut(mantissa, ".")
	if whole == "" && fraction == "" {
		return 0, false
	}
	plain, ok := plainDigits(whole)
	if !ok {
		return 0, false
	}
	if hasPoint {
		digits, ok := plainDigits(fraction)
		if !ok {
			return 0, false
		}
		plain += "." + digits
	}
	if hasExponent {
		sign := ""
		if exponent != "" && (exponent[0] == '+' || exponent[0] == '-') {
			sign, exponent = exponent[:1], exponent[1:]
		}
		digits, ok := plainDigits(exponent)
		if !ok || digits == "" {
			return 0, false
		}
		plain += "e" + sign + digits
	}
	if number != text {
		plain = text[:1] + plain
	}
	f, err := strconv.ParseFloat(plain, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// plainDigits returns digits of any script in ASCII, without the single underscores
// between them. It returns "" when there are no digits.
func plainDigits(text string) (string, bool) {
	ascii := true
	for i := range len(text) {
		if text[i]-'0' > 9 {
			ascii = false
			break
		}
	}
	if ascii {
		return text, true
	}
	plain := make([]byte, 0, len(text))
	previous := '_' // an underscore at the start is as bad as two in a row
	for _, r := range text {
		if r == '_' {
			if previous == '_' {
				return "", false
			}
		} else if d, ok := digit(r); ok {
			plain = append(plain, '0'+d)
		} else {
			return "", false
		}
		previous = r
	}
	return string(plain), previous != '_'
}

// digit returns the value of a decimal digit of any script. Unicode keeps each
// script's ten digits together and in order.
func digit(r rune) (byte, bool) {
	if r-'0' >= 0 && r-'0' <= 9 {
		return byte(r - '0'), true
	}
	for _, t := range unicode.Nd.R16 {
		if uint32(t.Lo) <= uint32(r) && uint32(r) <= uint32(t.Hi) {
			return byte((uint32(r) - uint32(t.Lo)) % 10), true
		}
	}
	for _, t := range unicode.Nd.R32 {
		if t.Lo <= uint32(r) && uint32(r) <= t.Hi {
			return byte((uint32(r) - t.Lo) % 10), true
		}
	}
	return 0, false
}

// strip removes the blanks that int() and float() ignore: those of str.strip()
// except the separators U+001C to U+001F.
func strip(text string) string { return strings.TrimSpace(text) }

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
