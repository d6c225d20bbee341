package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// damageError says that a file is not a sound database.
type damageError struct {
	reason string
	stack  []byte // where bbolt came upon it and panicked, nil if it did not
}

func (e *damageError) Error() string { return e.reason }

func damaged(format string, args ...any) error {
	return &damageError{reason: fmt.Sprintf(format, args...)}
}

// The kinds of pages of a bbolt file, and the sizes of their parts. All numbers in
// the file have the byte order of the machine.
const (
	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10

	pageHeaderSize   = 16 // id 8, kind 2, count 2, overflow 4
	elementSize      = 16
	bucketHeaderSize = 16         // root page 8, sequence 8
	bucketElement    = 0x01       // the flag of a leaf's element that is a bucket
	countElsewhere   = 0xFFFF     // a freelist's count that stands in its first entry
	noFreelist       = ^uint64(0) // the freelist page of a file without one

	// maxDepth is more than any real tree of pages and buckets has.
	maxDepth = 64
)

// inspect checks the structure of the bbolt file of size bytes that r reads: that
// bbolt can walk it and write to it without coming upon a page that is missing,
// misplaced, used twice or of the wrong kind. It reads the pages' heads and keys and
// skips the values. It returns the meta page it went by, or a damageError, errNewer,
// or what reading failed with.
//
// bbolt has a check of its own, but one that needs the file mapped into memory
// first, where a damaged page may make bbolt panic with its locks held or the
// process die of a fault in a goroutine that nobody can guard.
func inspect(r io.ReaderAt, size int64) (meta, error) {
	m, err := newestMeta(r, size)
	if err != nil {
		return meta{}, err
	}
	if m.pages < 2 || m.pages > uint64(size)/uint64(m.pageSize) {
		return meta{}, damaged("the file is cut off: %d bytes are left of %d pages of %d bytes", size, m.pages, m.pageSize)
	}
	i := &inspection{
		source:   r,
		pageSize: int64(m.pageSize),
		pages:    m.pages,
		claimed:  make([]uint64, m.pages/64+1),
	}
	i.claim(0)
	i.claim(1)
	if err := i.tree(m.root, nil, nil, 0); err != nil {
		return meta{}, err
	}
	if m.freelist != noFreelist {
		if err := i.freelist(m.freelist); err != nil {
			return meta{}, err
		}
	}
	return m, nil
}

type inspection struct {
	source   io.ReaderAt
	pageSize int64
	pages    uint64   // the file's pages in use or free; those after are not yet
	claimed  []uint64 // a bit for every page that has been come upon
}

// claim notes that page id is used and reports whether it was not before.
func (i *inspection) claim(id uint64) bool {
	word, bit := &i.claimed[id/64], uint64(1)<<(id%64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	return true
}

// page is a run of pages, or the page of a small bucket inside its parent's.
type page struct {
	kind  uint16
	count int
	span
}

// open claims the run that begins with page id and reads its head.
func (i *inspection) open(id uint64) (page, error) {
	if id < 2 || id >= i.pages {
		return page{}, damaged("page %d is outside the file's %d pages", id, i.pages)
	}
	first := make([]byte, i.pageSize)
	if err := readAt(i.source, first, int64(id)*i.pageSize); err != nil {
		return page{}, err
	}
	overflow := uint64(binary.NativeEndian.Uint32(first[12:]))
	if found := binary.NativeEndian.Uint64(first); found != id {
		return page{}, damaged("page %d says that it is page %d", id, found)
	}
	if overflow >= i.pages-id {
		return page{}, damaged("page %d reaches beyond the file's %d pages", id, i.pages)
	}
	for n := id; n <= id+overflow; n++ {
		if !i.claim(n) {
			return page{}, damaged("page %d is used twice", n)
		}
	}
	return newPage(span{
		source: i.source,
		offset: int64(id) * i.pageSize,
		size:   int64(overflow+1) * i.pageSize,
		first:  first,
	}), nil
}

func newPage(s span) page {
	return page{
		kind:  binary.NativeEndian.Uint16(s.first[8:]),
		count: int(binary.NativeEndian.Uint16(s.first[10:])),
		span:  s,
	}
}

// tree checks the pages under page id, whose keys must be at least low and, unless
// high is nil, below high.
func (i *inspection) tree(id uint64, low, high []byte, depth int) error {
	if depth > maxDepth {
		return damaged("page %d lies deeper than any sound page", id)
	}
	p, err := i.open(id)
	if err != nil {
		return err
	}
	switch {
	case p.kind == leafPage:
		return i.leaf(p, id, low, high, depth)
	case p.kind == branchPage && p.count > 0:
		return i.branch(p, id, low, high, depth)
	}
	return damaged("page %d is no page of a tree (kind %#x, %d entries)", id, p.kind, p.count)
}

func (i *inspection) branch(p page, id uint64, low, high []byte, depth int) error {
	type child struct {
		key []byte
		id  uint64
	}
	children := make([]child, p.count)
	for n := range children {
		e, err := p.element(n)
		if err != nil {
			return err
		}
		key, err := p.key(id, n, binary.NativeEndian.Uint32(e), binary.NativeEndian.Uint32(e[4:]), 0)
		if err != nil {
			return err
		}
		if err := inOrder(id, key, low, high, n == 0); err != nil {
			return err
		}
		children[n], low = child{key, binary.NativeEndian.Uint64(e[8:])}, key
	}
	for n, c := range children {
		end := high
		if n+1 < len(children) {
			end = children[n+1].key
		}
		if err := i.tree(c.id, c.key, end, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// leaf checks the leaf p, and the trees of the buckets in it.
func (i *inspection) leaf(p page, id uint64, low, high []byte, depth int) error {
	for n := range p.count {
		e, err := p.element(n)
		if err != nil {
			return err
		}
		flags, position := binary.NativeEndian.Uint32(e), binary.NativeEndian.Uint32(e[4:])
		keySize, valueSize := binary.NativeEndian.Uint32(e[8:]), binary.NativeEndian.Uint32(e[12:])
		key, err := p.key(id, n, position, keySize, valueSize)
		if err != nil {
			return err
		}
		if err := inOrder(id, key, low, high, n == 0); err != nil {
			return err
		}
		low = key
		switch flags {
		case 0:
		case bucketElement:
			value, err := p.bytes(elementOffset(n)+int64(position)+int64(keySize), int64(valueSize))
			if err != nil {
				return err
			}
			if err := i.bucket(value, id, depth); err != nil {
				return err
			}
		default:
			return damaged("page %d has an entry of unknown kind %#x", id, flags)
		}
	}
	return nil
}

// bucket checks the bucket that value describes, an entry of page id.
func (i *inspection) bucket(value []byte, id uint64, depth int) error {
	if len(value) < bucketHeaderSize {
		return damaged("page %d has a bucket of %d bytes", id, len(value))
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return i.tree(root, nil, nil, depth+1)
	}
	inline := value[bucketHeaderSize:]
	if len(inline) < pageHeaderSize {
		return damaged("page %d has a bucket of %d bytes", id, len(value))
	}
	p := newPage(span{size: int64(len(inline)), first: inline})
	if p.kind != leafPage || depth >= maxDepth {
		return damaged("page %d has a bucket that is no leaf", id)
	}
	return i.leaf(p, id, nil, nil, depth+1)
}

// freelist checks that the pages listed as free are not in use.
func (i *inspection) freelist(id uint64) error {
	p, err := i.open(id)
	if err != nil {
		return err
	}
	if p.kind != freelistPage {
		return damaged("page %d is no list of free pages (kind %#x)", id, p.kind)
	}
	count, at := uint64(p.count), int64(pageHeaderSize)
	if count == countElsewhere {
		b, err := p.bytes(at, 8)
		if err != nil {
			return err
		}
		count, at = binary.NativeEndian.Uint64(b), at+8
	}
	if count > i.pages {
		return damaged("page %d lists %d free pages of %d", id, count, i.pages)
	}
	list, err := p.bytes(at, int64(count)*8)
	if err != nil {
		return err
	}
	for ; len(list) > 0; list = list[8:] {
		free := binary.NativeEndian.Uint64(list)
		if free < 2 || free >= i.pages {
			return damaged("page %d lists page %d as free, of %d", id, free, i.pages)
		}
		if !i.claim(free) {
			return damaged("page %d lists page %d as free, which is in use or listed twice", id, free)
		}
	}
	return nil
}

// inOrder checks a key of page id against the one before it, or the least one there
// may be, and against the bound above.
func inOrder(id uint64, key, low, high []byte, first bool) error {
	order := bytes.Compare(low, key)
	if order > 0 || order == 0 && !first || high != nil && bytes.Compare(key, high) >= 0 {
		return damaged("page %d has keys out of order", id)
	}
	return nil
}

// span is a part of the file: its first bytes, already read, and the rest.
type span struct {
	source io.ReaderAt
	offset int64
	size   int64
	first  []byte
}

// bytes returns n bytes from at on, which may be a part of s.first.
func (s span) bytes(at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || at > s.size || n > s.size-at {
		return nil, damaged("%d bytes at %d do not fit into the %d bytes of their page", n, at, s.size)
	}
	if at+n <= int64(len(s.first)) {
		return s.first[at : at+n], nil
	}
	b := make([]byte, n)
	return b, readAt(s.source, b, s.offset+at)
}

func elementOffset(n int) int64 { return pageHeaderSize + int64(n)*elementSize }

func (p page) element(n int) ([]byte, error) { return p.bytes(elementOffset(n), elementSize) }

// key returns the key of element n, whose position counts from the element, and
// checks that the value after it fits too.
func (p page) key(id uint64, n int, position, keySize, valueSize uint32) ([]byte, error) {
	at := elementOffset(n) + int64(position)
	if keySize == 0 {
		return nil, damaged("page %d has an empty key", id)
	}
	if at+int64(keySize)+int64(valueSize) > p.size {
		return nil, damaged("page %d has an entry that reaches beyond it", id)
	}
	return p.bytes(at, int64(keySize))
}

// readAt fills b. The bytes are known to be in the file: one that ends early has
// been cut off meanwhile.
func readAt(r io.ReaderAt, b []byte, offset int64) error {
	_, err := r.ReadAt(b, offset)
	if errors.Is(err, io.EOF) {
		return damaged("the file ends before byte %d", offset+int64(len(b)))
	}
	return err
}
