package regex

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxLinearSize bounds the instructions of a program for Go's engine, repeats expanded.
	maxLinearSize = 10_000
	// maxLinearText bounds the length of the expression handed to Go's engine.
	maxLinearText = 256 << 10
	// maxLinearRanges bounds the character ranges of all its classes together.
	maxLinearRanges = 100_000
	// maxLinearRepeat is the greatest product of nested repeat counts Go's engine accepts.
	maxLinearRepeat = 1000
	// tableRangeCount is about how many ranges \w has.
	tableRangeCount = 800
)

// textLimits are conditions on the text under which an expression for Go's engine means the
// same as the pattern.
type textLimits uint8

const (
	asciiText      textLimits = 1 << iota // Go's \b knows ASCII letters only
	nonEmptyText                          // to Python, \B does not hold in an empty text
	noFinalNewline                        // $ as \z, where the place before a final newline matters
)

func (l textLimits) allow(text string) bool {
	if l&nonEmptyText != 0 && text == "" || l&noFinalNewline != 0 && strings.HasSuffix(text, "\n") {
		return false
	}
	if l&asciiText != 0 {
		for i := range len(text) {
			if text[i] >= utf8.RuneSelf {
				return false
			}
		}
	}
	return true
}

// emitLinear expresses a pattern for Go's engine, nil if that is not possible or would take too
// much. limits says for which texts the expression is right.
func emitLinear(t *tree) (re *regexp.Regexp, limits textLimits) {
	if linearSize(t.root) > maxLinearSize {
		return nil, 0
	}
	e := &linearEmitter{}
	e.WriteString(`\A(?:`)
	e.emit(t.root, true)
	e.WriteString(`)`)
	if e.tooLarge {
		return nil, 0
	}
	re, err := regexp.Compile(e.String())
	if err != nil {
		// A bound of Go's engine, which the backtracking engine does not have.
		return nil, 0
	}
	return re, e.limits
}

// linearEffort is about how many instructions and character ranges emitLinear handles, 0 if it
// cannot express the pattern.
func linearEffort(t *tree) int {
	size := linearSize(t.root)
	e := &linearEmitter{}
	if size > maxLinearSize {
		return 0
	}
	if e.emit(t.root, true); e.tooLarge {
		return 0
	}
	return int(size) + e.ranges
}

// linearSize is about how many instructions a construct takes on Go's engine, which copies the
// body of a counted repeat. A construct that it does not know takes too many.
func linearSize(n node) uint64 {
	const tooMany = maxLinearSize + 1
	parts := uint64(0)
	each(n, func(part node) { parts += linearSize(part) })
	size := 1 + parts
	switch n := n.(type) {
	case alternation:
		size += uint64(len(n.branches))
	case group:
		size = parts
	case repeat:
		copies := uint64(n.max)
		if n.max == infinite {
			copies = uint64(n.min) + 1
		}
		if n.kind == possessive {
			return tooMany
		}
		size = 1 + capped(parts+1, copies)
	case atomicGroup, look, backreference, conditional:
		return tooMany
	}
	return min(size, tooMany)
}

type linearEmitter struct {
	strings.Builder
	limits   textLimits
	ranges   int
	tooLarge bool // the expression, which is incomplete then
}

// emit writes a construct. last says that nothing can come after it in a match.
func (e *linearEmitter) emit(n node, last bool) {
	e.tooLarge = e.tooLarge || e.Len() > maxLinearText || e.ranges > maxLinearRanges
	if e.tooLarge {
		return
	}
	switch n := n.(type) {
	case sequence:
		for i, item := range n.items {
			e.emit(item, last && i == len(n.items)-1)
		}
	case alternation:
		for i, branch := range n.branches {
			e.WriteString([]string{`(?:`, `|`}[min(i, 1)])
			e.emit(branch, last)
		}
		e.WriteString(`)`)
	case literal:
		e.char(n.char)
	case class:
		e.class(n.set)
	case position:
		e.position(n.kind, last)
	case group:
		e.enclosed(n.body, last)
	case repeat:
		e.repeat(n, last)
	}
}

// enclosed writes a construct in parentheses.
func (e *linearEmitter) enclosed(n node, last bool) {
	e.WriteString(`(?:`)
	e.emit(n, last)
	e.WriteString(`)`)
}

func (e *linearEmitter) char(r rune) {
	switch {
	case 0xd800 <= r && r <= 0xdfff:
		// No Go string holds a lone surrogate.
		e.WriteString(`[^\x00-\x{10FFFF}]`)
	case isASCIIWord(r):
		e.WriteRune(r)
	default:
		fmt.Fprintf(e, `\x{%X}`, r)
	}
}

func (e *linearEmitter) class(s *runeSet) {
	ranges, categories, negate := s.ranges, s.categories, s.negate
	switch {
	case len(ranges) == 0 && categories == notWordChar:
		categories, negate = wordChar, !negate
	case categories&(notWordChar|notDigitChar) != 0:
		ranges, categories, negate = s.spelledOut(), 0, false
	}
	if len(ranges) == 0 && categories == 0 {
		ranges, negate = []runeRange{{0, unicode.MaxRune}}, !negate
	}
	e.WriteString(`[`)
	if negate {
		e.WriteString(`^`)
	}
	for _, r := range ranges {
		fmt.Fprintf(e, `\x{%X}-\x{%X}`, r.lo, r.hi)
	}
	e.ranges += len(ranges)
	if categories&digitChar != 0 {
		e.WriteString(`\p{Nd}`)
		e.ranges += tableRangeCount
	}
	if categories&wordChar != 0 {
		e.WriteString(`\pL\pN_`)
		e.ranges += tableRangeCount
	}
	e.WriteString(`]`)
}

func (e *linearEmitter) position(kind positionKind, last bool) {
	switch kind {
	case textStart:
		e.WriteString(`\A`)
	case lineStart:
		e.WriteString(`(?m:^)`)
	case textEnd:
		e.WriteString(`\z`)
	case lineEnd:
		e.WriteString(`(?m:$)`)
	case finalEnd:
		if last {
			e.WriteString(`(?:\n?\z)`)
			return
		}
		e.WriteString(`\z`)
		e.limits |= noFinalNewline
	case wordBoundary:
		e.WriteString(`\b`)
		e.limits |= asciiText
	case notWordBoundary:
		e.WriteString(`\B`)
		e.limits |= asciiText | nonEmptyText
	case asciiBoundary:
		e.WriteString(`\b`)
	case notASCIIBoundary:
		e.WriteString(`\B`)
		e.limits |= nonEmptyText
	}
}

// repeat writes a repeat as one if Go's engine accepts its counts, else as copies. Whether it is
// lazy does not change if there is a match.
func (e *linearEmitter) repeat(n repeat, last bool) {
	if n.max == 0 {
		return
	}
	inner := repeatProduct(n.body)
	count := n.max
	if n.max == infinite {
		count = n.min
	}
	if inner*max(uint64(count), 1) <= maxLinearRepeat {
		e.enclosed(n.body, last && n.max == 1)
		e.quantifier(n.min, n.max)
		return
	}
	for i := range count {
		e.enclosed(n.body, false)
		if i >= n.min {
			e.WriteString(`?`)
		}
	}
	if n.max == infinite {
		e.enclosed(n.body, false)
		e.WriteString(`*`)
	}
}

func (e *linearEmitter) quantifier(low, high uint32) {
	switch {
	case low == 1 && high == 1:
	case low == 0 && high == 1:
		e.WriteString(`?`)
	case low == 0 && high == infinite:
		e.WriteString(`*`)
	case low == 1 && high == infinite:
		e.WriteString(`+`)
	case high == infinite:
		fmt.Fprintf(e, `{%d,}`, low)
	default:
		fmt.Fprintf(e, `{%d,%d}`, low, high)
	}
}

// repeatProduct is the greatest product of nested repeat counts as Go's engine will see them.
func repeatProduct(n node) uint64 {
	product := uint64(1)
	each(n, func(part node) { product = max(product, repeatProduct(part)) })
	if n, isRepeat := n.(repeat); isRepeat {
		count := uint64(n.max)
		if n.max == infinite {
			count = uint64(n.min)
		}
		if count > 1 && product*count <= maxLinearRepeat {
			product *= count
		}
	}
	return product
}
