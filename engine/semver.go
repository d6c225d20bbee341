package engine

import (
	"strings"

	"golang.org/x/mod/semver"
)

// version is a text in the form of SemVer 2 with the v before it that x/mod/semver
// wants.
type version string

// parseVersion parses a version strictly: all three numbers must be there.
func parseVersion(text string) (v version, ok bool) {
	v = version("v" + text)
	return v, semver.IsValid(string(v)) && semver.Canonical(string(v))+semver.Build(string(v)) == string(v)
}

// compare returns -1, 0 or +1 as v precedes, equals or follows w. Builds do not
// count.
func (v version) compare(w version) int { return semver.Compare(string(v), string(w)) }

// hasPart reports whether part is the version's pre-release or its build.
func (v version) hasPart(part string) bool {
	return strings.TrimPrefix(semver.Prerelease(string(v)), "-") == part || strings.TrimPrefix(semver.Build(string(v)), "+") == part
}
