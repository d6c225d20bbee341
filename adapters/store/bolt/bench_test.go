package bolt_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const benchSize = 500_000

func BenchmarkPut(b *testing.B) {
	s, _ := open(b, newPath(b))
	record := ports.Record{Key: "key", Body: make([]byte, benchSize)}
	b.SetBytes(benchSize)
	b.ReportAllocs()
	for b.Loop() {
		v, err := s.Put(b.Context(), record, record.Version)
		if err != nil {
			b.Fatal(err)
		}
		record.Version = v
	}
}

func BenchmarkGet(b *testing.B) {
	s, _ := open(b, newPath(b))
	put(b, s, "key", strings.Repeat("x", benchSize), "")
	b.SetBytes(benchSize)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Get(b.Context(), "key"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStat(b *testing.B) {
	s, _ := open(b, newPath(b))
	put(b, s, "key", strings.Repeat("x", benchSize), "")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Stat(b.Context(), "key"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTouch(b *testing.B) {
	s, _ := open(b, newPath(b))
	v := put(b, s, "key", "{}", "")
	at := checkedAt()
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(1)
		if err := s.Touch(b.Context(), "key", v, at); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen opens, and closes, a file of 10 MB and one of 400 MB.
func BenchmarkOpen(b *testing.B) {
	for _, documents := range []int{10, 400} {
		b.Run(fmt.Sprintf("%dx500KB", documents), func(b *testing.B) {
			path := newPath(b)
			s, _ := open(b, path)
			for i := range documents {
				key := domain.EnvironmentKey(fmt.Sprint(i))
				v := put(b, s, key, strings.Repeat("x", benchSize), "")
				put(b, s, key, strings.Repeat("x", benchSize), v)
			}
			closeNow(b, s)
			for b.Loop() {
				s, _ := open(b, path)
				closeNow(b, s)
			}
		})
	}
}
