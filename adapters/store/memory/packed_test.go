package memory_test

import (
	"bytes"
	"math/rand/v2"
	"net/url"
	"runtime"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

func openNew(tb testing.TB) ports.Store {
	tb.Helper()
	store, err := memory.Open(tb.Context(), &url.URL{Scheme: memory.Scheme}, ports.StoreDeps{Now: time.Now})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = store.Close() })
	return store
}

// Bodies come back whatever they are and however long.
func TestBodiesOfEverySize(t *testing.T) {
	store := openNew(t)
	const part = 1 << 20
	noise := make([]byte, 3*part)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	text := bytes.Repeat([]byte(`{"feature":"x"},`), 3*part/16)
	version := ports.Version("")
	for _, size := range []int{0, 1, 100, part - 1, part, part + 1, 2 * part, 3*part - 7} {
		for _, of := range [][]byte{noise, text} {
			body := of[:size]
			var err error
			if version, err = store.Put(t.Context(), ports.Record{Key: "k", Body: body}, version); err != nil {
				t.Fatal(err)
			}
			got, err := store.Get(t.Context(), "k")
			if err != nil || !bytes.Equal(got.Body, body) || cap(got.Body) != size {
				t.Errorf("%d bytes: %d came back in room for %d, %v", size, len(got.Body), cap(got.Body), err)
			}
		}
	}
}

// What is held is a small part of a document, which is in memory already for
// being served.
func TestDocumentsAreHeldPacked(t *testing.T) {
	store := openNew(t)
	body := profile.Document(profile.Size{Features: 200, Segments: 60, Conditions: 10, IdentityOverrides: 10_000})
	before := inUse()
	if _, err := store.Put(t.Context(), ports.Record{Key: "k", Body: body}, ""); err != nil {
		t.Fatal(err)
	}
	if held := inUse() - before; held > int64(len(body)/4) {
		t.Errorf("%d bytes are held of a document of %d", held, len(body))
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

// BenchmarkPut is what a changed document costs beside being served.
func BenchmarkPut(b *testing.B) {
	store := openNew(b)
	body := profile.Document(profile.Default())
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	version := ports.Version("")
	for b.Loop() {
		var err error
		if version, err = store.Put(b.Context(), ports.Record{Key: "k", Body: body}, version); err != nil {
			b.Fatal(err)
		}
	}
}
