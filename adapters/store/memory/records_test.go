package memory_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

// A document is in memory once, whether it is stored or not.
func TestDocumentsTakeNoMemory(t *testing.T) {
	store, err := memory.Open(t.Context(), parse(t, "memory:"), deps(time.Now))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	body := profile.Document(profile.Size{Features: 200, Segments: 60, Conditions: 10, IdentityOverrides: 10_000})
	before := inUse()
	if _, err := store.Put(t.Context(), ports.Record{Key: "k", Body: body}, ""); err != nil {
		t.Fatal(err)
	}
	if held := inUse() - before; held > int64(len(body)/100) {
		t.Errorf("%d bytes more are in use for a document of %d", held, len(body))
	}
	runtime.KeepAlive(body)
}

func inUse() int64 {
	runtime.GC()
	runtime.GC() // what the first one found only then
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
