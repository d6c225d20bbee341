package regex

// parseClass reads a class, whose opening bracket is at start.
func (p *parser) parseClass(start int, f flags) node {
	var b setBuilder
	negate := p.accept('^')
	for {
		at := p.pos
		t := p.next()
		if t.end() {
			panic(failAt("unterminated character set", start))
		}
		if t.is(']') && !b.empty() {
			return p.newClass(&b, negate, start, f)
		}
		low := p.parseMember(t, at)
		if !p.accept('-') {
			low.addTo(&b, f)
			continue
		}
		t = p.next()
		if t.end() {
			panic(failAt("unterminated character set", start))
		}
		if t.is(']') {
			low.addTo(&b, f)
			b.addLiteral('-')
			return p.newClass(&b, negate, start, f)
		}
		high := p.parseMember(t, p.pos)
		if low.isCategory || high.isCategory || high.char < low.char {
			panic(failAt("bad character range", at))
		}
		b.ranges = append(b.ranges, runeRange{low.char, high.char})
	}
}

func (p *parser) newClass(b *setBuilder, negate bool, start int, f flags) node {
	for _, r := range b.ranges {
		p.folded += f.folding().cost(r)
	}
	if p.folded > maxFolding {
		panic(failAt("too many cased letters in character sets", start))
	}
	return class{set: b.build(negate, f.folding())}
}

// member is one element of a class: a character or a category such as \d.
type member struct {
	char       rune
	category   category
	isCategory bool
}

func (p *parser) parseMember(t token, at int) member {
	if !t.escaped {
		return member{char: t.char}
	}
	if c, ok := categoryOf(t.char); ok {
		return member{category: c, isCategory: true}
	}
	if t.char == 'b' {
		return member{char: '\b'}
	}
	return member{char: p.parseCharEscape(t, at)}
}

func (m member) addTo(b *setBuilder, f flags) {
	if m.isCategory {
		b.addCategory(m.category, f&asciiOnly != 0)
		return
	}
	b.addLiteral(m.char)
}
