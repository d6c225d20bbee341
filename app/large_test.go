package app_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/store/memory"
	"github.com/edge-proxy/edge-proxy/app"
)

// background notes how much of the work on documents is done in it.
type background struct {
	within         atomic.Int32
	inside, beside atomic.Int32 // documents prepared
}

func (b *background) do(work func()) {
	b.within.Add(1)
	defer b.within.Add(-1)
	work()
}

func (b *background) Present(*app.Environment) app.Presentation {
	if b.within.Load() > 0 {
		b.inside.Add(1)
	} else {
		b.beside.Add(1)
	}
	return nil
}

func TestOnlyLargeDocumentsAreWorkedOnInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, stores := newUpstream(), memory.NewBackend()
		at := time.Now()
		u.put(key, at, "small")
		nodes := map[*node]*background{}
		for _, name := range []string{"leader", "follower"} {
			b := new(background)
			n := start(t, u, setup{name: name, store: handle(t, stores), presenter: b, background: b.do})
			pass(interval / 2)
			n.serves(t, "small")
			nodes[n] = b
		}
		for n, b := range nodes {
			if b.inside.Load() != 0 || b.beside.Load() == 0 {
				t.Errorf("%s: %d small documents in the background, %d beside", n.config.Node, b.inside.Load(), b.beside.Load())
			}
			b.beside.Store(0)
		}

		large := document(key, at.Add(time.Minute), "large")
		u.putBody(key, at.Add(time.Minute), append(large, strings.Repeat(" ", 5<<20)...))
		pass(3 * interval)
		for n, b := range nodes {
			n.serves(t, "large")
			if b.inside.Load() == 0 || b.beside.Load() != 0 {
				t.Errorf("%s: %d large documents in the background, %d beside", n.config.Node, b.inside.Load(), b.beside.Load())
			}
		}
		if leader := u.since(key, at); leader[len(leader)-1].node != leader[0].node {
			t.Errorf("both nodes polled: %v", leader)
		}
	})
}
