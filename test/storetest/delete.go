package storetest

import (
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const lawDelete = `Delete removes the record; it is not an error when the record does not exist.`

func deleteCases() []testCase {
	return []testCase{
		{name: "delete-removes", law: lawDelete, run: func(c *check) {
			one, other := c.openTwo()
			first := one.put(record(someKey, "{}"), "")
			kept := one.put(record(otherKey, "kept"), "")
			other.delete(someKey)
			for _, h := range []*handle{one, other} {
				_, err := h.tryGet(someKey)
				c.wantError("Get after Delete", err, ports.ErrNotFound)
				_, err = h.tryStat(someKey)
				c.wantError("Stat after Delete", err, ports.ErrNotFound)
				c.wantKeys("after Delete", h.list(), []domain.EnvironmentKey{otherKey})
				c.wantRecord("of another key after Delete", h.get(otherKey), record(otherKey, "kept"), kept)
			}
			_, err := one.tryPut(record(someKey, "late"), first)
			c.wantError("Put with the version of what was deleted", err, ports.ErrConflict)
			second := one.put(record(someKey, "again"), "")
			c.wantRecord("after Delete and Put", other.get(someKey), record(someKey, "again"), second)
		}},
		{name: "delete-absent", law: lawDelete, run: func(c *check) {
			h := c.openOne()
			h.delete(someKey)
			h.put(record(someKey, "{}"), "")
			h.delete(otherKey)
			h.delete(someKey)
			h.delete(someKey)
			c.wantKeys("after Deletes", h.list(), []domain.EnvironmentKey{})
		}},
	}
}
