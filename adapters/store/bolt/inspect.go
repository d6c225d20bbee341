package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// damageError reports that a file is not a sound database.
type damageError struct {
	reason string
	stack  []byte // where bbolt panicked on the damage, nil if it did not
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

	pageHeaderSize   = 16         // id 8, kind 2, count 2, overflow 4
	elementSize      = 16         // of a branch: position 4, key size 4, page 8; of a leaf: flags 4, position 4, key size 4, value size 4
	bucketHeaderSize = 16         // root page 8, sequence 8
	bucketElement    = 0x01       // the flag of a leaf's element that is a bucket
	countElsewhere   = 0xFFFF     // a freelist's count that stands in its first entry
	noFreelist       = ^uint64(0) // the freelist page of a file without one
)

// inspect checks the structure of the bbolt file of size bytes that r reads: each
// page is at its place and used once, entries fit into their page and are in order.
// It skips the values, which have checksums. It returns the meta page it went by, or
// a damageError, errNewer, or the error of a read.
//
// Most damage makes bbolt panic, and file.attempt survives that. The rest is why
// inspect exists: pages in a circle make bbolt allocate until the process dies, keys
// out of order make every later Put of an environment fail, and a page that is both
// in use and listed as free is overwritten (TestDamageThatBboltDoesNotNotice).
// bbolt's own check runs on a goroutine whose panics end the process.
func inspect(r io.ReaderAt, size int64) (meta, error) {
	m, err := newestMeta(r, size)
	if err != nil {
		return meta{}, err
	}
	if m.pages < 2 || m.pages > uint64(size)/uint64(m.pageSize) {
		return meta{}, damaged("the file is cut off: %d bytes are left of %d pages of %d bytes", size, m.pages, m.pageSize)
	}
	i := &inspection{source: r, pageSize: int64(m.pageSize), used: make([]bool, m.pages)}
	if err := i.tree(m.root, nil, nil); err != nil {
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
	used     []bool // by page
}

// page is the head of a run of pages, or of a small bucket inside another page.
type page struct {
	kind  uint16
	count int
	at    int64 // of the run in the file
	size  int64
}

// claim marks the run that begins with page id as used and reads its head.
func (i *inspection) claim(id uint64) (page, error) {
	all := uint64(len(i.used))
	if id < 2 || id >= all {
		return page{}, damaged("page %d is outside the file's %d pages", id, all)
	}
	at := int64(id) * i.pageSize
	head, err := i.read(at, pageHeaderSize)
	if err != nil {
		return page{}, err
	}
	order := binary.NativeEndian
	if found := order.Uint64(head); found != id {
		return page{}, damaged("page %d says that it is page %d", id, found)
	}
	overflow := uint64(order.Uint32(head[12:]))
	if overflow >= all-id {
		return page{}, damaged("page %d reaches beyond the file's %d pages", id, all)
	}
	for n := id; n <= id+overflow; n++ {
		if i.used[n] {
			return page{}, damaged("page %d is used twice", n)
		}
		i.used[n] = true
	}
	return newPage(head, at, int64(overflow+1)*i.pageSize), nil
}

func newPage(head []byte, at, size int64) page {
	return page{binary.NativeEndian.Uint16(head[8:]), int(binary.NativeEndian.Uint16(head[10:])), at, size}
}

// tree checks the pages under page id, whose keys must be at least low and, unless
// high is nil, below high. Each page is visited once, which bounds the depth.
func (i *inspection) tree(id uint64, low, high []byte) error {
	p, err := i.claim(id)
	if err != nil {
		return err
	}
	return i.entries(p, low, high)
}

// entries checks that the entries of a page of a tree fit into it and are in order,
// and the pages and buckets that they lead to.
func (i *inspection) entries(p page, low, high []byte) error {
	if p.kind != leafPage && (p.kind != branchPage || p.count == 0) {
		return damaged("the page at byte %d is not a page of a tree (kind %#x, %d entries)", p.at, p.kind, p.count)
	}
	elements, err := i.within(p, pageHeaderSize, int64(p.count)*elementSize)
	if err != nil {
		return err
	}
	order := binary.NativeEndian
	type child struct {
		key  []byte
		page uint64
	}
	var children []child // of a branch
	for n := 0; n < len(elements); n += elementSize {
		e, at := elements[n:], pageHeaderSize+int64(n)
		position, keySize := order.Uint32(e), order.Uint32(e[4:]) // of a branch
		if p.kind == leafPage {
			position, keySize = order.Uint32(e[4:]), order.Uint32(e[8:])
		}
		key, err := i.within(p, at+int64(position), int64(keySize))
		if err != nil {
			return err
		}
		if c := bytes.Compare(low, key); keySize == 0 || c > 0 || c == 0 && n > 0 || high != nil && bytes.Compare(key, high) >= 0 {
			return damaged("the page at byte %d has keys out of order", p.at)
		}
		low = key
		if p.kind == branchPage {
			children = append(children, child{key, order.Uint64(e[8:])})
		} else if err := i.value(p, order.Uint32(e), at+int64(position)+int64(keySize), int64(order.Uint32(e[12:]))); err != nil {
			return err
		}
	}
	for n, c := range children {
		end := high
		if n+1 < len(children) {
			end = children[n+1].key
		}
		if err := i.tree(c.page, c.key, end); err != nil {
			return err
		}
	}
	return nil
}

// value checks that a value of size bytes fits into the leaf p and, if it is a
// bucket, the bucket's pages.
func (i *inspection) value(p page, flags uint32, at, size int64) error {
	if at+size > p.size {
		return damaged("the page at byte %d has an entry that reaches beyond it", p.at)
	}
	if flags != bucketElement {
		return nil
	}
	const small = bucketHeaderSize + pageHeaderSize // a bucket that is inside its parent's page
	head, err := i.within(p, at, min(size, small))
	if err != nil {
		return err
	}
	switch {
	case size >= bucketHeaderSize && binary.NativeEndian.Uint64(head) != 0:
		return i.tree(binary.NativeEndian.Uint64(head), nil, nil)
	case size < small:
		return damaged("the page at byte %d has a bucket of %d bytes", p.at, size)
	}
	return i.entries(newPage(head[bucketHeaderSize:], p.at+at+bucketHeaderSize, size-bucketHeaderSize), nil, nil)
}

// freelist checks that the pages listed as free are not in use.
func (i *inspection) freelist(id uint64) error {
	p, err := i.claim(id)
	if err != nil {
		return err
	}
	if p.kind != freelistPage {
		return damaged("page %d is not a list of free pages (kind %#x)", id, p.kind)
	}
	order := binary.NativeEndian
	count, at := uint64(p.count), int64(pageHeaderSize)
	if count == countElsewhere {
		first, err := i.within(p, at, 8)
		if err != nil {
			return err
		}
		count, at = order.Uint64(first), at+8
	}
	list, err := i.within(p, at, int64(min(count, uint64(len(i.used)))*8))
	if err != nil {
		return err
	}
	for ; len(list) > 0; list = list[8:] {
		free := order.Uint64(list)
		if free < 2 || free >= uint64(len(i.used)) || i.used[free] {
			return damaged("page %d lists page %d as free, which is in use or not in the file", id, free)
		}
		i.used[free] = true
	}
	return nil
}

// within reads n bytes of p, at counting from its beginning.
func (i *inspection) within(p page, at, n int64) ([]byte, error) {
	if n > p.size-at {
		return nil, damaged("%d bytes at %d do not fit into the %d bytes of their page", n, at, p.size)
	}
	return i.read(p.at+at, n)
}

func (i *inspection) read(at, n int64) ([]byte, error) {
	b := make([]byte, n)
	return b, readAt(i.source, b, at)
}

// readAt fills b. The bytes are known to be in the file: one that ends early was cut
// off meanwhile.
func readAt(r io.ReaderAt, b []byte, offset int64) error {
	_, err := r.ReadAt(b, offset)
	if errors.Is(err, io.EOF) {
		return damaged("the file ends before byte %d", offset+int64(len(b)))
	}
	return err
}
