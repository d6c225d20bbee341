package storetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const lawUnavailable = `ErrUnavailable: the backend does not answer or cannot do it now.
	It is transient: back off and try again.`

func unavailableCases() []testCase {
	return []testCase{
		{name: "unavailable-and-back", law: lawUnavailable + " " + lawErrors, run: unavailableAndBack},
		{name: "unavailable-context-ends", law: lawContext, run: unavailableContextEnds},
		{name: "unavailable-within-put", law: lawWhole, run: unavailableWithinPut},
		{name: "unavailable-watch", law: lawWatch, run: unavailableWatch},
		{name: "unavailable-close", law: lawClose, run: func(c *check) {
			b := c.breakable()
			h := c.open(b)
			h.put(record(someKey, "{}"), "")
			c.breakBackend(b)
			_ = h.close() // bounded; it may say that something could not be written
			if err := h.close(); err != nil {
				c.errorf("Close once more: %v", err)
			}
		}},
		{name: "unavailable-at-open", law: `A shared backend that does not answer is not an error: the
			store opens and its calls return ErrUnavailable until the backend answers.`, run: func(c *check) {
			c.need(c.harness.Shared, "shared backend")
			b := c.breakable()
			v := c.open(b).put(record(someKey, "{}"), "")
			mend := c.breakBackend(b)
			h := c.open(b)
			_, err := h.tryGet(someKey)
			c.wantError("Get while the backend is away", err, ports.ErrUnavailable)
			mend()
			h.recover()
			c.wantRecord("when the backend is back", h.get(someKey), record(someKey, "{}"), v)
		}},
	}
}

func (c *check) breakable() Backend {
	b := c.backend()
	c.need(b.Break != nil && b.Mend != nil, "Backend.Break and Mend")
	return b
}

// recover waits until the backend answers again.
func (h *handle) recover() {
	h.c.eventually("calls succeed again when the backend is back", func() bool {
		_, err := h.tryStat(someKey)
		if err != nil && !errors.Is(err, ports.ErrUnavailable) && !errors.Is(err, ports.ErrNotFound) {
			h.c.fatalf("Stat when the backend is back: %v", err)
		}
		return !errors.Is(err, ports.ErrUnavailable)
	})
}

func unavailableAndBack(c *check) {
	b := c.breakable()
	h := c.open(b)
	v := h.put(record(someKey, "{}"), "")
	state := h.putState("kept", []byte("value"), "")
	for range 2 {
		mend := c.breakBackend(b)
		all := methods()
		c.together(len(all), func(ctx context.Context, i int) {
			err := all[i].call(ctx, h.store)
			if all[i].name == "Touch" && err == nil {
				return // it may be delayed
			}
			c.wantError(all[i].name+" while the backend is away", err, ports.ErrUnavailable)
		})
		mend()
		h.recover()
		c.wantRecord("when the backend is back", h.get(someKey), record(someKey, "{}"), v)
		v = h.put(record(someKey, "{}"), v)
		if value, got := h.getState("kept"); string(value) != "value" || got != state {
			c.errorf("GetState when the backend is back: %q version %q, want %q version %q", value, got, "value", state)
		}
		h.list()
	}
}

// unavailableContextEnds gives calls up that wait for a silent backend. Where it
// refuses at once there is nothing to give up, and ErrUnavailable is right.
func unavailableContextEnds(c *check) {
	b := c.breakable()
	h := c.open(b)
	c.breakBackend(b)
	for _, m := range methods() {
		err, waited := h.giveUp(m)
		for i := 0; i < 2 && waited && !errors.Is(err, context.Canceled); i++ {
			// It may have found out by itself in that very moment, but not each time.
			err, waited = h.giveUp(m)
		}
		switch {
		case waited:
			c.wantError(m.name+" that was cancelled while it waited for the backend", err, context.Canceled)
		case m.name == "Touch" && err == nil: // it may be delayed
		default:
			c.wantError(m.name+" while the backend is away", err, ports.ErrUnavailable)
		}
	}
}

// giveUp calls m and cancels it if it takes long. It returns what m returned and
// whether it was still waiting then.
func (h *handle) giveUp(m method) (err error, waited bool) {
	_, err = bounded(h.c, m.name, h.limit, func(ctx context.Context) (struct{}, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		returned, watched := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(watched)
			waited = !h.c.holdsWithin(pause, func() bool { return isClosed(returned) })
			cancel()
		}()
		err := m.call(ctx, h.store)
		close(returned)
		<-watched
		return struct{}{}, err
	})
	return err, waited
}

// unavailableWithinPut takes the backend away in the middle of Puts.
func unavailableWithinPut(c *check) {
	b := c.breakable()
	h := c.open(b)
	const before = 3 // Puts before the backend goes away
	size := 4 * c.amount(64<<10)
	body := func(n uint32) []byte { return bytes.Repeat(binary.BigEndian.AppendUint32(nil, n), size/4) }
	v := h.put(ports.Record{Key: someKey, Body: body(0)}, "")

	var tried, stored uint32 // the last Put that was begun, that succeeded
	for range 3 {
		begun, ended := make(chan struct{}), make(chan struct{}) // some Puts, all of them
		someBegun := sync.OnceFunc(func() { close(begun) })
		ctx, cancel := context.WithTimeout(context.Background(), 2*c.harness.Patience)
		go func() {
			defer close(ended)
			defer someBegun()
			for n := 1; ; n++ {
				tried++
				if n > before {
					someBegun()
				}
				next, err := h.store.Put(ctx, ports.Record{Key: someKey, Body: body(tried)}, v)
				if err != nil {
					c.wantError("Put while the backend goes away", err, ports.ErrUnavailable)
					return
				}
				v, stored = next, tried
			}
		}()
		start := time.Now()
		c.awaits("some Puts begin", begun)
		if took := time.Since(start) / before; took > 0 { // 0 where a test has time stand
			<-time.After(rand.N(took)) // at some moment of a Put
		}
		mend := c.breakBackend(b)
		c.awaits("Put finds out that the backend is away", ended)
		cancel()
		mend()
		h.recover()
		got := h.get(someKey)
		if len(got.Body) != size {
			c.fatalf("the record is not whole: %s", excerpt(got.Body))
		}
		found := binary.BigEndian.Uint32(got.Body)
		if !bytes.Equal(got.Body, body(found)) {
			c.fatalf("the record is not whole: %s", excerpt(got.Body))
		}
		if found < stored || found > tried {
			c.fatalf("Put %d was stored and %d tried, but the record is that of %d", stored, tried, found)
		}
		tried++
		v, stored = h.settle(body(tried), got.Version), tried
	}
}

// settle writes body over what is there. A Put whose outcome was unknown may come
// through late and make the version stale.
func (h *handle) settle(body []byte, v ports.Version) ports.Version {
	h.c.eventually("Put succeeds when the backend is back", func() bool {
		next, err := h.tryPut(ports.Record{Key: someKey, Body: body}, v)
		if errors.Is(err, ports.ErrConflict) {
			v = h.stat(someKey).Version
			return false
		}
		if err != nil && !errors.Is(err, ports.ErrUnavailable) {
			h.c.fatalf("Put when the backend is back: %v", err)
		}
		if err == nil {
			v = next
		}
		return err == nil
	})
	return v
}

// unavailableWatch watches as nodes do: a Watch that breaks is called again.
func unavailableWatch(c *check) {
	b := c.breakable()
	h := c.open(b)
	writer := h
	if c.harness.Shared {
		writer = c.open(b)
	}
	f, first := h.follow(someKey)
	var v ports.Version
	v = writer.put(record(someKey, "before"), v)
	f.wantVersion("Put", someKey, v)

	current := first
	for range 2 {
		mend := c.breakBackend(b)
		_, err := writer.tryStat(someKey) // by when it has returned, the backend is away
		c.wantError("Stat while the backend is away", err, ports.ErrUnavailable)
		mend()
		writer.recover()
		v = writer.settle([]byte("after"), v)
		c.eventually("the change made after the backend came back is announced, by the Watch that was running or the next", func() bool {
			if current.ended() {
				c.wantError("Watch when the backend goes away", current.err, ports.ErrUnavailable)
				if c.failed() {
					return true
				}
				current = h.startWatch([]domain.EnvironmentKey{someKey}, f.read)
			}
			return f.version(someKey) == v
		})
	}
	if !current.ended() {
		current.cancel()
		c.eventually("Watch returns after its context ended", current.ended)
		if !errors.Is(current.err, ports.ErrUnavailable) {
			c.wantError("Watch after its context ended", current.err, context.Canceled)
		}
	}
}
