package domain_test

import (
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/domain"
)

func TestServerKeysInTextsAreRedacted(t *testing.T) {
	for in, want := range map[string]string{
		"ser.Zx81kQpLw93nVbT2yRmA7c":         "ser.…mA7c",
		"two: ser.abcdefgh, ser.ijklmnop":    "two: ser.…efgh, ser.…mnop",
		"/?a=ser.abcdefgh&b=1":               "/?a=ser.…efgh&b=1",
		"/sse/environments/ser.abcdefgh/x":   "/sse/environments/ser.…efgh/x",
		"/?a=ser.abcdefgh%26b%3D1":           "/?a=ser.…efgh%26b%3D1",
		"ser.ab.cd.efgh.":                    "ser.…efgh.",
		"ser.p@ss+word!~":                    "ser.…rd!~",
		"ser.abcd%65fgh%69jklmnop":           "ser.…mnop",
		"ser.abcd%30efgh%6Fjkl%7amno":        "ser.…amno",
		"ser.abcdefgh%6zx ser.abcdefgh%6@x":  "ser.…efgh%6zx ser.…efgh%6@x",
		"ser.abcdefgz":                       "ser.…efgz",
		"ser.abcd%2Eefghijkl":                "ser.…ijkl",
		"x-ser.abcdefgh":                     "x-ser.…efgh",
		"a%3Dser.abcdefgh":                   "a%3Dser.…efgh",
		"%3Dser.abcdefgh":                    "%3Dser.…efgh",
		`\u0026ser.abcdefgh`:                 `\u0026ser.…efgh`,
		`\nser.abcdefgh`:                     `\nser.…efgh`,
		`{"q":"a\u0026ser.abcdefgh"}`:        `{"q":"a\u0026ser.…efgh"}`,
		"%73%65%72%2Eabcdefgh":               "ser.…efgh",
		"s%65r.abcdefgh se%72.abcdefgh":      "ser.…efgh ser.…efgh",
		"100%ser%2eabcdefgh":                 "100%ser.…efgh",
		"user.ser.abcdefgh":                  "user.ser.…efgh",
		"parser.Zx81kQpLw93nVbT2yRmA7c":      "parser.…mA7c",
		"aser.Zx81kQpLw93nVbT2-ser.abcdefgh": "aser.…bT2-ser.…efgh",
		"parser.abcdefghijklmnop":            "parser.…mnop",
		"parser.abcdefghijklmno":             "parser.abcdefghijklmno",
		"user%2EZx81kQpLw93nVbT2yRmA7c":      "user.…mA7c",
		"ser.a ser.ab ser.abc":               "ser.… ser.…b ser.…c",
		"sser.abcdefgh":                      "sser.abcdefgh",
		"user.name, parser.go:123":           "user.name, parser.go:123",
		"%2Ename":                            "%2Ename",
		"user%2Ename %73 %zz %":              "user%2Ename %73 %zz %",
		`keys begin with "ser.", ser. and %`: `keys begin with "ser.", ser. and %`,
		"ser.…efgh":                          "ser.…efgh",
		"ser.***efgh ser%2E%":                "ser.***efgh ser%2E%",
		"":                                   "",
	} {
		if got := domain.RedactServerKeys(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestServerKeysInLinesAreRedactedInPlace(t *testing.T) {
	for in, want := range map[string]string{
		"a ser.abcdefgh b ser.ijkl%6Dnop c":          "a ser.efgh b ser.Dnop c",
		"ser.abcde ser.abcdefg":                      "ser.de ser.efg",
		"ser.abcd was redacted before, and ser.…cd ": "ser.abcd was redacted before, and ser.…cd ",
	} {
		line := []byte(in)
		got := domain.RedactServerKeysInPlace(line)
		if string(got) != want || &got[0] != &line[0] {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestRedactingWhatHoldsNoKeyAllocatesNothing(t *testing.T) {
	text := "/api/v1/identities/?identifier=ada%20lovelace" + strings.Repeat("&a=%20b", 20)
	line := []byte(text)
	if n := testing.AllocsPerRun(100, func() { domain.RedactServerKeys(text); domain.RedactServerKeysInPlace(line) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzRedaction: keys do not get through wherever they stand, the second no more
// than the first.
func FuzzRedaction(f *testing.F) {
	for _, seed := range [][3]string{
		{"key=", ", ", " refused"}, {"user.", "%26", ".ser."}, {"%3D\\n", "-", "%ser.ser.abcdef"}, {"%73e", "", "%72%2"}, {"ser.ser%2eabcde%", "ser", "s%65r.abcdefgh"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	const first, second = "Zx81kQpLw93nVbT2yRmA7c", "fH4tYwC6eJ0uGs5oXqDk2N"
	f.Fuzz(func(t *testing.T, before, between, after string) {
		plain := before + "ser." + first + between + "ser." + second + after
		encoded := before + "%73er%2E" + first + between + "s%65r." + second + after
		for text, got := range map[string]string{
			plain: domain.RedactServerKeys(plain), encoded: domain.RedactServerKeys(encoded), plain + " in place": string(domain.RedactServerKeysInPlace([]byte(plain))),
		} {
			if strings.Contains(got, first) || strings.Contains(got, second) {
				t.Fatalf("%q became %q", text, got)
			}
		}
	})
}

// Most lines and paths hold no key.
func BenchmarkRedact(b *testing.B) {
	line := `{"timestamp":"2026-03-05T05:06:07.123456Z","message":"10.1.2.3:54321 - \"GET /api/v1/flags/?feature=a%20b HTTP/1.1\" 200","path":"/api/v1/flags/?feature=a%20b","status":200}`
	b.Run("text", func(b *testing.B) {
		for b.Loop() {
			domain.RedactServerKeys(line)
		}
	})
	b.Run("line", func(b *testing.B) {
		line := []byte(line)
		for b.Loop() {
			domain.RedactServerKeysInPlace(line)
		}
	})
}
