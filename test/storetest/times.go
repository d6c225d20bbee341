package storetest

import (
	"fmt"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	lawUpdatedAt = `UpdatedAt time.Time // the document's updated_at; microseconds count, the zone does not`
	lawCheckedAt = `CheckedAt time.Time // when upstream last confirmed it, by 200 or 304; microseconds count`
)

func timeCases() []testCase {
	return []testCase{
		{name: "times-to-the-microsecond", law: lawUpdatedAt + "\n" + lawCheckedAt, run: func(c *check) {
			h := c.openOne()
			second := time.Date(2023, 7, 14, 16, 12, 0, 0, time.UTC)
			var v ports.Version
			for _, updated := range []time.Time{
				second,
				second.Add(time.Microsecond),
				second.Add(999_999 * time.Microsecond),
				second.In(time.FixedZone("", 5*3600+45*60)).Add(367_071 * time.Microsecond),
				second.In(time.FixedZone("", -11*3600)),
				time.Unix(0, 0),
				time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
				time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC),
				time.Date(2300, 1, 1, 0, 0, 0, 1000, time.UTC), // 64 bits of nanoseconds end in 2262
				time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
			} {
				want := ports.Record{Key: someKey, Body: []byte("{}"), UpdatedAt: updated, CheckedAt: updated.Add(time.Microsecond)}
				v = h.put(want, v)
				c.wantRecord(fmt.Sprintf("with UpdatedAt %v", updated), h.get(someKey), want, v)
			}
		}},
		{name: "times-zero", law: lawUpdatedAt + "\n" + lawCheckedAt, run: func(c *check) {
			h := c.openOne()
			v := h.put(ports.Record{Key: someKey, Body: []byte("{}")}, "")
			for _, r := range []ports.Record{h.get(someKey), h.stat(someKey)} {
				if !r.UpdatedAt.IsZero() || !r.CheckedAt.IsZero() {
					c.errorf("times that were zero came back as UpdatedAt %v, CheckedAt %v", r.UpdatedAt, r.CheckedAt)
				}
			}
			h.touch(someKey, v, someCheck())
			h.wantChecked(someKey, someCheck())
		}},
		{name: "times-finer-than-a-microsecond", law: lawUpdatedAt + "\n" + lawCheckedAt, run: func(c *check) {
			h := c.openOne()
			fine := someUpdate().Add(999 * time.Nanosecond)
			v := h.put(ports.Record{Key: someKey, UpdatedAt: fine, CheckedAt: fine}, "")
			got := h.get(someKey)
			for _, at := range []time.Time{got.UpdatedAt, got.CheckedAt} {
				if off := at.Sub(fine).Abs(); off >= time.Microsecond {
					c.errorf("%v came back as %v, %v off", fine, at, off)
				}
			}
			if stat := h.stat(someKey); !stat.UpdatedAt.Equal(got.UpdatedAt) || !stat.CheckedAt.Equal(got.CheckedAt) || stat.Version != v {
				c.errorf("Stat returned UpdatedAt %v, CheckedAt %v; Get %v, %v", stat.UpdatedAt, stat.CheckedAt, got.UpdatedAt, got.CheckedAt)
			}
		}},
	}
}
