package storetest

import (
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	someKey  domain.EnvironmentKey = "B62qaMZNwfiqT76p38ggrQ"
	otherKey domain.EnvironmentKey = "AAAqaMZNwfiqT76p38ggrQ"
)

// The times of sample records: on the microsecond, in no special zone.
func someUpdate() time.Time { return time.Date(2023, 7, 14, 16, 12, 0, 367071000, time.UTC) }
func someCheck() time.Time  { return time.Date(2026, 2, 3, 4, 5, 6, 789012000, time.UTC) }

func record(key domain.EnvironmentKey, body string) ports.Record {
	return ports.Record{Key: key, Body: []byte(body), UpdatedAt: someUpdate(), CheckedAt: someCheck()}
}

// oddNames are names that stores have been seen to mix up, alter, or refuse.
func oddNames() []string {
	long := strings.Repeat("x", 1023)
	return []string{
		"",
		"a", "A", "a ", " a", "a\x00", "\x00a", "\x00", "a\n", "a\r\n", "\t",
		"a/b", "a/", "/a", "a//b", "/", ".", "..", "../a", `a\b`,
		"a:b", "a:", ":", "a{b}c", "{b}", "{", "}", "}{", "{}",
		"a*", "*", "?", "[a]", "a%2Fb", "%", "%00", "+", "a+b", `"`, `'`, "`", "$a", "~", "#a", "a;b", "a,b", "a|b", "<a>", "&",
		"CON", "nul", "__proto__", "0", "00", "-1", "1e3", "true", "null",
		"caf\u00e9", "cafe\u0301", "ß", "SS", "ss", "İ", "i", "ı", "I", "Σ", "σ", "ς", "環境", "🏳️", "\u200b", "\ufeff",
		"\xff", "\xfe", "\xc3\x28", "\xed\xa0\x80", "a\xff", "\x7f", "\x1b[0m",
		long, long + "x", long + "X", long + "\x00", strings.Repeat("é", 512), strings.Repeat("\xff", 1024), strings.Repeat("/", 1024),
		// Names with which stores might begin their own.
		"version", "body", "records", "states", "leases", "meta", "edge-proxy", "v1",
	}
}
