package storetest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

func putCases() []testCase {
	return []testCase{
		{
			name: "put-replaces-if-version-is-current",
			law: `Put replaces the record under r.Key if its version is still ifVersion ("": if the
				record does not exist or is corrupt) and returns the new version.
				"" means no record.`,
			run: func(c *check) {
				one, other := c.openTwo()
				first := one.put(record(someKey, "first"), "")
				second := other.put(record(someKey, "second"), first)
				third := one.put(record(someKey, "third"), second)
				c.wantRecord("after three Puts", other.get(someKey), record(someKey, "third"), third)
			},
		},
		{
			name: "put-conflict-changes-nothing",
			law:  `ErrConflict: ifVersion is not the current version; nothing was changed.`,
			run:  putConflict,
		},
		{
			name: "put-ignores-record-version",
			law:  `Version   Version   // set by the store, ignored by Put`,
			run: func(c *check) {
				h := c.openOne()
				r := record(someKey, "{}")
				r.Version = "made up"
				v := h.put(r, "")
				if v == r.Version {
					c.errorf("Put returned the Version of the record it was given, %q", v)
				}
				r.Version = "made up again"
				second := h.put(r, v)
				c.wantRecord("after Put", h.get(someKey), r, second)
			},
		},
		{
			name: "put-does-not-change-body",
			law:  `It does not change r.Body, and may keep it: the caller does not change it either from then on.`,
			run:  putChangesNothing,
		},
		{
			name: "versions-never-repeat",
			law: `Version names one stored state of one key.
				A version is never used again for the
				same key, not even after the backend lost its data.`,
			run: versionsNeverRepeat,
		},
		{
			name: "versions-never-repeat-after-wipe",
			law: `A version is never used again for the
				same key, not even after the backend lost its data.`,
			run: versionsAfterWipe,
		},
		{
			name: "large-documents",
			law:  `Body      []byte    // as upstream sent it, pages merged`,
			run:  largeDocuments,
		},
		{
			name: "arbitrary-bodies",
			law:  `Body      []byte    // as upstream sent it, pages merged`,
			run: func(c *check) {
				h := c.openOne()
				every := make([]byte, 256)
				for i := range every {
					every[i] = byte(i)
				}
				var v ports.Version
				for _, body := range [][]byte{{}, nil, {0}, every, []byte("\xff\xfe"), []byte("{}\r\n"), []byte(" {} "), {}} {
					v = h.put(ports.Record{Key: someKey, Body: body}, v)
					c.wantBody(fmt.Sprintf("after Put of %s", excerpt(body)), h.get(someKey).Body, body)
					if got := h.stat(someKey); got.Version != v {
						c.errorf("Stat after Put of %s: version %q, want %q", excerpt(body), got.Version, v)
					}
				}
			},
		},
	}
}

func putConflict(c *check) {
	one, other := c.openTwo()
	_, err := one.tryPut(record(someKey, "x"), "never seen")
	c.wantError("Put of what is absent, if it has a version", err, ports.ErrConflict)
	_, err = one.tryGet(someKey)
	c.wantError("Get after that conflict", err, ports.ErrNotFound)

	first := one.put(record(someKey, "first"), "")
	want := record(someKey, "second")
	second := other.put(want, first)
	stranger := one.put(record(otherKey, "of another key"), "")
	rejected := record(someKey, "rejected")
	rejected.UpdatedAt, rejected.CheckedAt = someUpdate().AddDate(1, 0, 0), someCheck().AddDate(1, 0, 0)
	for _, stale := range []ports.Version{"", first, "never seen", stranger, second + "x", second[:len(second)-1]} {
		for _, h := range []*handle{one, other} {
			_, err := h.tryPut(rejected, stale)
			c.wantError(fmt.Sprintf("Put if version %q, the current one being %q", stale, second), err, ports.ErrConflict)
			c.wantRecord("after a conflict", h.get(someKey), want, second)
		}
	}
}

func putChangesNothing(c *check) {
	h := c.openOne()
	// With room behind it: that is not the store's to write to either, when it keeps the
	// body and gives it to others.
	buffer := []byte("the documentand what is behind it")
	body := buffer[:len("the document")]
	v := h.put(ports.Record{Key: someKey, Body: body}, "")
	if string(buffer) != "the documentand what is behind it" {
		c.errorf("Put changed the Body it was given, or what is behind it: %q", buffer)
	}
	got := h.get(someKey).Body
	copy(got, "XXXXXXXXXXXX") // it is the caller's
	_ = append(got, "more"...)
	if string(buffer) != "the documentand what is behind it" {
		c.errorf("what Get returned shares memory with what was put: %q", buffer)
	}
	_, err := h.tryPut(ports.Record{Key: someKey, Body: []byte("rejected")}, "stale")
	c.wantError("Put with a stale version", err, ports.ErrConflict)
	c.wantBody("after a conflict", h.get(someKey).Body, []byte("the document"))
	h.put(ports.Record{Key: someKey, Body: []byte("next")}, v)
	c.wantBody("after the next Put", h.get(someKey).Body, []byte("next"))
	if string(buffer) != "the documentand what is behind it" {
		c.errorf("the next Put changed the Body that the former one was given: %q", buffer)
	}
}

func versionsNeverRepeat(c *check) {
	h := c.openOne()
	seen := make(map[ports.Version]bool)
	note := func(v ports.Version) ports.Version {
		if seen[v] {
			c.fatalf("Put returned version %q a second time", v)
		}
		seen[v] = true
		return v
	}
	var v ports.Version
	for range 5 {
		// The same content again and again: a version names a stored state, not
		// what it says.
		for range 5 {
			v = note(h.put(record(someKey, "same"), v))
		}
		h.delete(someKey)
		_, err := h.tryPut(record(someKey, "late"), v)
		c.wantError("Put with the version of a deleted record", err, ports.ErrConflict)
		v = ""
	}
	v = note(h.put(record(someKey, "same"), ""))
	for old := range seen {
		if old == v {
			continue
		}
		_, err := h.tryPut(record(someKey, "late"), old)
		c.wantError("Put with a version from before Delete", err, ports.ErrConflict)
	}
}

func versionsAfterWipe(c *check) {
	b := c.backend()
	c.need(b.Wipe != nil, "Backend.Wipe")
	h := c.open(b)
	const name = "state"
	seen := make(map[ports.Version]bool)
	seenState := make(map[ports.Version]bool)
	for wiped := range 3 {
		var v, state ports.Version
		for range 10 {
			v = h.put(record(someKey, "same"), v)
			state = h.putState(name, []byte("same"), state)
			if seen[v] || seenState[state] {
				c.fatalf("after %d times of lost data version %q of the record or %q of the state came back", wiped, v, state)
			}
			seen[v], seenState[state] = true, true
		}
		b.Wipe(c.t)
		_, err := h.tryGet(someKey)
		c.wantError("Get after the data was lost", err, ports.ErrNotFound)
		_, _, err = h.tryGetState(name)
		c.wantError("GetState after the data was lost", err, ports.ErrNotFound)
		c.wantKeys("after the data was lost", h.list(), []domain.EnvironmentKey{})
		_, err = h.tryPut(record(someKey, "late"), v)
		c.wantError("Put with a version from before the data was lost", err, ports.ErrConflict)
		c.wantError("Touch with a version from before the data was lost", h.tryTouch(someKey, v, someCheck()), ports.ErrNotFound)
	}
}

func largeDocuments(c *check) {
	h := c.openOne()
	h.limit *= 6
	const size, block = 32 << 20, 1 << 20
	random := rand.NewChaCha8([32]byte([]byte("large documents, incompressible:")))
	noise := make([]byte, block)
	_, _ = random.Read(noise) // never fails
	body := bytes.Repeat(noise, size/block)
	var v ports.Version
	for i := range 2 {
		for at := 0; at < size; at += block {
			binary.BigEndian.PutUint32(body[at:], uint32(at+i)) // no two blocks alike
		}
		v = h.put(ports.Record{Key: someKey, Body: body, CheckedAt: someCheck()}, v)
		got := h.get(someKey)
		if !bytes.Equal(got.Body, body) {
			c.fatalf("document %d of %d bytes came back changed: %s", i, size, excerpt(got.Body))
		}
		if got := h.stat(someKey); got.Version != v || got.Body != nil {
			c.errorf("Stat of a large document: version %q, want %q; %d bytes of Body", got.Version, v, len(got.Body))
		}
	}
}
