package inprocess

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

// measure benchmarks one request.
func measure(b *testing.B, document []byte, body string) {
	b.Helper()
	h, err := newHandler(document)
	if err != nil {
		b.Fatal(err)
	}
	c, err := identity(h, body)
	if err != nil {
		b.Fatal(err)
	}
	if status := c.ask(); status != http.StatusOK {
		b.Fatalf("status %d", status)
	}
	b.ReportAllocs()
	b.SetBytes(int64(c.bytes))
	for b.Loop() {
		c.ask()
	}
}

// BenchmarkFeatures: the answer grows with the features, and so does the cost.
func BenchmarkFeatures(b *testing.B) {
	for _, n := range []int{10, 50, 200, 500, 1000, 2000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			measure(b, profile.Document(profile.Size{Features: n, Segments: 3, Conditions: 15}), profile.IdentityBody("user"))
		})
	}
}

// BenchmarkSegments: only segments that a trait can match add to the cost.
func BenchmarkSegments(b *testing.B) {
	for _, n := range []int{10, 15, 50, 200, 500, 1000, 2000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { measure(b, indexed(n), body("user", indexedTraits())) })
	}
}

// BenchmarkTraits: each trait is read, evaluated and repeated in the answer.
func BenchmarkTraits(b *testing.B) {
	document := profile.Document(profile.Default())
	for _, n := range []int{1, 5, 15, 50, 100, 200} {
		traits := make([]trait, n)
		for i := range traits {
			traits[i] = trait{fmt.Sprintf("trait_%d_%d", i/15, i%15), fmt.Sprintf("value %d", i)}
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) { measure(b, document, body("user", traits)) })
	}
}

// BenchmarkIdentityOverrides: the cost of an answer does not depend on how many
// identities have overrides, nor on whether its own identity has one.
func BenchmarkIdentityOverrides(b *testing.B) {
	for _, n := range []int{0, 200, 2000, 20_000, 200_000} {
		size := profile.Default()
		size.IdentityOverrides = n
		document := profile.Document(size)
		for _, who := range []string{"user_0", "nobody"} {
			b.Run(fmt.Sprintf("%d/%s", n, who), func(b *testing.B) { measure(b, document, profile.IdentityBody(who)) })
		}
	}
}

// BenchmarkCompile: the cost of a changed document until it is served.
func BenchmarkCompile(b *testing.B) {
	for _, n := range []int{0, 2000, 20_000, 200_000} {
		size := profile.Default()
		size.IdentityOverrides = n
		document := profile.Document(size)
		b.Run(fmt.Sprintf("overrides=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(document)))
			for b.Loop() {
				if _, err := compile(document); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
