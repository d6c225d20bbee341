package regex

// parseClass reads a class, whose opening bracket is at start.
func (p *parser) parseClass(start int, f flags) (node, error) {
	var b setBuilder
	negate := p.accept('^')
	for {
		at := p.pos
		t := p.next()
		if t.end() {
			return nil, failAt("unterminated character set", start)
		}
		if t.is(']') && !b.empty() {
			return p.newClass(&b, negate, start, f)
		}
		low, err := p.parseMember(t, at)
		if err != nil {
			return nil, err
		}
		if !p.accept('-') {
			low.addTo(&b, f)
			continue
		}
		t = p.next()
		if t.end() {
			return nil, failAt("unterminated character set", start)
		}
		if t.is(']') {
			low.addTo(&b, f)
			b.addLiteral('-')
			return p.newClass(&b, negate, start, f)
		}
		high, err := p.parseMember(t, p.pos)
		if err != nil {
			return nil, err
		}
		if low.isCategory || high.isCategory || high.char < low.char {
			return nil, failAt("bad character range", at)
		}
		b.addRange(low.char, high.char)
	}
}

func (p *parser) newClass(b *setBuilder, negate bool, start int, f flags) (node, error) {
	for _, r := range b.ranges {
		p.folded += f.folding().cost(r)
	}
	if p.folded > maxFolding {
		return nil, failAt("too many cased letters in character sets", start)
	}
	return class{set: b.build(negate, f.folding())}, nil
}

// member is one element of a class: a character or a category such as \d.
type member struct {
	char       rune
	category   category
	isCategory bool
}

func (p *parser) parseMember(t token, at int) (member, error) {
	if !t.escaped {
		return member{char: t.char}, nil
	}
	if c, ok := categoryOf(t.char); ok {
		return member{category: c, isCategory: true}, nil
	}
	if t.char == 'b' {
		return member{char: '\b'}, nil
	}
	char, err := p.parseCharEscape(t, at)
	return member{char: char}, err
}

func (m member) addTo(b *setBuilder, f flags) {
	if m.isCategory {
		b.addCategory(m.category, f&asciiOnly != 0)
		return
	}
	b.addLiteral(m.char)
}
