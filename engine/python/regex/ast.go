package regex

// node is one construct of a parsed pattern. Flags are resolved while parsing, so a node means
// the same wherever it stands.
type node interface {
	// width is how many characters the construct can consume.
	width() width
}

type (
	// sequence is its items one after the other; without items it matches the empty string.
	sequence struct {
		items []node
		w     width
	}

	// alternation tries its branches from left to right.
	alternation struct {
		branches []node
		w        width
	}

	// literal is exactly one given character.
	literal struct{ char rune }

	// class is one character out of a set.
	class struct{ set *runeSet }

	// position is an assertion about the place in the text, such as ^ or \b.
	position struct{ kind positionKind }

	// group is a parenthesised part. index is 0 for a group that does not capture.
	group struct {
		index int
		body  node
	}

	// repeat is a quantified construct; max is infinite without an upper bound.
	repeat struct {
		body     node
		min, max uint32
		kind     repeatKind
		w        width
	}

	// atomicGroup is (?>…): once matched it is never entered again.
	atomicGroup struct{ body node }

	// look is a lookahead or a lookbehind.
	look struct {
		body           node
		behind, negate bool
	}

	// backreference matches what a group captured; folding says how characters compare.
	backreference struct {
		group   int
		folding folding
		w       width
	}

	// conditional is (?(group)yes|no).
	conditional struct {
		group   int
		yes, no node
		w       width
	}
)

type positionKind uint8

const (
	textStart        positionKind = iota // \A, and ^ without m
	lineStart                            // ^ with m
	textEnd                              // \Z
	finalEnd                             // $ without m: the end, or before a newline that ends the text
	lineEnd                              // $ with m
	wordBoundary                         // \b
	notWordBoundary                      // \B
	asciiBoundary                        // \b with a
	notASCIIBoundary                     // \B with a
)

type repeatKind uint8

const (
	greedy repeatKind = iota
	lazy
	possessive
)

// infinite is the max of a repeat without upper bound. Python refuses counts of this size.
const infinite = 1<<32 - 1

func (n sequence) width() width      { return n.w }
func (n alternation) width() width   { return n.w }
func (n literal) width() width       { return oneChar }
func (n class) width() width         { return oneChar }
func (n position) width() width      { return width{} }
func (n group) width() width         { return n.body.width() }
func (n repeat) width() width        { return n.w }
func (n atomicGroup) width() width   { return n.body.width() }
func (n look) width() width          { return width{} }
func (n backreference) width() width { return n.w }
func (n conditional) width() width   { return n.w }

// each calls visit for the constructs that n is made of.
func each(n node, visit func(node)) {
	switch n := n.(type) {
	case sequence:
		for _, item := range n.items {
			visit(item)
		}
	case alternation:
		for _, branch := range n.branches {
			visit(branch)
		}
	case group:
		visit(n.body)
	case repeat:
		visit(n.body)
	case atomicGroup:
		visit(n.body)
	case look:
		visit(n.body)
	case conditional:
		visit(n.yes)
		visit(n.no)
	}
}

// newSequence joins items. A single item stands for itself.
func newSequence(items []node) node {
	if len(items) == 1 {
		return items[0]
	}
	var w width
	for _, item := range items {
		w = w.then(item.width())
	}
	return sequence{items: items, w: w}
}

// newAlternation offers branches. A single branch stands for itself.
func newAlternation(branches []node) node {
	if len(branches) == 1 {
		return branches[0]
	}
	w := branches[0].width()
	for _, branch := range branches[1:] {
		w = w.or(branch.width())
	}
	return alternation{branches: branches, w: w}
}

// width is the least and the greatest number of characters a construct consumes, both capped at
// unbounded. Lookbehind needs it: Python steps back a fixed number of characters.
type width struct{ min, max uint64 }

// unbounded lies above maxLookbehind, so that a capped width can never pass for a fixed one.
const (
	unbounded     = 1 << 40
	maxLookbehind = 1<<32 - 1
)

var oneChar = width{min: 1, max: 1}

func (w width) then(next width) width {
	return width{min: min(w.min+next.min, unbounded), max: min(w.max+next.max, unbounded)}
}

func (w width) or(other width) width {
	return width{min: min(w.min, other.min), max: max(w.max, other.max)}
}

func (w width) times(least, most uint32) width {
	scaled := width{min: capped(w.min, uint64(least)), max: capped(w.max, uint64(most))}
	if most == infinite && w.max > 0 {
		scaled.max = unbounded
	}
	return scaled
}

func capped(a, b uint64) uint64 {
	if b != 0 && a > unbounded/b {
		return unbounded
	}
	return a * b
}
