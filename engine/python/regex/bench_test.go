package regex_test

import (
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/engine/python/regex"
)

func BenchmarkMatch(b *testing.B) {
	benchmarks := []struct{ name, pattern, text string }{
		{"linear", `^[\w.+-]+@(?:[a-z0-9-]+\.)+com$`, "first.last+tag@mail.example.com"},
		{"backtracking", `^(?!.*@test\.com$)[\w.+-]+@(?:[a-z0-9-]+\.)+com$`, "first.last+tag@mail.example.com"},
		{"exhausted", `(a+)+\1$`, strings.Repeat("a", 2000) + "b"},
	}
	for _, bench := range benchmarks {
		b.Run(bench.name, func(b *testing.B) {
			re, err := regex.Compile(bench.pattern)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if matched, err := match(re, bench.text); !matched && err == nil {
					b.Fatal("no match")
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if _, err := regex.Compile(`(?i)^[\w.+-]+@(?:[a-z0-9-]+\.)+com$`); err != nil {
			b.Fatal(err)
		}
	}
}
