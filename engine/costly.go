package engine

import (
	"strings"
	"unicode"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine/python/regex"
)

const (
	// probeLength is the length of the texts that regular expressions are tried with: a
	// trait can well be that long.
	probeLength = 200
	// maxProbes bounds the texts for one expression, and probeSteps the steps of all.
	maxProbes  = 24
	probeSteps = 64 * maxSteps
)

// CostlyPatterns returns the regular expressions in the rules of a document that use up the
// budget of an evaluation on a text of some 200 letters, so that a client with such a trait
// makes the rules not match and the evaluation slow. It tries texts that are bad for many
// expressions, and may miss some. It takes up to a second or so.
func CostlyPatterns(document *domain.Environment) []domain.Problem {
	s := probing{steps: probeSteps}
	list := segmentsPath()
	for i := range document.Segments {
		path := list.Index(document.Segments[i].Position)
		s.rules(document.Segments[i].Rules, path.Field("rules"))
	}
	return s.problems
}

// probing is one search for costly patterns.
type probing struct {
	steps    int // that are left
	problems []domain.Problem
}

func (s *probing) rules(rules []domain.Rule, path domain.Path) {
	for i := range rules {
		at := path.Index(i)
		conditions := at.Field("conditions")
		for j, c := range rules[i].Conditions {
			if c.Operator != opRegex || !s.costly(c.Value.Text()) {
				continue
			}
			where := conditions.Index(j)
			s.problems = append(s.problems, domain.Problem{
				Path: where.String(), What: "the regular expression takes too many steps on some texts of 200 letters",
				Effect: "for a client with such a text the conditions of the evaluation that come after it do not hold",
			})
		}
		s.rules(rules[i].Rules, at.Field("rules"))
	}
}

// costly reports whether a pattern uses up the budget on one of its probes.
func (s *probing) costly(pattern string) bool {
	re, err := regex.Compile(pattern)
	if err != nil {
		return false
	}
	for _, probe := range probes(pattern) {
		if s.steps <= 0 {
			return false
		}
		steps := maxSteps
		_, err := re.Match(probe, &steps)
		s.steps -= maxSteps - max(steps, 0)
		if err != nil {
			return true
		}
	}
	return false
}

// probes returns texts that make backtracking long: letters that the pattern may repeat,
// many times, before one that it may not want.
func probes(pattern string) []string {
	letters := []rune("a1 -")
	for _, r := range pattern {
		if (unicode.IsLetter(r) || unicode.IsDigit(r)) && !strings.ContainsRune(string(letters), r) && len(letters) < maxProbes {
			letters = append(letters, r)
		}
	}
	texts := make([]string, len(letters))
	for i, r := range letters {
		texts[i] = strings.Repeat(string(r), probeLength) + "!\n"
	}
	return texts
}
