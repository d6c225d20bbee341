package domain

import (
	"bytes"
	"slices"
	"strings"
)

// keyLikely is the length from which the text after a "ser." in the middle of a word
// ("user.", "parser.") is taken for a key that follows the word without a separator.
// Every key that Flagsmith makes is longer, and most names are shorter.
const keyLikely = 16

// RedactServerKeys returns text with every server-side key in it as MaskServerKey
// shows it. A key begins with its prefix, any character of which may be percent-
// encoded as in a URL. It ends before the first character that cannot be part of a
// key: a blank, a quote, a bracket, a separator. A text without the prefix costs one
// search.
func RedactServerKeys(text string) string {
	if !mayHoldServerKey(text) {
		return text
	}
	find := prefixFinder{text: []byte(text), plain: -1, encoded: -1}
	return string(appendRedacted(make([]byte, 0, len(text)), &find, "…"))
}

// RedactServerKeysInPlace is RedactServerKeys for the finished lines of a log: of
// each key it leaves "ser." and what MaskServerKey shows of the rest. It removes only
// characters of keys, so that quoting and JSON stay intact. It overwrites line and
// returns what is left. It ignores encoded prefixes, which only URLs have, and up to
// four characters after a prefix, which are a key that was masked before.
func RedactServerKeysInPlace(line []byte) []byte {
	if !bytes.Contains(line, []byte(ServerKeyPrefix)) {
		return line
	}
	find := prefixFinder{text: line, plain: -1, encoded: len(line)}
	return appendRedacted(line[:0], &find, "")
}

// mayHoldServerKey returns false for most texts without a key. It is faster than a
// search.
func mayHoldServerKey(text string) bool {
	if strings.Contains(text, ServerKeyPrefix) {
		return true
	}
	return strings.Contains(text, "%") && slices.ContainsFunc([]string{"%73", "%65", "%72", "%2e", "%2E"}, func(e string) bool {
		return strings.Contains(text, e)
	})
}

// appendRedacted appends the text of find to dst, with mark in place of the hidden
// part of each key. With an empty mark, dst may share memory with the text.
func appendRedacted(dst []byte, find *prefixFinder, mark string) []byte {
	text := find.text
	rest := 0 // text[rest:] is not yet in dst
	for at := find.next(0); at < len(text); {
		start := prefixEnd(text, at)
		glued := insideWord(text, at)
		end := keyEnd(text, start, !glued)
		if glued { // and so without dots, which would hide the next key's prefix
			end = min(end, find.next(start))
		}
		length := end - start
		if length > 0 && (!glued || length >= keyLikely) && (mark != "" || length > keyShown) {
			dst = append(append(dst, text[rest:at]...), ServerKeyPrefix...)
			dst = append(dst, mark...)
			rest, start = end-shownOf(length), end
		}
		at = find.next(start)
	}
	return append(dst, text[rest:]...)
}

// prefixFinder finds the prefixes of keys in a text from its beginning to its end.
type prefixFinder struct {
	text []byte
	// Where the next one begins: len(text) after the last, -1 before the first
	// search.
	plain, encoded int
}

// next returns where the first prefix at or after from begins, len(text) after the
// last one. from must not be less than in the last call.
func (f *prefixFinder) next(from int) int {
	if f.plain < from {
		f.plain = len(f.text)
		if i := bytes.Index(f.text[from:], []byte(ServerKeyPrefix)); i >= 0 {
			f.plain = from + i
		}
	}
	if f.encoded < from {
		f.encoded = f.nextEncoded(from)
	}
	return min(f.plain, f.encoded)
}

// nextEncoded is next for prefixes of which at least one character is encoded.
func (f *prefixFinder) nextEncoded(from int) int {
	for at := from; ; at++ {
		i := bytes.IndexByte(f.text[at:], '%')
		if i < 0 {
			return len(f.text)
		}
		at += i
		c, _ := decoded(f.text[at:])
		// The characters before the first that is encoded are as they are.
		before := strings.IndexByte(ServerKeyPrefix, c)
		if before >= 0 && at-before >= from && prefixEnd(f.text, at-before) > 0 {
			return at - before
		}
	}
}

// prefixEnd returns where the prefix at text[at:] ends, 0 without a prefix.
func prefixEnd(text []byte, at int) int {
	for i := range len(ServerKeyPrefix) {
		c, width := decoded(text[at:])
		if width == 0 || c != ServerKeyPrefix[i] {
			return 0
		}
		at += width
	}
	return at
}

// keyEnd returns where the characters of a key that text[at:] begins with end; dots
// between them are part of the key when dotted is set.
func keyEnd(text []byte, at int, dotted bool) int {
	for {
		c, width := decoded(text[at:])
		switch {
		case isKeyByte(c):
		case dotted && c == '.':
			if after, _ := decoded(text[at+width:]); !isKeyByte(after) {
				return at
			}
		default:
			return at
		}
		at += width
	}
}

// insideWord reports whether text[at:] continues a word. The letters of an escape
// (\n, \u0026, %3D) are not a word.
func insideWord(text []byte, at int) bool {
	if at == 0 || !isWordByte(text[at-1]) {
		return false
	}
	escaped := at >= 2 && text[at-2] == '\\' || at >= 3 && text[at-3] == '%' || at >= 6 && text[at-6] == '\\' && text[at-5] == 'u'
	return !escaped
}

// decoded returns the character that text begins with and how much of text it
// takes: three bytes when it is percent-encoded, none at the end.
func decoded(text []byte) (c byte, width int) {
	switch {
	case len(text) == 0:
		return 0, 0
	case text[0] == '%' && len(text) > 2:
		if high, low := unhex(text[1]), unhex(text[2]); max(high, low) < 16 {
			return high<<4 | low, 3
		}
	}
	return text[0], 1
}

// unhex returns the value of a hexadecimal digit, 16 for anything else.
func unhex(c byte) byte {
	switch letter := c | 0x20; {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= letter && letter <= 'f':
		return letter - 'a' + 10
	default:
		return 16
	}
}

// isKeyByte reports whether c may be part of a key. Dots may be, too. Flagsmith's
// keys consist of letters and digits.
func isKeyByte(c byte) bool { return isWordByte(c) || strings.IndexByte("-+~!@$^", c) >= 0 }

func isWordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}
