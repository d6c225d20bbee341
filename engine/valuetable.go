package engine

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/bits"
)

// valueTable leads from a trait's value to the segments that it makes worth trying. It
// holds no values but parts of their hashes, because it may be wrong in one direction:
// a segment that is tried in vain costs a little time. A map with the values takes
// several times the memory, and there is one table in each of thousands of documents.
//
// It is a hash table with open addressing and linear probing.
type valueTable struct {
	seed    maphash.Seed
	entries []valueEntry // a power of two of them, at least a quarter free
	several [][]int32
}

// valueEntry is an entry of a valueTable.
type valueEntry struct {
	fingerprint uint32 // the upper half of the hash; 0: the entry is free
	to          int32  // a segment, or ^n for several[n]
}

// mark sets the bits of the segments that v in slot makes worth trying.
func (t *valueTable) mark(set []uint64, slot int32, v *value) {
	if v.large != nil {
		return // guards have integers of 64 bits only
	}
	h := hashValue(t.seed, slot, v)
	mask := len(t.entries) - 1
	for i := int(h) & mask; t.entries[i].fingerprint != 0; i = (i + 1) & mask {
		switch e := &t.entries[i]; {
		case e.fingerprint != fingerprint(h): // there can be several equal ones
		case e.to >= 0:
			set[e.to>>6] |= 1 << (e.to & 63)
		default:
			markAll(set, t.several[^e.to])
		}
	}
}

func fingerprint(hash uint64) uint32 { return max(uint32(hash>>32), 1) }

// hashValue returns the hash of a value in a slot. Values that are equal to each other
// have the same one, such as 0 and -0.
func hashValue(seed maphash.Seed, slot int32, v *value) uint64 {
	const golden = 0x9e3779b97f4a7c15 // spreads small numbers over all bits
	place := (uint64(slot)<<8 | uint64(v.kind)) * golden
	if v.kind == text {
		return maphash.String(seed, v.text) ^ place
	}
	n := uint64(bit(v.boolean))
	switch v.kind {
	case integer:
		n = uint64(v.integer)
	case float:
		n = math.Float64bits(v.float + 0)
	}
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], n)
	return maphash.Bytes(seed, b[:]) ^ place
}

// valueTableBuilder collects the entries of a valueTable.
type valueTableBuilder struct {
	seed     maphash.Seed
	segments map[uint64][]int32 // by hash, each list in ascending order
}

// add adds a segment to those that a guard makes worth trying. Segments come in order.
func (b *valueTableBuilder) add(g *guard, segment int32) {
	h := hashValue(b.seed, g.slot, &g.value)
	list := b.segments[h]
	if last := len(list) - 1; last < 0 || list[last] != segment {
		b.segments[h] = append(list, segment)
	}
}

func (b *valueTableBuilder) build() valueTable {
	n := len(b.segments)
	t := valueTable{seed: b.seed, entries: make([]valueEntry, 1<<bits.Len(uint(n+n/3)))}
	mask := len(t.entries) - 1
	for h, list := range b.segments {
		e := valueEntry{fingerprint(h), list[0]}
		if len(list) > 1 {
			e.to = ^int32(len(t.several))
			t.several = append(t.several, list)
		}
		i := int(h) & mask
		for t.entries[i].fingerprint != 0 {
			i = (i + 1) & mask
		}
		t.entries[i] = e
	}
	return t
}
