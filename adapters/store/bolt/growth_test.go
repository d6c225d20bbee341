package bolt_test

import (
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

func together(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

// A storm of changes of all sizes does not make the file grow on and on.
func TestFileStaysBounded(t *testing.T) {
	t.Parallel()
	const environments, largest = 4, 600 << 10
	path := newPath(t)
	s, _ := open(t, path)
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, largest)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	versions := make([]ports.Version, environments)
	keys := []domain.EnvironmentKey{"a", "b", "c", "d"}
	storm := func(changes int) int64 {
		for range changes {
			i := random.IntN(environments)
			v, err := s.Put(t.Context(), ports.Record{Key: keys[i], Body: noise[:random.IntN(largest)]}, versions[i])
			if err != nil {
				t.Fatal(err)
			}
			versions[i] = v
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	// Two revisions of each, those being replaced, and what bbolt grows by at once.
	const most = 2*environments*largest + environments*largest + 16<<20
	size := storm(100)
	if size > most {
		t.Errorf("after 100 changes the file has %d bytes, want at most %d", size, most)
	}
	if later := storm(400); later > most {
		t.Errorf("after 500 changes the file has %d bytes, after 100 it had %d, want at most %d", later, size, most)
	}
	for i, key := range keys {
		if _, err := s.Put(t.Context(), ports.Record{Key: key}, versions[i]+"x"); err == nil {
			t.Errorf("Put with a version that never was succeeded")
		}
		if err := s.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	before := storm(0)
	clear(versions)
	if after := storm(100); after > before {
		t.Errorf("after all was deleted, 100 changes made the file grow from %d to %d", before, after)
	}
}
