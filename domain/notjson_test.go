package domain_test

import (
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/domain"
)

func TestNotJSON(t *testing.T) {
	for body, want := range map[string]string{
		"":                                "is empty",
		" \r\n\t":                         "is empty",
		" <!doctype html>":                "is a web page",
		"\x1f\x8b\x08\x00":                "compressed with gzip",
		"\xff\xfe{\x00}\x00":              "UTF-16",
		"\xfe\xff\x00{":                   "UTF-16",
		"{\x00}\x00":                      "UTF-16",
		"\x00":                            "UTF-16",
		"\x00\x00\xfe\xff\x00\x00\x00{":   "UTF-32",
		"// note\n{}":                     "a comment",
		"/* note */{}":                    "a comment",
		"# note\n{}":                      "a comment",
		"{}":                              "",
		" [1]":                            "",
		"not JSON, but that is not plain": "",
		"/":                               "",
	} {
		if got := domain.NotJSON(body); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q %q, want %q", body, got, want)
		}
	}
}
