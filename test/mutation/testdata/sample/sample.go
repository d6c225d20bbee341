// Package sample has code whose tests notice some changes and not others.
package sample

// Larger returns the larger of a and b.
func Larger(a, b int) int {
	if a > b {
		return a
	}
	return b
}

// Even reports whether n is even.
func Even(n int) bool { return n%2 == 0 }

// Steps returns n, which it counts.
func Steps(n int) (steps int) {
	for steps != n {
		steps++
	}
	return steps
}

// Join returns a and b with a space between them.
func Join(a, b string) string { return a + b }

// Negative returns -n.
func Negative(n int) int { return -n }

// Limit is a variable of the package, which every test reaches.
var Limit = 3 * 4
