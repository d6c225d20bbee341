package storetest

import (
	"bytes"
	"fmt"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const lawDurable = `When it returns nil the record survives a crash
	of this process, where the backend is durable.`

func durableCases() []testCase {
	return []testCase{
		{name: "durable-after-close", law: lawDurable, run: func(c *check) {
			c.need(c.harness.Durable, "durable backend")
			b := c.backend()
			survives(c, b, func(h *handle) {
				if err := h.close(); err != nil {
					c.fatalf("Close: %v", err)
				}
			})
		}},
		{name: "durable-after-crash", law: lawDurable, run: func(c *check) {
			b := c.backend()
			c.need(b.Crash != nil, "Backend.Crash")
			survives(c, b, func(*handle) { b.Crash(c.t) })
		}},
		{name: "durable-versions", law: `A version is never used again for the
			same key, not even after the backend lost its data.`, run: func(c *check) {
			c.need(c.harness.Durable, "durable backend")
			b := c.backend()
			seen := make(map[ports.Version]bool)
			for range 4 {
				h := c.open(b)
				v := ports.Version("")
				for range 3 {
					v = h.put(record(someKey, "same"), v)
					if seen[v] {
						c.fatalf("Put returned version %q again after Close and Open", v)
					}
					seen[v] = true
				}
				h.delete(someKey)
				if err := h.close(); err != nil {
					c.fatalf("Close: %v", err)
				}
			}
		}},
	}
}

// survives writes, ends the process as end does, and wants all of it from the
// next one.
func survives(c *check, b Backend, end func(*handle)) {
	h := c.open(b)
	h.put(record(someKey, "to be deleted"), "")
	h.delete(someKey)
	state := h.putState("state", []byte("value"), "")
	want := make(map[domain.EnvironmentKey]ports.Record)
	versions := make(map[domain.EnvironmentKey]ports.Version)
	for i := range c.amount(20) {
		key := domain.EnvironmentKey(fmt.Sprintf("environment-%d", i))
		former := h.put(record(key, "former"), "")
		r := record(key, "")
		r.Body = bytes.Repeat([]byte{byte(i)}, i*5000)
		want[key], versions[key] = r, h.put(r, former)
	}

	end(h)
	h = c.open(b)
	for key, r := range want {
		c.wantRecord("of a new process", h.get(key), r, versions[key])
	}
	_, err := h.tryGet(someKey)
	c.wantError("Get by a new process of what was deleted", err, ports.ErrNotFound)
	if got := len(h.list()); got != len(want) {
		c.errorf("List of a new process returned %d keys, want %d", got, len(want))
	}
	if value, v := h.getState("state"); string(value) != "value" || v != state {
		c.errorf("GetState of a new process returned %q version %q, want %q version %q", value, v, "value", state)
	}
	for key, v := range versions { // current still
		h.put(record(key, "next"), v)
	}
}
