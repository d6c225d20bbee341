package storetest

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	lawContext = `A call that ends because its
		context did returns the context's error instead of any of these.`
	lawWhole = `After an error other than
		ErrConflict the record is whole, either the former or the new one.`
)

func contextCases() []testCase {
	return []testCase{
		{name: "context-ended-before", law: lawContext, run: contextEnded},
		{name: "context-ends-within-put", law: lawWhole, run: contextWithinPut},
	}
}

func contextEnded(c *check) {
	h := c.openOne()
	h.put(record(someKey, "{}"), "")
	for _, end := range []struct {
		with func(context.Context) (context.Context, context.CancelFunc)
		want error
	}{
		{func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return ctx, cancel
		}, context.Canceled},
		{func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithDeadline(ctx, time.Unix(0, 0))
		}, context.DeadlineExceeded},
	} {
		for _, m := range append(methods(), watchMethod()) {
			_, err := bounded(c, m.name, c.harness.Patience, func(ctx context.Context) (struct{}, error) {
				ctx, cancel := end.with(ctx)
				defer cancel()
				return struct{}{}, m.call(ctx, h.store)
			})
			if m.name == "Watch" && errors.Is(err, errors.ErrUnsupported) {
				continue
			}
			c.wantError(m.name+" with a context that has ended", err, end.want)
		}
	}
	h.get(someKey) // calls with other contexts go on
}

// contextWithinPut ends contexts at random moments of a Put.
func contextWithinPut(c *check) {
	h := c.openOne()
	const size, block = 160 << 10, 4 << 10
	// A body bears its number at the beginning of each block, and zeros otherwise.
	fill := func(number byte) []byte {
		body := make([]byte, size)
		for at := 0; at < size; at += block {
			body[at] = number
		}
		return body
	}
	whole := func(body []byte) bool {
		if len(body) != size || bytes.Count(body, []byte{0}) != size-size/block {
			return false
		}
		for at := 0; at < size; at += block {
			if body[at] != body[0] {
				return false
			}
		}
		return true
	}
	// What the record may be: the last one stored, or one that was given up, which
	// may come through late.
	possible := map[byte]bool{100: true}
	v := h.put(ports.Record{Key: someKey, Body: fill(100)}, "")
	for i := range byte(c.amount(60)) {
		i++ // 0 is what lies between
		after := time.Duration(rand.IntN(2000)) * time.Microsecond
		next, err := bounded(c, "Put", c.harness.Patience, func(ctx context.Context) (ports.Version, error) {
			ctx, cancel := context.WithTimeout(ctx, after)
			defer cancel()
			return h.store.Put(ctx, ports.Record{Key: someKey, Body: fill(i)}, v)
		})
		switch {
		case err == nil:
			possible = map[byte]bool{i: true}
		case errors.Is(err, ports.ErrConflict): // with one that came through late
		default:
			c.wantError("Put whose context ended", err, context.DeadlineExceeded)
			possible[i] = true
		}
		got := h.get(someKey)
		if !whole(got.Body) {
			c.fatalf("after a Put whose context ended, the record is not whole: %s", excerpt(got.Body))
		}
		if !possible[got.Body[0]] || err == nil && got.Version != next {
			c.fatalf("after Put %d, which returned version %q and error %v, the record is that of Put %d, version %q",
				i, next, err, got.Body[0], got.Version)
		}
		v = got.Version
	}
}
