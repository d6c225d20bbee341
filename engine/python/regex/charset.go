package regex

import (
	"slices"
	"sort"
	"strings"
	"unicode"
)

// category is a class escape, or several of them as a bit set.
type category uint8

const (
	digitChar category = 1 << iota
	notDigitChar
	spaceChar
	notSpaceChar
	wordChar
	notWordChar
)

func categoryOf(letter rune) (c category, ok bool) {
	i := strings.IndexRune("dDsSwW", letter)
	return 1 << max(i, 0), i >= 0
}

// runeRange is the characters from lo to hi, both included.
type runeRange struct{ lo, hi rune }

var (
	// pythonSpace is what str.isspace() accepts.
	pythonSpace = []runeRange{
		{'\t', '\r'}, {0x1c, ' '}, {0x85, 0x85}, {0xa0, 0xa0}, {0x1680, 0x1680},
		{0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000},
	}
	asciiSpace = []runeRange{{'\t', '\r'}, {' ', ' '}}
	asciiDigit = []runeRange{{'0', '9'}}
	asciiWord  = []runeRange{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}

	anyChar          = newRuneSet(true, nil, 0)
	anyExceptNewline = newRuneSet(true, []runeRange{{'\n', '\n'}}, 0)
)

// isWord is Python's str.isalnum() or an underscore. Every letter and every number of Unicode
// is alphanumeric to Python, and nothing else: marks and connector punctuation are not.
func isWord(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r)
}

func isASCIIWord(r rune) bool {
	return r == '_' || isASCIILetter(r) || '0' <= r && r <= '9'
}

// runeSet is an immutable set of characters: the ranges and the categories, all of it
// complemented if negate. Categories that are large tables stay named, so that a set is small.
type runeSet struct {
	negate     bool
	categories category    // digit and word, or their opposites, of Unicode
	ranges     []runeRange // sorted, without overlap
	ascii      [2]uint64   // the answer for each ASCII character
}

func newRuneSet(negate bool, ranges []runeRange, categories category) *runeSet {
	s := &runeSet{negate: negate, categories: categories, ranges: normalize(ranges)}
	for r := range rune(unicode.MaxASCII + 1) {
		if s.find(r) {
			s.ascii[r>>6] |= 1 << (r & 63)
		}
	}
	return s
}

func (s *runeSet) contains(r rune) bool {
	if uint32(r) <= unicode.MaxASCII {
		return s.ascii[r>>6]>>(r&63)&1 != 0
	}
	return s.find(r)
}

func (s *runeSet) find(r rune) bool {
	return (inRanges(s.ranges, r) || s.categories != 0 && s.categories.contains(r)) != s.negate
}

func (c category) contains(r rune) bool {
	return c&digitChar != 0 && unicode.IsDigit(r) || c&notDigitChar != 0 && !unicode.IsDigit(r) ||
		c&wordChar != 0 && isWord(r) || c&notWordChar != 0 && !isWord(r)
}

// setBuilder collects the members of a class as they are written.
type setBuilder struct {
	literals   []rune
	ranges     []runeRange
	fixed      []runeRange // members of small categories, which case folding leaves alone
	categories category
}

func (b *setBuilder) empty() bool {
	return len(b.literals) == 0 && len(b.ranges) == 0 && len(b.fixed) == 0 && b.categories == 0
}

func (b *setBuilder) addLiteral(r rune) {
	if n := len(b.literals); n == 0 || b.literals[n-1] != r {
		b.literals = append(b.literals, r)
	}
}

func (b *setBuilder) addCategory(c category, ascii bool) {
	members := asciiWord
	switch isSpace := c&(spaceChar|notSpaceChar) != 0; {
	case isSpace && !ascii:
		members = pythonSpace
	case !ascii:
		b.categories |= c
		return
	case isSpace:
		members = asciiSpace
	case c&(digitChar|notDigitChar) != 0:
		members = asciiDigit
	}
	if c&(notDigitChar|notSpaceChar|notWordChar) != 0 {
		members = complement(members)
	}
	b.fixed = append(b.fixed, members...)
}

func (b *setBuilder) build(negate bool, f folding) *runeSet {
	alone := len(b.literals) == 1 && len(b.ranges)+len(b.fixed) == 0 && b.categories == 0
	return newRuneSet(negate, append(f.foldMembers(b.literals, b.ranges, alone), b.fixed...), b.categories)
}

// spelledOut is the set as ranges alone.
func (s *runeSet) spelledOut() []runeRange {
	ranges := slices.Clone(s.ranges)
	digit, word := tableRanges(unicode.Nd), normalize(append(tableRanges(unicode.L, unicode.N), runeRange{'_', '_'}))
	for c, members := range map[category][]runeRange{digitChar: digit, notDigitChar: complement(digit), wordChar: word, notWordChar: complement(word)} {
		if s.categories&c != 0 {
			ranges = append(ranges, members...)
		}
	}
	ranges = normalize(ranges)
	if s.negate {
		ranges = complement(ranges)
	}
	return ranges
}

func tableRanges(tables ...*unicode.RangeTable) []runeRange {
	var ranges []runeRange
	add := func(lo, hi, stride rune) {
		if stride == 1 {
			ranges = append(ranges, runeRange{lo, hi})
			return
		}
		for r := lo; r <= hi; r += stride {
			ranges = append(ranges, runeRange{r, r})
		}
	}
	for _, table := range tables {
		for _, r := range table.R16 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
		for _, r := range table.R32 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
	}
	return normalize(ranges)
}

// normalize sorts ranges and joins those that touch. Its argument stays as it is.
func normalize(ranges []runeRange) []runeRange {
	if len(ranges) < 2 {
		return ranges
	}
	sorted := slices.Clone(ranges)
	slices.SortFunc(sorted, func(a, b runeRange) int { return int(a.lo) - int(b.lo) })
	joined := sorted[:1]
	for _, r := range sorted[1:] {
		last := &joined[len(joined)-1]
		if r.lo <= last.hi+1 {
			last.hi = max(last.hi, r.hi)
			continue
		}
		joined = append(joined, r)
	}
	return joined
}

// complement expects normalized ranges.
func complement(ranges []runeRange) []runeRange {
	var gaps []runeRange
	next := rune(0)
	for _, r := range ranges {
		if next < r.lo {
			gaps = append(gaps, runeRange{next, r.lo - 1})
		}
		next = r.hi + 1
	}
	if next <= unicode.MaxRune {
		gaps = append(gaps, runeRange{next, unicode.MaxRune})
	}
	return gaps
}

// inRanges expects normalized ranges.
func inRanges(ranges []runeRange, r rune) bool {
	i := sort.Search(len(ranges), func(i int) bool { return ranges[i].hi >= r })
	return i < len(ranges) && ranges[i].lo <= r
}
