package logging_test

import (
	"path/filepath"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/logging"
)

func accessToFile(t testing.TB, format string) *logging.Loggers {
	return open(t, logging.Options{Format: format, Override: map[string]any{
		"handlers": map[string]any{"f": map[string]any{"class": fileHandler, "filename": filepath.Join(t.TempDir(), "access.log"), "formatter": format}},
		"loggers":  map[string]any{"uvicorn.access": map[string]any{"handlers": []any{"f"}, "propagate": false}},
	}})
}

// An access line of a built-in format costs no memory but what its buffer
// grows by.
func TestAccessAllocations(t *testing.T) {
	for _, format := range []string{"json", "generic"} {
		l := accessToFile(t, format)
		for range 1000 {
			l.Access(request) // the buffers grow to their size
		}
		if n := testing.AllocsPerRun(1000, func() { l.Access(request) }); n > 1 {
			t.Errorf("%s: %v allocations a line", format, n)
		}
	}
}

func TestAccessOffAllocatesNothing(t *testing.T) {
	l := open(t, logging.Options{})
	if n := testing.AllocsPerRun(1000, func() { l.Access(request) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAccessJSON(b *testing.B) {
	l := accessToFile(b, "json")
	b.ReportAllocs()
	for b.Loop() {
		l.Access(request)
	}
	reportLost(b, l)
}

func BenchmarkAccessJSONParallel(b *testing.B) {
	l := accessToFile(b, "json")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l.Access(request)
		}
	})
	reportLost(b, l)
}

func BenchmarkAccessGeneric(b *testing.B) {
	l := accessToFile(b, "generic")
	b.ReportAllocs()
	for b.Loop() {
		l.Access(request)
	}
	reportLost(b, l)
}

func BenchmarkLogJSON(b *testing.B) {
	var out discard
	log := open(b, logging.Options{Format: "json", Stdout: out}).Logger("edge_proxy.environments")
	b.ReportAllocs()
	for b.Loop() {
		log.Info("environment_updated", "client_side_key", "abcdef", "size", 5120)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func reportLost(b *testing.B, l *logging.Loggers) {
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(l.Lost())/float64(b.N), "lost/op")
}
