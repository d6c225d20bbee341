package domain

import "strings"

const (
	// MaskedSecret stands in a text for a secret of which nothing may be shown.
	MaskedSecret = "****"
	// maskedPart stands for a secret part of a URL, and has to be valid in one.
	maskedPart = "xxxxx"
)

// RedactURL returns text, which is a URL or was meant to be one, without its secrets:
// the user information and the values of secret parameters. It does not trust the
// parts that a parser would see, since a password with an unescaped "/", "?", "#" or
// "@" moves them. A text in which an "@" may belong to such a password is
// MaskedSecret as a whole.
func RedactURL(text string) string {
	begin := 0
	if scheme := strings.Index(text, "://"); scheme >= 0 {
		begin = scheme + len("://")
	}
	end := begin + strings.IndexAny(text[begin:]+"/", "/?#")
	authority, rest := text[begin:end], text[end:]
	if strings.Contains(rest, "@") {
		return MaskedSecret
	}
	switch at := strings.LastIndex(authority, "@"); {
	case at >= 0 && begin == 0: // without a scheme it may be anything
		return MaskedSecret
	case at >= 0:
		authority = maskedPart + authority[at:]
	}
	return text[:begin] + authority + redactQuery(rest)
}

// redactQuery returns the end of a URL, from its path on, with the values of secret
// parameters masked.
func redactQuery(text string) string {
	path, query, found := strings.Cut(text, "?")
	if !found {
		return text
	}
	parameters := strings.Split(query, "&")
	for i, p := range parameters {
		if name, _, found := strings.Cut(p, "="); found && isSecretParameter(name) {
			parameters[i] = name + "=" + maskedPart
		}
	}
	return path + "?" + strings.Join(parameters, "&")
}

// isSecretParameter reports whether a parameter of this name may hold a secret. An
// escaped name is not decoded but taken for one.
func isSecretParameter(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"%", "pass", "secret", "token", "key", "auth", "credential"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}
