package jsonpath

import "strconv"

// filter parses the test after a question mark.
func (p *parser) filter() (selector, error) {
	outer := p.rooted
	p.rooted = nil
	test, err := p.test(p.or)
	f := &filter{test, p.rooted}
	p.rooted = append(outer, p.rooted...)
	return f, err
}

// test parses an expression that is used as a test. It refuses a literal and a function
// with a value.
func (p *parser) test(parse func() (expression, error)) (expression, error) {
	e, err := parse()
	if err != nil {
		return nil, err
	}
	switch e := e.(type) {
	case literal:
		return nil, p.wrong("a literal is compared with nothing")
	case *call:
		if !e.function.isTest {
			return nil, p.wrong("the value of a function is compared with nothing")
		}
	}
	return e, nil
}

func (p *parser) or() (expression, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	return p.operands(p.and, "||", func(a, b expression) expression { return or{a, b} })
}

func (p *parser) and() (expression, error) {
	return p.operands(p.comparison, "&&", func(a, b expression) expression { return and{a, b} })
}

// operands parses one expression, or several tests with an operator between them.
func (p *parser) operands(parse func() (expression, error), operator string, join func(a, b expression) expression) (expression, error) {
	left, err := parse()
	for err == nil {
		p.blanks()
		if !p.accept(operator) {
			return left, nil
		}
		if _, err = p.test(func() (expression, error) { return left, nil }); err != nil {
			break
		}
		var right expression
		if right, err = p.test(parse); err == nil {
			left = join(left, right)
		}
	}
	return nil, err
}

func (p *parser) comparison() (expression, error) {
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	p.blanks()
	for _, operator := range [...]string{"==", "!=", "<=", ">=", "<", ">"} {
		if !p.accept(operator) {
			continue
		}
		right, err := p.operand()
		if err != nil {
			return nil, err
		}
		if !isComparable(left) || !isComparable(right) {
			return nil, p.wrong("a comparison of what is not one value")
		}
		return &comparison{left, right, operator}, nil
	}
	return left, nil
}

func isComparable(e expression) bool {
	switch e := e.(type) {
	case *subquery:
		return e.query.isSingular()
	case *call:
		return !e.function.isTest
	default:
		return true
	}
}

// operand parses one side of an operator.
func (p *parser) operand() (expression, error) {
	p.blanks()
	switch c := p.peek(); {
	case c == '@' || c == '$':
		return p.subquery()
	case c == '\'' || c == '"':
		s, err := p.quoted()
		return literal{s}, err
	case c == '!':
		return p.not()
	case p.accept("("):
		e, err := p.or()
		if err != nil {
			return nil, err
		}
		p.blanks()
		if !p.accept(")") {
			return nil, p.wrong("no closing parenthesis")
		}
		return e, nil
	case c == '-' || isDigit(rune(c)):
		return p.number()
	default:
		return p.word()
	}
}

func (p *parser) not() (expression, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	p.at++
	if p.peek() == '=' {
		return nil, p.wrong("nothing to compare")
	}
	e, err := p.operand()
	return not{e}, err
}

func (p *parser) subquery() (expression, error) {
	fromRoot := p.peek() == '$'
	p.at++
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	q, err := p.query()
	if fromRoot && err == nil {
		p.rooted = append(p.rooted, q)
	}
	return &subquery{q, fromRoot}, err
}

// word parses true, false, null, or the call of a function.
func (p *parser) word() (expression, error) {
	w := p.takeWhile(func(r rune) bool { return 'a' <= r && r <= 'z' || r == '_' || isDigit(r) })
	switch {
	case w == "true" || w == "false":
		return literal{w == "true"}, nil
	case w == "null":
		return literal{nil}, nil
	case w == "" || !p.accept("("):
		return nil, p.wrong("no expression")
	}
	return p.call(w)
}

func (p *parser) call(name string) (expression, error) {
	f := functionCalled(name)
	if f == nil {
		return nil, p.wrong("no function %s", name)
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	c := &call{function: f}
	for i := range f.parameters {
		if p.blanks(); i > 0 && !p.accept(",") {
			return nil, p.wrong("too few arguments of %s", name)
		}
		argument, err := p.operand()
		if err != nil {
			return nil, err
		}
		if _, isQuery := argument.(*subquery); f.ofNodes && !isQuery || !f.ofNodes && !isComparable(argument) {
			return nil, p.wrong("a wrong argument of %s", name)
		}
		c.arguments = append(c.arguments, argument)
	}
	if p.blanks(); !p.accept(")") {
		return nil, p.wrong("too many arguments of %s", name)
	}
	if last, fixed := c.arguments[f.parameters-1].(literal); fixed && f.isTest {
		if pattern, isText := last.of.(string); isText {
			c.pattern, _ = compilePattern(pattern, f.before, f.after) // nil if it is invalid
		}
	}
	return c, nil
}

// number parses a JSON number.
func (p *parser) number() (expression, error) {
	start := p.at
	p.accept("-")
	whole := p.takeWhile(isDigit)
	ok := whole == "0" || whole != "" && whole[0] != '0'
	if p.accept(".") {
		ok = ok && p.takeWhile(isDigit) != ""
	}
	if p.accept("e") || p.accept("E") {
		if !p.accept("-") {
			p.accept("+")
		}
		ok = ok && p.takeWhile(isDigit) != ""
	}
	n, err := strconv.ParseFloat(p.text[start:p.at], 64)
	if !ok || err != nil {
		return nil, p.wrong("no number")
	}
	return literal{n}, nil
}
