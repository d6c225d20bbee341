package regex

import (
	"slices"
	"sort"
	"sync"
	"unicode"
)

// folding is how characters compare under the flags in force.
type folding uint8

const (
	foldNone folding = iota
	foldASCII
	foldUnicode
)

// maxBMP is the last character of the basic plane. Python's class compiler treats what lies
// above differently, see foldMembers.
const maxBMP = 0xffff

// lower is what Python maps a character of the text to before it compares. Python uses Unicode's
// simple lower case, which is Go's.
func (f folding) lower(r rune) rune {
	switch f {
	case foldASCII:
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
	case foldUnicode:
		return unicode.ToLower(r)
	}
	return r
}

// cased reports whether Python folds a character of the pattern.
func (f folding) cased(r rune) bool {
	switch f {
	case foldASCII:
		return isASCIILetter(r)
	case foldUnicode:
		if r <= unicode.MaxASCII {
			return isASCIILetter(r)
		}
		return r != unicode.ToLower(r) || r != unicode.ToUpper(r) || inRanges(longUpper, r)
	default:
		return false
	}
}

// sameUpper lists the lower-case characters that Python treats as equal because their (full)
// upper case is the same, though lower-casing keeps them apart.
var sameUpper = [][]rune{
	{'i', 0x131}, {'s', 0x17f}, {0xb5, 0x3bc}, {0x345, 0x3b9, 0x1fbe}, {0x390, 0x1fd3}, {0x3b0, 0x1fe3},
	{0x3b2, 0x3d0}, {0x3b5, 0x3f5}, {0x3b8, 0x3d1}, {0x3ba, 0x3f0}, {0x3c0, 0x3d6}, {0x3c1, 0x3f1},
	{0x3c2, 0x3c3}, {0x3c6, 0x3d5}, {0x432, 0x1c80}, {0x434, 0x1c81}, {0x43e, 0x1c82}, {0x441, 0x1c83},
	{0x442, 0x1c84, 0x1c85}, {0x44a, 0x1c86}, {0x463, 0x1c87}, {0x1c88, 0xa64b}, {0x1e61, 0x1e9b},
	{0xfb05, 0xfb06},
}

// longUpper has the characters whose upper case is several characters. Python knows it, Go does
// not.
var longUpper = []runeRange{
	{0xdf, 0xdf}, {0x149, 0x149}, {0x1f0, 0x1f0}, {0x390, 0x390}, {0x3b0, 0x3b0}, {0x587, 0x587},
	{0x1e96, 0x1e9a}, {0x1f50, 0x1f50}, {0x1f52, 0x1f52}, {0x1f54, 0x1f54}, {0x1f56, 0x1f56},
	{0x1fb2, 0x1fb2}, {0x1fb4, 0x1fb4}, {0x1fb6, 0x1fb7}, {0x1fc2, 0x1fc2}, {0x1fc4, 0x1fc4},
	{0x1fc6, 0x1fc7}, {0x1fd2, 0x1fd3}, {0x1fd6, 0x1fd7}, {0x1fe2, 0x1fe4}, {0x1fe6, 0x1fe7},
	{0x1ff2, 0x1ff2}, {0x1ff4, 0x1ff4}, {0x1ff6, 0x1ff7}, {0xfb00, 0xfb06}, {0xfb13, 0xfb17},
}

// upper is Python's simple upper case, which for some of longUpper is the first character of the
// long form. The ones left out can not matter: they lie above that character.
func upper(r rune) rune {
	switch r {
	case 0x149:
		return 0x2bc
	case 0x390:
		return 0x399
	case 0x1fb2:
		return 0x1fba
	case 0x1fc2:
		return 0x1fca
	case 0x1ff2:
		return 0x1ffa
	default:
		return unicode.ToUpper(r)
	}
}

// casePair is a character and its lower case, which differ.
type casePair struct{ upper, lower rune }

// The tables of letters are made when the first pattern needs them: most processes have none
// that ignores case.
var (
	casePairs = sync.OnceValues(makeCasePairs)
	// caseVariants returns all cased characters in order.
	caseVariants = sync.OnceValue(allCased)
)

func allCased() []rune {
	var all []rune
	for _, span := range unicode.CaseRanges {
		for r := rune(span.Lo); r <= rune(span.Hi); r++ {
			if foldUnicode.cased(r) {
				all = append(all, r)
			}
		}
	}
	for _, span := range longUpper {
		for r := span.lo; r <= span.hi; r++ {
			all = append(all, r)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// makeCasePairs returns all pairs, in the order of their upper and of their lower characters.
func makeCasePairs() (byUpper, byLower []casePair) {
	for _, span := range unicode.CaseRanges {
		for r := rune(span.Lo); r <= rune(span.Hi); r++ {
			if lower := unicode.ToLower(r); lower != r {
				byUpper = append(byUpper, casePair{upper: r, lower: lower})
			}
		}
	}
	byLower = slices.Clone(byUpper)
	slices.SortStableFunc(byLower, func(a, b casePair) int { return int(a.lower) - int(b.lower) })
	return byUpper, byLower
}

// upperIn are the pairs whose upper lies in r.
func (f folding) upperIn(r runeRange) []casePair {
	byUpper, _ := casePairs()
	return f.pairs(byUpper, r, func(p casePair) rune { return p.upper })
}

// lowerIn are the pairs whose lower lies in r.
func (f folding) lowerIn(r runeRange) []casePair {
	_, byLower := casePairs()
	return f.pairs(byLower, r, func(p casePair) rune { return p.lower })
}

func (f folding) pairs(all []casePair, r runeRange, key func(casePair) rune) []casePair {
	from := sort.Search(len(all), func(i int) bool { return key(all[i]) >= r.lo })
	to := sort.Search(len(all), func(i int) bool { return key(all[i]) > r.hi })
	found := all[from:max(from, to)]
	if f == foldUnicode {
		return found
	}
	return slices.DeleteFunc(slices.Clone(found), func(p casePair) bool {
		return p.upper > unicode.MaxASCII || p.lower > unicode.MaxASCII
	})
}

// foldMembers gives the characters of a text that Python matches with a class of these literals
// and ranges. It follows Python's class compiler, including two of its corners: a class without
// any cased member is compared as it stands, and a character above the basic plane is not
// lower-cased unless the class consists of it alone.
func (f folding) foldMembers(literals []rune, ranges []runeRange, alone bool) []runeRange {
	written := slices.Clone(ranges)
	for _, r := range literals {
		written = append(written, runeRange{r, r})
	}
	if !slices.ContainsFunc(written, f.folds) {
		return written
	}
	var lowered []runeRange // compared with the lower-cased character of the text
	for _, r := range ranges {
		lowered = append(lowered, f.lowerRange(runeRange{r.lo, min(r.hi, maxBMP)})...)
		if r.hi > maxBMP {
			lowered = append(lowered, r)
			// Here Python also compares the upper case of the lower-cased character.
			for _, c := range caseVariants() {
				if u := upper(c); r.lo <= u && u <= r.hi {
					lowered = append(lowered, runeRange{c, c})
				}
			}
		}
	}
	for _, r := range literals {
		if r > maxBMP && !alone {
			lowered = append(lowered, runeRange{r, r})
			continue
		}
		lowered = append(lowered, f.lowerRange(runeRange{r, r})...)
	}
	lowered = normalize(lowered)

	var matched []runeRange
	for _, r := range lowered {
		matched = append(matched, f.lowerFixed(r)...)
		for _, pair := range f.lowerIn(r) {
			matched = append(matched, runeRange{pair.upper, pair.upper})
		}
	}
	return matched
}

// folds reports whether a written member makes Python fold the class.
func (f folding) folds(r runeRange) bool {
	switch f {
	case foldNone:
		return false
	case foldASCII:
		return r.hi > maxBMP || r.lo <= 'z' && r.hi >= 'a' || r.lo <= 'Z' && r.hi >= 'A'
	default:
		return f.cost(r) > 0
	}
}

// cost is about how many letters foldMembers looks at for a range.
func (f folding) cost(r runeRange) int {
	switch {
	case f == foldNone:
		return 0
	case r.hi > maxBMP:
		return len(caseVariants())
	}
	variants := caseVariants()
	from, _ := slices.BinarySearch(variants, r.lo)
	to, _ := slices.BinarySearch(variants, r.hi+1)
	return to - from
}

// lowerRange lower-cases each character of r and adds the ones with the same upper case.
func (f folding) lowerRange(r runeRange) []runeRange {
	if r.lo > r.hi {
		return nil
	}
	out := f.lowerFixed(r)
	for _, pair := range f.upperIn(r) {
		out = append(out, runeRange{pair.lower, pair.lower})
	}
	if f != foldUnicode {
		return out
	}
	base := normalize(out)
	for _, equal := range sameUpper {
		if slices.ContainsFunc(equal, func(c rune) bool { return inRanges(base, c) }) {
			for _, c := range equal {
				out = append(out, runeRange{c, c})
			}
		}
	}
	return out
}

// lowerFixed is r without the characters that lower-casing changes.
func (f folding) lowerFixed(r runeRange) []runeRange {
	var out []runeRange
	next := r.lo
	for _, pair := range f.upperIn(r) {
		if next < pair.upper {
			out = append(out, runeRange{next, pair.upper - 1})
		}
		next = pair.upper + 1
	}
	if next <= r.hi {
		out = append(out, runeRange{next, r.hi})
	}
	return out
}
