package domain

import "strings"

// ByteOrderMark may precede a text in UTF-8. It is not part of the text.
const ByteOrderMark = "\ufeff"

// NotJSON returns what the beginning of a body shows it to be instead of JSON, such as
// "is a web page, not JSON", and "" when it may be JSON. It looks at a few bytes. The
// reason is a better one than a parser could give.
func NotJSON(body string) string {
	text := strings.TrimLeft(body, " \t\r\n")
	switch {
	case text == "":
		return "is empty"
	case text[0] == '<':
		return "is a web page, not JSON"
	case strings.HasPrefix(text, "\x1f\x8b"):
		return "is compressed with gzip, which nothing announces"
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"), strings.Contains(text[:min(len(text), 4)], "\x00"):
		return "is in UTF-16 or UTF-32, must be in UTF-8"
	case strings.HasPrefix(text, "//"), strings.HasPrefix(text, "/*"), text[0] == '#':
		return "begins with a comment, which JSON does not have"
	default:
		return ""
	}
}
