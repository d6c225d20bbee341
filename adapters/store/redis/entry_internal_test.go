package redis

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

func TestOnlyLargeBodiesAreUnpackedWithPauses(t *testing.T) {
	for name, c := range map[string]struct{ size, pauses int }{
		"empty":     {0, 0},
		"small":     {4 << 20, 0},
		"large":     {8 << 20, 16},
		"not whole": {8<<20 + 100<<10, 16},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				body := bytes.Repeat([]byte("0123456789abcde\n"), c.size/16)
				e := entry{name: name, version: "1"}
				e.seal(newPacker(), body)
				began := time.Now()
				unpacked, err := e.unseal()
				if err != nil || !bytes.Equal(unpacked, body) {
					t.Fatalf("%d of %d bytes, %v", len(unpacked), len(body), err)
				}
				if took := time.Since(began); took < time.Duration(c.pauses)*time.Millisecond || took > time.Duration(c.pauses+1)*time.Millisecond {
					t.Errorf("pauses of %v, want some %d", took, c.pauses)
				}
			})
		})
	}
}
