package app_test

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
	"github.com/edge-proxy/edge-proxy/test/support/harness/profile"
)

// What the compilation needed, such as the parsed document, is not kept: only the
// program is, beside the body.
func TestTheParsedDocumentIsNotKept(t *testing.T) {
	body := profile.Document(profile.Size{Features: 200, Segments: 100})
	before := inUse()
	parsed, _, err := domain.ParseEnvironment(string(body))
	if err != nil {
		t.Fatal(err)
	}
	program, _ := engine.Compile(parsed)
	alone := inUse() - before
	runtime.KeepAlive(program)

	synctest.Test(t, func(t *testing.T) {
		u := newUpstream()
		u.putBody(key, time.Now(), body)
		before := inUse()
		n := start(t, u, setup{})
		pass(interval / 2)
		if n.Snapshot().Environment(key) == nil {
			t.Fatal("nothing is served")
		}
		if kept := inUse() - before; kept > alone*5/4+1<<20 {
			t.Errorf("%d bytes are in use for a document of %d, of which the program takes %d", kept, len(body), alone)
		}
	})
}

func inUse() int64 {
	runtime.GC()
	runtime.GC() // what the first one found only then
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
