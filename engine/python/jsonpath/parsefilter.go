package jsonpath

import "strconv"

// filter parses the test after a question mark.
func (p *parser) filter() selector {
	outer := p.rooted
	p.rooted = nil
	f := &filter{test: p.test(p.or())}
	f.rooted = p.rooted
	p.rooted = append(outer, p.rooted...)
	return f
}

// test returns an expression that is used as a test. It refuses a literal and a function
// with a value.
func (p *parser) test(e expression) expression {
	switch e := e.(type) {
	case literal:
		panic(p.wrong("a literal is compared with nothing"))
	case *call:
		if !e.function.isTest {
			panic(p.wrong("the value of a function is compared with nothing"))
		}
	}
	return e
}

func (p *parser) or() expression {
	defer p.enter()()
	return p.operands(p.and, "||", or)
}

func (p *parser) and() expression {
	return p.operands(p.comparison, "&&", and)
}

// operands parses one expression, or several tests with an operator between them.
func (p *parser) operands(parse func() expression, operator string, join func(a, b expression) expression) expression {
	left := parse()
	for {
		p.blanks()
		if !p.accept(operator) {
			return left
		}
		left = join(p.test(left), p.test(parse()))
	}
}

func (p *parser) comparison() expression {
	left := p.operand()
	p.blanks()
	for _, operator := range [...]string{"==", "!=", "<=", ">=", "<", ">"} {
		if !p.accept(operator) {
			continue
		}
		right := p.operand()
		if !isComparable(left) || !isComparable(right) {
			panic(p.wrong("a comparison of what is not one value"))
		}
		return condition(func(s *scope) bool { return compare(left.value(s), right.value(s), operator, s) })
	}
	return left
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
func (p *parser) operand() expression {
	p.blanks()
	switch c := p.peek(); {
	case c == '@' || c == '$':
		return p.subquery()
	case c == '\'' || c == '"':
		return literal{p.quoted()}
	case c == '!':
		return p.not()
	case p.accept("("):
		e := p.or()
		p.blanks()
		if !p.accept(")") {
			panic(p.wrong("no closing parenthesis"))
		}
		return e
	case c == '-' || isDigit(rune(c)):
		return p.number()
	default:
		return p.word()
	}
}

func (p *parser) not() expression {
	defer p.enter()()
	p.at++
	if p.peek() == '=' {
		panic(p.wrong("nothing to compare"))
	}
	return not(p.operand())
}

func (p *parser) subquery() expression {
	fromRoot := p.peek() == '$'
	p.at++
	defer p.enter()()
	q := p.query()
	if fromRoot {
		p.rooted = append(p.rooted, q)
	}
	return &subquery{q, fromRoot}
}

// word parses true, false, null, or the call of a function.
func (p *parser) word() expression {
	w := p.takeWhile(func(r rune) bool { return 'a' <= r && r <= 'z' || r == '_' || isDigit(r) })
	switch {
	case w == "true" || w == "false":
		return literal{w == "true"}
	case w == "null":
		return literal{nil}
	case w == "" || !p.accept("("):
		panic(p.wrong("no expression"))
	}
	return p.call(w)
}

func (p *parser) call(name string) expression {
	f := functionCalled(name)
	if f == nil {
		panic(p.wrong("no function %s", name))
	}
	defer p.enter()()
	c := &call{function: f}
	for i := range f.parameters {
		if p.blanks(); i > 0 && !p.accept(",") {
			panic(p.wrong("too few arguments of %s", name))
		}
		argument := p.operand()
		if _, isQuery := argument.(*subquery); f.ofNodes && !isQuery || !f.ofNodes && !isComparable(argument) {
			panic(p.wrong("a wrong argument of %s", name))
		}
		c.arguments = append(c.arguments, argument)
	}
	if p.blanks(); !p.accept(")") {
		panic(p.wrong("too many arguments of %s", name))
	}
	if last, fixed := c.arguments[f.parameters-1].(literal); fixed && f.isTest {
		if pattern, isText := last.of.(string); isText {
			c.pattern = compilePattern(pattern, f.before, f.after)
		}
	}
	return c
}

// number parses a JSON number.
func (p *parser) number() expression {
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
		panic(p.wrong("no number"))
	}
	return literal{n}
}
