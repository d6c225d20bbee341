package bolt_test

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/store/bolt"
)

// sign makes the checksum of a meta page match what is in it.
func sign(page []byte) {
	const from, to = 16, 16 + 56
	sum := fnv.New64a()
	_, _ = sum.Write(page[from:to])
	binary.NativeEndian.PutUint64(page[to:], sum.Sum64())
}

// FuzzDamagedFile patches a good file. Open ends in a store that works, with the
// file or with a new one, or in a refusal; and never in a panic.
func FuzzDamagedFile(f *testing.F) {
	good := goodFile(f)
	good = good[:highWater(f, good)]
	f.Add(uint32(0), []byte{}, uint32(0), false)
	f.Add(uint32(20), []byte{3}, uint32(0), true)                                      // the version of the format
	f.Add(uint32(25), []byte{0x30, 0x30}, uint32(0), true)                             // the size of a page
	f.Add(uint32(32), []byte{0xFF, 0xFF}, uint32(0), true)                             // the root page
	f.Add(uint32(48), []byte{1, 0, 0}, uint32(0), true)                                // the list of free pages
	f.Add(uint32(56), []byte{0xFF, 0xFF, 0xFF}, uint32(0), true)                       // how many pages
	f.Add(uint32(2*pageSize+10), []byte{0xFF, 0xFF}, uint32(0), false)                 // a count
	f.Add(uint32(3*pageSize+8), []byte{1}, uint32(0), false)                           // a kind
	f.Add(uint32(4*pageSize+16), bytes.Repeat([]byte{0xFF}, 16), uint32(0), false)     // an entry
	f.Add(uint32(5*pageSize+12), []byte{0xFF, 0xFF, 0xFF, 0x7F}, uint32(0), false)     // an overflow
	f.Add(uint32(7*pageSize), make([]byte, 3*pageSize), uint32(0), false)              // zeros
	f.Add(uint32(0), bytes.Clone(good[pageSize:3*pageSize]), uint32(pageSize/2), true) // moved and cut off
	f.Fuzz(func(t *testing.T, offset uint32, patch []byte, cut uint32, signed bool) {
		damaged := bytes.Clone(good)
		copy(damaged[int(offset)%len(damaged):], patch)
		if signed {
			sign(damaged)
			sign(damaged[pageSize:])
		}
		damaged = damaged[:len(damaged)-int(cut)%len(damaged)]
		path := filepath.Join(t.TempDir(), "documents.db")
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		j := new(journal)
		s, err := bolt.Open(t.Context(), location(path), deps(j))
		if err != nil {
			if !strings.Contains(err.Error(), "newer version") {
				t.Errorf("Open: %v", err)
			}
			if kept, err := os.ReadFile(path); err != nil || !bytes.Equal(kept, damaged) || len(aside(t, path)) > 0 {
				t.Errorf("a file that was refused was changed or set aside (%v)", err)
			}
			return
		}
		if names := aside(t, path); len(names) > 0 {
			if kept, err := os.ReadFile(names[0]); err != nil || !bytes.Equal(kept, damaged) {
				t.Errorf("what was set aside is not what was there (%v)", err)
			}
		}
		exercise(t, s)
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if n := j.count("store_file_damaged"); n > 0 {
			t.Errorf("damage was only found later: %s", j)
		}
	})
}
