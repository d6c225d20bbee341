package domain_test

import (
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/domain"
)

func TestRedactURL(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "",
		"memory:":                               "memory:",
		"bolt:///var/lib/documents.db":          "bolt:///var/lib/documents.db",
		"https://example.com/api/v1?a#":         "https://example.com/api/v1?a#",
		"redis://h?db=1&PassWord=abcd&x=&auth=": "redis://h?db=1&PassWord=xxxxx&x=&auth=xxxxx",
		"redis://h?%70assword=abcd":             "redis://h?%70assword=xxxxx",
		"https://user:abcd@example.com/":        "https://xxxxx@example.com/",
		"https://abcd@example.com":              "https://xxxxx@example.com",
		"https://user:ab@cd@example.com":        "https://xxxxx@example.com",
		"https://user:ab%zz@example.com":        "https://xxxxx@example.com",
		"https://user:ab/cd@example.com":        "****",
		"https://user:ab?cd@example.com":        "****",
		"https://user:ab#cd@example.com":        "****",
		"https://user:a@b/cd@example.com":       "****",
		"https://example.com/?mail=a@b":         "****",
		"https://@example.com/":                 "https://xxxxx@example.com/",
		"://user:abcd@example.com":              "://xxxxx@example.com",
		"@example.com":                          "****",
		"user:abcd@example.com":                 "****",
		"not a URL":                             "not a URL",
	} {
		if got := domain.RedactURL(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// Whatever characters a password has, none of it is shown.
func FuzzRedactURL(f *testing.F) {
	for _, password := range []string{"a@b/c", "?", "#@?", "://", "%2f", "&key=", "\n@"} {
		f.Add(password)
	}
	f.Fuzz(func(t *testing.T, between string) {
		password := "SECRET" + between + "SECRET"
		if got := domain.RedactURL("https://user:" + password + "@example.com/path"); strings.Contains(got, "SECRET") {
			t.Errorf("%q becomes %q", password, got)
		}
	})
}
