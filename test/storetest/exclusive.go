package storetest

import "github.com/edge-proxy/edge-proxy/ports"

const lawExclusive = `Exclusive reports whether the records belong to this handle alone, so that records that are no longer needed may be deleted: nothing else reads or writes them while the handle is open. It is the same on every call, and may be called
	at any time, also after Close.`

func exclusiveCases() []testCase {
	return []testCase{
		{name: "exclusive", law: lawExclusive, run: func(c *check) {
			one, other := c.openTwo()
			claims := claimsExclusive(one.store)
			if c.harness.Shared && (claims || claimsExclusive(other.store)) {
				c.errorf("a handle says that the records are its own although there is another one on the same backend")
			}
			if err := one.close(); err != nil {
				c.errorf("Close: %v", err)
			}
			if claimsExclusive(one.store) != claims {
				c.errorf("after Close the answer is not what it was, %v", claims)
			}
		}},
	}
}

func claimsExclusive(s ports.Store) bool {
	own, ok := s.(ports.Exclusive)
	return ok && own.Exclusive()
}
