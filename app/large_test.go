package app_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
	"github.com/edge-proxy/edge-proxy/test/support/sharedmemory"
)

// background notes how much of the work on documents is done in it.
type background struct {
	within         atomic.Int32
	inside, beside atomic.Int32 // documents prepared
	read           atomic.Int32 // documents read from the store
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
		u, stores := newUpstream(), sharedmemory.New()
		at := time.Now()
		u.put(key, at, "small")
		nodes := map[*node]*background{}
		for _, name := range []string{"leader", "follower"} {
			b := new(background)
			n := start(t, u, setup{name: name, store: readBy{handle(t, stores), b}, presenter: b, background: b.do})
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

		for _, b := range nodes {
			b.read.Store(0)
		}
		next := document(key, at.Add(2*time.Minute), "next")
		u.putBody(key, at.Add(2*time.Minute), append(next, strings.Repeat(" ", 5<<20)...))
		pass(3 * interval)
		read := int32(0)
		for n, b := range nodes {
			n.serves(t, "next")
			read += b.read.Load()
		}
		if read != 1 {
			t.Errorf("a document as large as the one before was read %d times in the background", read)
		}
	})
}

// readBy is a store that notes what is read in the background.
type readBy struct {
	ports.Store
	b *background
}

func (s readBy) Get(ctx context.Context, key domain.EnvironmentKey) (ports.Record, error) {
	if s.b.within.Load() > 0 {
		s.b.read.Add(1)
	}
	return s.Store.Get(ctx, key)
}
