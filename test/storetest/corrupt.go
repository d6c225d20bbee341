package storetest

import "github.com/edge-proxy/edge-proxy/ports"

const lawCorrupt = `ErrCorrupt: what is stored cannot be read. Put treats it as absent.`

func corruptCases() []testCase {
	return []testCase{
		{name: "corrupt-get", law: lawCorrupt, run: func(c *check) {
			h, _ := corrupted(c)
			for range 2 {
				_, err := h.tryGet(someKey)
				c.wantError("Get of a damaged record", err, ports.ErrCorrupt)
			}
			c.wantRecord("of another key", h.get(otherKey), record(otherKey, "whole"), h.stat(otherKey).Version)
		}},
		{name: "corrupt-stat", law: `Errors: as Get.`, run: func(c *check) {
			h, _ := corrupted(c)
			// Stat does not transfer the Body: it need not know that it is damaged.
			if _, err := h.tryStat(someKey); err != nil {
				c.wantError("Stat of a damaged record", err, ports.ErrCorrupt)
			}
		}},
		{name: "corrupt-put", law: lawCorrupt, run: func(c *check) {
			h, former := corrupted(c)
			v := h.put(record(someKey, "new"), "")
			if v == former {
				c.errorf("Put over a damaged record returned its former version %q", v)
			}
			c.wantRecord("after Put over a damaged one", h.get(someKey), record(someKey, "new"), v)
			_, err := h.tryPut(record(someKey, "late"), former)
			c.wantError("Put with the version of what was damaged", err, ports.ErrConflict)
			h.put(record(someKey, "next"), v)
		}},
		{name: "corrupt-put-other-version", law: `ErrConflict: ifVersion is not the current version; nothing was changed.`, run: func(c *check) {
			h, _ := corrupted(c)
			_, err := h.tryPut(record(someKey, "new"), "never seen")
			c.wantError("Put over a damaged record, if it has a version that it never had", err, ports.ErrConflict)
			_, err = h.tryGet(someKey)
			c.wantError("Get after that conflict", err, ports.ErrCorrupt)
		}},
		{name: "corrupt-delete", law: lawDelete, run: func(c *check) {
			h, _ := corrupted(c)
			h.delete(someKey)
			_, err := h.tryGet(someKey)
			c.wantError("Get after Delete of a damaged record", err, ports.ErrNotFound)
			v := h.put(record(someKey, "new"), "")
			c.wantRecord("after Delete and Put", h.get(someKey), record(someKey, "new"), v)
		}},
		{name: "corrupt-list", law: lawList, run: func(c *check) {
			h, _ := corrupted(c)
			others := 0
			for _, key := range h.list() {
				switch key {
				case otherKey:
					others++
				case someKey: // the error may come here
				default:
					c.errorf("List with a damaged record returned %s, which was never put", show(key))
				}
			}
			if others != 1 {
				c.errorf("List with a damaged record returned the other key %d times, want once", others)
			}
		}},
		{name: "corrupt-state", law: lawCorrupt, run: func(c *check) {
			b := c.backend()
			c.need(b.CorruptState != nil, "Backend.CorruptState")
			h := c.open(b)
			former := h.putState("state", []byte("value"), "")
			b.CorruptState(c.t, "state")
			_, _, err := h.tryGetState("state")
			c.wantError("GetState of a damaged state", err, ports.ErrCorrupt)
			v := h.putState("state", []byte("new"), "")
			if v == former {
				c.errorf("PutState over a damaged state returned its former version %q", v)
			}
			if value, got := h.getState("state"); string(value) != "new" || got != v {
				c.errorf("GetState after PutState over a damaged one: %q version %q, want %q version %q", value, got, "new", v)
			}
		}},
	}
}

// corrupted returns a handle on a backend with a damaged record under someKey,
// its former version, and a whole one under otherKey.
func corrupted(c *check) (*handle, ports.Version) {
	b := c.backend()
	c.need(b.Corrupt != nil, "Backend.Corrupt")
	h := c.open(b)
	v := h.put(record(someKey, "to be damaged"), "")
	h.put(record(otherKey, "whole"), "")
	b.Corrupt(c.t, someKey)
	return h, v
}
