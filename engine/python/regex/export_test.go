package regex

// CompileBacktracking compiles a pattern for the backtracking engine alone, so that tests can
// hold the two engines against each other.
func CompileBacktracking(pattern string) (*Regexp, error) {
	tree, err := parse(pattern)
	if err != nil {
		return nil, err
	}
	re := &Regexp{pattern: pattern}
	re.matcher.Store(&matcher{program: assemble(tree)})
	return re, nil
}

// Backtracks reports whether a pattern needs the backtracking engine, if only for some
// texts.
func Backtracks(re *Regexp) bool { return re.compiled().program != nil }
