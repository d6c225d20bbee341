package jsonscan

import "strconv"

// IsInteger reports whether the number text, as Number returns it, has neither a
// fraction nor an exponent.
func IsInteger(number string) bool {
	for i := range len(number) {
		if c := number[i]; c == '.' || c|0x20 == 'e' {
			return false
		}
	}
	return true
}

// Int64 returns the value of a number text. ok is false when the number has a fraction
// or an exponent or does not fit.
func Int64(number string) (n int64, ok bool) {
	n, err := strconv.ParseInt(number, 10, 64)
	return n, err == nil
}
