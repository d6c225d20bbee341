package bolt

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
)

// bbolt keeps two meta pages and writes them in turn, so that one is whole at any
// time; the newer whole one counts.
const (
	metaMagic   = 0xED0CDAED
	metaVersion = 2
	metaSize    = 64 // the last 8 bytes are a checksum, FNV-1a, of those before

	minPageSize = 1 << 10
	maxPageSize = 1 << 24
)

// errNewer says that a file is of a newer version of the program (or of bbolt).
var errNewer = errors.New("it was written by a newer version of this program")

// meta is what a meta page says.
type meta struct {
	pageSize    uint32
	root        uint64 // page
	freelist    uint64 // page
	pages       uint64
	transaction uint64
	alone       bool // the other meta page cannot be read
}

// newestMeta returns the meta page that bbolt will go by. Its errors are those of
// inspect.
func newestMeta(r io.ReaderAt, size int64) (meta, error) {
	if size < 2*minPageSize {
		return meta{}, damaged("its %d bytes are too few for a database", size)
	}
	first, firstErr := readMeta(r, 0)
	if isNotDamage(firstErr) {
		return meta{}, firstErr
	}
	if firstErr != nil {
		// The second page begins where the size of a page says that could not be
		// read: try all there are, as bbolt does.
		for offset := int64(minPageSize); offset <= maxPageSize && offset < size-minPageSize; offset *= 2 {
			second, err := readMeta(r, offset)
			switch {
			case isNotDamage(err):
				return meta{}, err
			case err == nil && int64(second.pageSize) != offset:
				return meta{}, errFirstPages()
			case err == nil:
				second.alone = true
				return second, nil
			}
		}
		return meta{}, firstErr
	}
	if first.pageSize < minPageSize || first.pageSize > maxPageSize || first.pageSize&(first.pageSize-1) != 0 {
		return meta{}, errFirstPages()
	}
	second, err := readMeta(r, int64(first.pageSize))
	switch {
	case isNotDamage(err):
		return meta{}, err
	case err != nil:
		first.alone = true
	case second.pageSize != first.pageSize:
		return meta{}, errFirstPages()
	case second.transaction > first.transaction:
		return second, nil
	}
	return first, nil
}

func errFirstPages() error { return damaged("its first pages are damaged") }

// readMeta reads the meta page at offset.
func readMeta(r io.ReaderAt, offset int64) (meta, error) {
	page := make([]byte, pageHeaderSize+metaSize)
	if err := readAt(r, page, offset); err != nil {
		return meta{}, err
	}
	b, order := page[pageHeaderSize:], binary.NativeEndian
	if order.Uint32(b) != metaMagic {
		return meta{}, damaged("it is not a database of this program")
	}
	sum := fnv.New64a()
	_, _ = sum.Write(b[:metaSize-8])
	if sum.Sum64() != order.Uint64(b[metaSize-8:]) {
		return meta{}, errFirstPages()
	}
	switch version := order.Uint32(b[4:]); {
	case version > metaVersion:
		return meta{}, errNewer
	case version < metaVersion:
		return meta{}, errFirstPages()
	}
	return meta{
		pageSize:    order.Uint32(b[8:]),
		root:        order.Uint64(b[16:]),
		freelist:    order.Uint64(b[32:]),
		pages:       order.Uint64(b[40:]),
		transaction: order.Uint64(b[48:]),
	}, nil
}

// isNotDamage reports whether err has another cause than what is in the file.
func isNotDamage(err error) bool {
	var damage *damageError
	return err != nil && !errors.As(err, &damage)
}
