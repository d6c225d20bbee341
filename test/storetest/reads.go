package storetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const lawList = `List returns the keys of all records, in any order, including those of corrupt records whose keys can be read.`

func readCases() []testCase {
	return []testCase{
		{
			name: "get-returns-what-was-put",
			law: `Get returns the record under key.
				Record is one environment document and what is known about it.`,
			run: func(c *check) {
				one, other := c.openTwo()
				want := record(someKey, `{"api_key": "B62qaMZNwfiqT76p38ggrQ"}`)
				v := one.put(want, "")
				for _, h := range []*handle{one, other} {
					c.wantRecord("after Put", h.get(someKey), want, v)
				}
			},
		},
		{
			name: "get-absent",
			law:  `ErrNotFound: no record, lease or state has that name.`,
			run: func(c *check) {
				h := c.openOne()
				_, err := h.tryGet(someKey)
				c.wantError("Get on an empty store", err, ports.ErrNotFound)
				_, err = h.tryStat(someKey)
				c.wantError("Stat on an empty store", err, ports.ErrNotFound)
				h.put(record(someKey, "{}"), "")
				_, err = h.tryGet(otherKey)
				c.wantError("Get of another key", err, ports.ErrNotFound)
			},
		},
		{
			name: "stat-equals-get-without-body",
			law:  `Stat is Get without the Body, which it does not transfer: what a follower asks each interval.`,
			run: func(c *check) {
				h := c.openOne()
				h.put(record(someKey, `{"some": "document"}`), "")
				got, want := h.stat(someKey), h.get(someKey)
				if got.Body != nil {
					c.errorf("Stat returned a Body of %d bytes, want nil", len(got.Body))
				}
				if got.Key != want.Key || got.Version != want.Version ||
					!got.UpdatedAt.Equal(want.UpdatedAt) || !got.CheckedAt.Equal(want.CheckedAt) {
					c.errorf("Stat returned %+v, Get %s %q %v %v", got, show(want.Key), want.Version, want.UpdatedAt, want.CheckedAt)
				}
			},
		},
		{
			name: "body-is-for-ever",
			law:  `The caller owns its Body, and may keep and change it.`,
			run:  bodyIsForEver,
		},
		{
			name: "list-returns-all-keys",
			law:  lawList,
			run: func(c *check) {
				one, other := c.openTwo()
				if keys := one.list(); len(keys) != 0 {
					c.errorf("List of an empty store returned %q", keys)
				}
				want := manyKeys(300)
				c.forEach(want, func(ctx context.Context, key domain.EnvironmentKey) error {
					_, err := one.store.Put(ctx, record(key, "{}"), "")
					return err
				})
				c.wantKeys("after 300 Puts", other.list(), want)
				c.forEach(want[:150], other.store.Delete)
				c.wantKeys("after 150 of them were deleted", one.list(), want[150:])
			},
		},
		{
			name: "odd-keys",
			law:  `Keys, lease names and state names are arbitrary texts of up to 1,024 bytes, compared byte for byte.`,
			run:  oddKeys,
		},
	}
}

// wantRecord compares all of a record; microseconds of times count.
func (c *check) wantRecord(what string, got, want ports.Record, v ports.Version) {
	if got.Key != want.Key {
		c.errorf("%s: the Key is %s, want %s", what, show(got.Key), show(want.Key))
	}
	if got.Version != v {
		c.errorf("%s: the Version is %q, want %q as Put returned it", what, got.Version, v)
	}
	if !got.UpdatedAt.Equal(want.UpdatedAt) {
		c.errorf("%s: UpdatedAt is %v, want %v", what, got.UpdatedAt, want.UpdatedAt)
	}
	if !got.CheckedAt.Equal(want.CheckedAt) {
		c.errorf("%s: CheckedAt is %v, want %v", what, got.CheckedAt, want.CheckedAt)
	}
	c.wantBody(what, got.Body, want.Body)
}

func (c *check) wantKeys(what string, got, want []domain.EnvironmentKey) {
	if !slices.Equal(got, want) {
		c.errorf("List %s returned %d keys %.200q, want %d %.200q", what, len(got), got, len(want), want)
	}
}

func bodyIsForEver(c *check) {
	h := c.openOne()
	// Large enough to be on pages of its own in files and buffers that are used
	// again.
	want := bytes.Repeat([]byte("first "), 20_000)
	v := h.put(ports.Record{Key: someKey, Body: want, CheckedAt: someCheck()}, "")
	kept, again := h.get(someKey).Body, h.get(someKey).Body
	copy(again, "XXXXXX")
	c.wantBody("of one Get after another's was changed", kept, want)
	c.wantBody("after the Body of an earlier Get was changed", h.get(someKey).Body, want)

	// Two callers that append have to part ways.
	_ = append(kept, "of one"...)
	longer := append(again, "of other"...)
	_ = append(kept, "of one"...)
	if !bytes.HasSuffix(longer, []byte("of other")) {
		c.errorf("appending to the Body of one Get changed what was appended to that of another")
	}

	for i := range c.amount(20) {
		v = h.put(ports.Record{Key: someKey, Body: bytes.Repeat([]byte{byte(i)}, len(want))}, v)
		h.get(someKey)
	}
	c.wantBody("kept from before other Puts", kept, want)
	h.delete(someKey)
	h.put(record(otherKey, "{}"), "")
	c.wantBody("kept from before Delete", kept, want)
	if err := h.close(); err != nil {
		c.fatalf("Close: %v", err)
	}
	c.wantBody("kept from before Close", kept, want)
}

func oddKeys(c *check) {
	one, other := c.openTwo()
	names := oddNames()
	versions := make(map[domain.EnvironmentKey]ports.Version)
	var sorted []domain.EnvironmentKey
	for i, name := range names {
		key := domain.EnvironmentKey(name)
		v, err := one.tryPut(record(key, fmt.Sprintf("document %d", i)), "")
		if err != nil {
			c.fatalf("Put(%s) as a new record: %v", show(key), err)
		}
		versions[key] = v
		sorted = append(sorted, key)
	}
	slices.Sort(sorted)
	c.wantKeys("of odd keys", other.list(), sorted)
	for i, name := range names {
		key := domain.EnvironmentKey(name)
		c.wantRecord("Get("+show(key)+")", other.get(key), record(key, fmt.Sprintf("document %d", i)), versions[key])
		if got := other.stat(key); got.Key != key || got.Version != versions[key] {
			c.errorf("Stat(%s) returned the record of %s, version %q, want version %q", show(key), show(got.Key), got.Version, versions[key])
		}
		one.touch(key, versions[key], someCheck())
	}
	for i, name := range names {
		key := domain.EnvironmentKey(name)
		one.delete(key)
		_, err := other.tryGet(key)
		c.wantError("Get("+show(key)+") after Delete", err, ports.ErrNotFound)
		if want := len(names) - i - 1; len(other.list()) != want {
			c.fatalf("after Delete(%s) %d records are left, want %d", show(key), len(other.list()), want)
		}
	}
}
