package regex

import (
	"fmt"
	"strconv"
	"strings"
)

// parseGroup reads what follows an opening parenthesis at start, the closing one included. It
// returns nil for a comment and for flags of the whole pattern, which are allowed only if leads.
func (p *parser) parseGroup(start int, f flags, depth int, leads bool) (node, error) {
	if !p.accept('?') {
		return p.parseCapture(start, f, depth)
	}
	t := p.next()
	switch {
	case t.is('P'):
		return p.parseNamed(start, f, depth)
	case t.is(':'):
		body, err := p.parseBody(start, f, depth)
		return group{body: body}, err
	case t.is('>'):
		body, err := p.parseBody(start, f, depth)
		return atomicGroup{body: body}, err
	case t.is('#'):
		for t = p.next(); !t.is(')'); t = p.next() {
			if t.end() {
				return nil, failAt("missing ), unterminated comment", start)
			}
		}
		return nil, nil
	case t.is('='), t.is('!'):
		body, err := p.parseBody(start, f, depth)
		return look{body: body, negate: t.is('!')}, err
	case t.is('<'):
		return p.parseLookbehind(start, f, depth)
	case t.is('('):
		return p.parseConditional(start, f, depth)
	case t.is('-'), isFlag(t):
		add, remove, global, err := p.parseFlags(t)
		switch {
		case err != nil:
			return nil, err
		case !global:
			body, err := p.parseBody(start, f.with(add, remove), depth)
			return group{body: body}, err
		case !leads:
			return nil, failAt("global flags not at the start of the expression", start)
		}
		p.global |= add
		if p.global&asciiOnly != 0 && p.global&unicodeMode != 0 {
			return nil, failAt("ASCII and UNICODE flags are incompatible", start)
		}
		return nil, nil
	default:
		return nil, failAt("unknown extension after (?", start)
	}
}

// parseBody reads the alternation inside a group and its closing parenthesis.
func (p *parser) parseBody(start int, f flags, depth int) (node, error) {
	body, err := p.parseAlternation(f, depth)
	if err != nil {
		return nil, err
	}
	if !p.accept(')') {
		return nil, failAt("missing ), unterminated subpattern", start)
	}
	return body, nil
}

func (p *parser) parseCapture(start int, f flags, depth int) (node, error) {
	index := len(p.groups)
	p.groups = append(p.groups, groupState{})
	body, err := p.parseBody(start, f, depth)
	if err != nil {
		return nil, err
	}
	p.groups[index] = groupState{closed: true, w: body.width()}
	return group{index: index, body: body}, nil
}

// parseNamed reads (?P<name>…) and (?P=name).
func (p *parser) parseNamed(start int, f flags, depth int) (node, error) {
	switch {
	case p.accept('<'):
		name, err := p.parseName('>')
		if err != nil {
			return nil, err
		}
		if _, taken := p.names[name]; taken {
			return nil, failAt(fmt.Sprintf("redefinition of group name %q", name), start)
		}
		p.names[name] = len(p.groups)
		return p.parseCapture(start, f, depth)
	case p.accept('='):
		name, err := p.parseName(')')
		if err != nil {
			return nil, err
		}
		index, known := p.names[name]
		if !known {
			return nil, failAt(fmt.Sprintf("unknown group name %q", name), start)
		}
		return p.newBackreference(index, start, f)
	default:
		return nil, failAt("unknown extension after (?P", start)
	}
}

func (p *parser) parseName(terminator rune) (string, error) {
	start := p.pos
	name, err := p.until(terminator, "group name")
	if err != nil {
		return "", err
	}
	if !isIdentifier(name) {
		return "", failAt(fmt.Sprintf("bad character in group name %q", name), start)
	}
	return name, nil
}

func (p *parser) newBackreference(index, start int, f flags) (node, error) {
	if !p.groups[index].closed {
		return nil, failAt("cannot refer to an open group", start)
	}
	if err := p.checkLookbehind(index, start); err != nil {
		return nil, err
	}
	return backreference{group: index, folding: f.folding(), w: p.groups[index].w}, nil
}

// checkLookbehind refuses references inside a lookbehind to groups whose capture is not settled
// before it.
func (p *parser) checkLookbehind(index, start int) error {
	switch {
	case p.lookbehindFrom == 0:
		return nil
	case index >= len(p.groups) || !p.groups[index].closed:
		return failAt("cannot refer to an open group", start)
	case index >= p.lookbehindFrom:
		return failAt("cannot refer to group defined in the same lookbehind subpattern", start)
	default:
		return nil
	}
}

func (p *parser) parseLookbehind(start int, f flags, depth int) (node, error) {
	t := p.next()
	if !t.in("=!") {
		return nil, failAt("unknown extension after (?<", start)
	}
	outermost := p.lookbehindFrom == 0
	if outermost {
		p.lookbehindFrom = len(p.groups)
	}
	body, err := p.parseBody(start, f, depth)
	if err != nil {
		return nil, err
	}
	if outermost {
		p.lookbehindFrom = 0
	}
	w := body.width()
	if w.min > maxLookbehind {
		return nil, failAt("looks too much behind", start)
	}
	if w.min != w.max {
		return nil, failAt("look-behind requires fixed-width pattern", start)
	}
	return look{body: body, behind: true, negate: t.is('!')}, nil
}

// parseConditional reads (?(group)yes|no), where the group is a name or a number. Unlike a
// backreference it may name a group that is open, or by number one that comes later.
func (p *parser) parseConditional(start int, f flags, depth int) (node, error) {
	at := p.pos
	name, err := p.until(')', "group name")
	if err != nil {
		return nil, err
	}
	index, known := p.names[name]
	switch {
	case isIdentifier(name):
		if !known {
			return nil, failAt(fmt.Sprintf("unknown group name %q", name), at)
		}
	case strings.Trim(name, digits) != "":
		return nil, failAt(fmt.Sprintf("bad character in group name %q", name), at)
	default:
		if index, err = strconv.Atoi(name); err != nil {
			return nil, failAt("invalid group reference "+name, at)
		}
		if index == 0 {
			return nil, failAt("bad group number", at)
		}
		p.conditions = append(p.conditions, condition{group: index, pos: at})
	}
	if err := p.checkLookbehind(index, at); err != nil {
		return nil, err
	}
	c := conditional{group: index, no: newSequence(nil)}
	if c.yes, err = p.parseSequence(f, depth+1, false); err != nil {
		return nil, err
	}
	if p.accept('|') {
		if c.no, err = p.parseSequence(f, depth+1, false); err != nil {
			return nil, err
		}
		if p.peek().is('|') {
			return nil, p.fail("conditional backref with more than two branches")
		}
	}
	if !p.accept(')') {
		return nil, failAt("missing ), unterminated subpattern", start)
	}
	c.w = c.yes.width().or(c.no.width())
	return c, nil
}
