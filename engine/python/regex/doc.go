// Package regex gives Go the answer of Python 3.12's
//
//	re.compile(pattern).match(text) is not None
//
// for str patterns: Python's syntax, Python's meaning, anchored at the start of the text.
//
// # Two engines
//
// A pattern is parsed by Python's rules into a tree, from which character classes and flags come
// out fully resolved. What matches is decided by one of two engines:
//
//   - Go's regexp, linear in the text, for everything it can express: characters, classes, groups,
//     alternatives, quantifiers (greedy and lazy are the same where only the answer counts) and
//     anchors. It sees none of Python's notation, only explicit classes.
//   - A backtracking engine of this package for backreferences, lookahead and lookbehind,
//     conditionals, atomic groups and possessive quantifiers; for repeat counts that would make
//     Go's program too large; and for some texts of three constructs: \b and \B in a text that is
//     not ASCII, \B in an empty text, and a $ that is not at the end of the pattern in a text that
//     ends with a newline.
//
// A match takes its steps from a budget and gives up with [ErrBudget] when they do not suffice.
// The budget is a number of steps, not a time: the same pattern and text get the same answer on
// an idle and on a busy machine. There is no clock and no goroutine.
//
// # What differs from Go's and other notations
//
//   - $ matches at the end and before a newline that ends the text; \Z matches at the end only;
//     \z is an error.
//   - \w is what str.isalnum accepts and the underscore: all letters and numbers of Unicode, no
//     marks and no other connectors. \d is the category Nd. \s is what str.isspace accepts, with
//     the separators U+001C to U+001F. \b goes by that \w. Under (?a) all of them are ASCII.
//   - (?i) compares simple lower case, and treats a few letters as the same beyond that: i and
//     dotless ı, s and long ſ, σ and final ς. Neither set is that of Go's case folding.
//   - {,n} is a quantifier; a brace that opens none is an ordinary character.
//   - A reference to a group that did not take part fails. In an empty text \b and \B do not
//     hold.
//   - In a possessive repeat each iteration is atomic on its own.
//
// # Known limits
//
//   - \N{…}, a character by its name, is a syntax error.
//   - Groups nest at most 499 deep; Python gives up at about the same depth. A pattern is
//     refused whose ranges under (?i) come to more than 262,144 letters.
//   - Linear is not free: Go's engine takes up to (size of the pattern, repeats expanded) × (length
//     of the text) steps. A match is charged all of them in advance. Programs above about 10,000
//     instructions are left to the backtracking engine.
//   - The backtracking engine does not look at texts above 1 MiB: [ErrBudget].
//   - Under (?i) Python misses capital letters above U+FFFF in a class of several members, and so
//     does this package; Python also misses them among alternatives of one character each, which
//     it turns into a class, and this package does not.
//   - Go strings hold no lone surrogates: a pattern can name one but it matches nothing. A byte
//     that is not valid UTF-8 counts as one U+FFFD, in patterns and in texts.
package regex
