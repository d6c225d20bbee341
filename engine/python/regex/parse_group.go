package regex

import (
	"fmt"
	"strconv"
	"strings"
)

// parseGroup reads what follows an opening parenthesis at start, the closing one included. It
// returns nil for a comment and for flags of the whole pattern, which are allowed only if leads.
func (p *parser) parseGroup(start int, f flags, depth int, leads bool) node {
	if !p.accept('?') {
		return p.parseCapture(start, f, depth)
	}
	t := p.next()
	switch {
	case t.is('P'):
		return p.parseNamed(start, f, depth)
	case t.is(':'):
		return group{body: p.parseBody(start, f, depth)}
	case t.is('>'):
		return atomicGroup{body: p.parseBody(start, f, depth)}
	case t.is('#'):
		for t = p.next(); !t.is(')'); t = p.next() {
			if t.end() {
				panic(failAt("missing ), unterminated comment", start))
			}
		}
		return nil
	case t.is('='), t.is('!'):
		return look{body: p.parseBody(start, f, depth), negate: t.is('!')}
	case t.is('<'):
		return p.parseLookbehind(start, f, depth)
	case t.is('('):
		return p.parseConditional(start, f, depth)
	case t.is('-'), isFlag(t):
		add, remove, global := p.parseFlags(t)
		switch {
		case !global:
			return group{body: p.parseBody(start, f.with(add, remove), depth)}
		case !leads:
			panic(failAt("global flags not at the start of the expression", start))
		}
		p.global |= add
		if p.global&asciiOnly != 0 && p.global&unicodeMode != 0 {
			panic(failAt("ASCII and UNICODE flags are incompatible", start))
		}
		return nil
	default:
		panic(failAt("unknown extension after (?", start))
	}
}

// parseBody reads the alternation inside a group and its closing parenthesis.
func (p *parser) parseBody(start int, f flags, depth int) node {
	body := p.parseAlternation(f, depth)
	if !p.accept(')') {
		panic(failAt("missing ), unterminated subpattern", start))
	}
	return body
}

func (p *parser) parseCapture(start int, f flags, depth int) node {
	index := len(p.groups)
	p.groups = append(p.groups, groupState{})
	body := p.parseBody(start, f, depth)
	p.groups[index] = groupState{closed: true, w: body.width()}
	return group{index: index, body: body}
}

// parseNamed reads (?P<name>…) and (?P=name).
func (p *parser) parseNamed(start int, f flags, depth int) node {
	switch {
	case p.accept('<'):
		name := p.parseName('>')
		if _, taken := p.names[name]; taken {
			panic(failAt(fmt.Sprintf("redefinition of group name %q", name), start))
		}
		p.names[name] = len(p.groups)
		return p.parseCapture(start, f, depth)
	case p.accept('='):
		name := p.parseName(')')
		index, known := p.names[name]
		if !known {
			panic(failAt(fmt.Sprintf("unknown group name %q", name), start))
		}
		return p.newBackreference(index, start, f)
	default:
		panic(failAt("unknown extension after (?P", start))
	}
}

func (p *parser) parseName(terminator rune) string {
	start := p.pos
	name := p.until(terminator, "group name")
	if !isIdentifier(name) {
		panic(failAt(fmt.Sprintf("bad character in group name %q", name), start))
	}
	return name
}

func (p *parser) newBackreference(index, start int, f flags) node {
	if !p.groups[index].closed {
		panic(failAt("cannot refer to an open group", start))
	}
	p.checkLookbehind(index, start)
	return backreference{group: index, folding: f.folding(), w: p.groups[index].w}
}

// checkLookbehind refuses references inside a lookbehind to groups whose capture is not settled
// before it.
func (p *parser) checkLookbehind(index, start int) {
	switch {
	case p.lookbehindFrom == 0:
	case index >= len(p.groups) || !p.groups[index].closed:
		panic(failAt("cannot refer to an open group", start))
	case index >= p.lookbehindFrom:
		panic(failAt("cannot refer to group defined in the same lookbehind subpattern", start))
	}
}

func (p *parser) parseLookbehind(start int, f flags, depth int) node {
	t := p.next()
	if !t.in("=!") {
		panic(failAt("unknown extension after (?<", start))
	}
	outermost := p.lookbehindFrom == 0
	if outermost {
		p.lookbehindFrom = len(p.groups)
	}
	body := p.parseBody(start, f, depth)
	if outermost {
		p.lookbehindFrom = 0
	}
	w := body.width()
	if w.min > maxLookbehind {
		panic(failAt("looks too much behind", start))
	}
	if w.min != w.max {
		panic(failAt("look-behind requires fixed-width pattern", start))
	}
	return look{body: body, behind: true, negate: t.is('!')}
}

// parseConditional reads (?(group)yes|no), where the group is a name or a number. Unlike a
// backreference it may name a group that is open, or by number one that comes later.
func (p *parser) parseConditional(start int, f flags, depth int) node {
	at := p.pos
	name := p.until(')', "group name")
	index, known := p.names[name]
	switch {
	case isIdentifier(name):
		if !known {
			panic(failAt(fmt.Sprintf("unknown group name %q", name), at))
		}
	case strings.Trim(name, digits) != "":
		panic(failAt(fmt.Sprintf("bad character in group name %q", name), at))
	default:
		var err error
		if index, err = strconv.Atoi(name); err != nil {
			panic(failAt("invalid group reference "+name, at))
		}
		if index == 0 {
			panic(failAt("bad group number", at))
		}
		p.conditions = append(p.conditions, condition{group: index, pos: at})
	}
	p.checkLookbehind(index, at)
	c := conditional{group: index, yes: p.parseSequence(f, depth+1, false), no: newSequence(nil)}
	if p.accept('|') {
		c.no = p.parseSequence(f, depth+1, false)
		if p.peek().is('|') {
			panic(p.fail("conditional backref with more than two branches"))
		}
	}
	if !p.accept(')') {
		panic(failAt("missing ), unterminated subpattern", start))
	}
	c.w = c.yes.width().or(c.no.width())
	return c
}
