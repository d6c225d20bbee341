package regex

import "unicode"

var (
	// notXIDContinue and notXIDStart are the characters that Unicode's ID_Continue and ID_Start
	// have and its XID_Continue and XID_Start have not; Go's tables give the former.
	notXIDContinue = []runeRange{
		{0x37a, 0x37a}, {0x2e2f, 0x2e2f}, {0x309b, 0x309c}, {0xfc5e, 0xfc63}, {0xfdfa, 0xfdfb},
		{0xfe70, 0xfe70}, {0xfe72, 0xfe72}, {0xfe74, 0xfe74}, {0xfe76, 0xfe76}, {0xfe78, 0xfe78},
		{0xfe7a, 0xfe7a}, {0xfe7c, 0xfe7c}, {0xfe7e, 0xfe7e},
	}
	notXIDStart = []runeRange{{0xe33, 0xe33}, {0xeb3, 0xeb3}, {0xff9e, 0xff9f}}
)

// isIdentifier is Python's str.isidentifier: Unicode's XID_Start and XID_Continue.
func isIdentifier(name string) bool {
	for i, r := range name {
		if !isIdentifierRune(r, i == 0) {
			return false
		}
	}
	return name != ""
}

func isIdentifierRune(r rune, first bool) bool {
	switch {
	case r <= unicode.MaxASCII:
		return r == '_' || 'a' <= r|0x20 && r|0x20 <= 'z' || !first && '0' <= r && r <= '9'
	case inRanges(notXIDContinue, r):
		return false
	case unicode.In(r, unicode.L, unicode.Nl, unicode.Other_ID_Start):
		return !first || !inRanges(notXIDStart, r)
	default:
		return !first && unicode.In(r, unicode.Mn, unicode.Mc, unicode.Nd, unicode.Pc, unicode.Other_ID_Continue)
	}
}
