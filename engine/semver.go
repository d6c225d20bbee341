package engine

import (
	"cmp"
	"strings"
)

// version is a version in the form of SemVer 2. Its numbers stay text, so that
// they may be of any size.
type version struct {
	numbers           [3]string // major, minor, patch
	prerelease, build string    // "" when there is none
}

// parseVersion parses a version strictly.
func parseVersion(text string) (v version, ok bool) {
	rest, build, hasBuild := strings.Cut(text, "+")
	rest, prerelease, hasPrerelease := strings.Cut(rest, "-")
	if hasBuild && !areIdentifiers(build, true) || hasPrerelease && !areIdentifiers(prerelease, false) {
		return version{}, false
	}
	for i := range v.numbers {
		v.numbers[i], rest, ok = strings.Cut(rest, ".")
		if last := i == len(v.numbers)-1; ok == last || !isNumeric(v.numbers[i]) || hasLeadingZero(v.numbers[i]) {
			return version{}, false
		}
	}
	v.prerelease, v.build = prerelease, build
	return v, true
}

// areIdentifiers reports whether list is of identifiers with dots between them.
func areIdentifiers(list string, leadingZeros bool) bool {
	for id := range strings.SplitSeq(list, ".") {
		if id == "" || strings.ContainsFunc(id, notInIdentifier) || !leadingZeros && isNumeric(id) && hasLeadingZero(id) {
			return false
		}
	}
	return true
}

func notInIdentifier(r rune) bool {
	return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

func isNumeric(id string) bool {
	return id != "" && !strings.ContainsFunc(id, func(r rune) bool { return r < '0' || r > '9' })
}

func hasLeadingZero(number string) bool { return len(number) > 1 && number[0] == '0' }

// compare returns -1, 0 or +1 as v precedes, equals or follows w. Builds do not
// count.
func (v version) compare(w version) int {
	for i := range v.numbers {
		if c := compareNumbers(v.numbers[i], w.numbers[i]); c != 0 {
			return c
		}
	}
	if v.prerelease == "" || w.prerelease == "" {
		return cmp.Compare(len(w.prerelease), len(v.prerelease)) // the one without is the later
	}
	a, b := v.prerelease, w.prerelease
	for a != "" && b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		if c := compareIdentifiers(x, y); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b)) // the one with more identifiers is the later
}

// compareIdentifiers compares numbers as such, before all texts.
func compareIdentifiers(x, y string) int {
	switch xNumeric, yNumeric := isNumeric(x), isNumeric(y); {
	case xNumeric && yNumeric:
		return compareNumbers(x, y)
	case xNumeric:
		return -1
	case yNumeric:
		return 1
	default:
		return strings.Compare(x, y)
	}
}

// compareNumbers compares digits without leading zeros.
func compareNumbers(x, y string) int {
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y))
}
