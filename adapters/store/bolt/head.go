package bolt

import (
	"crypto/rand"
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/edge-proxy/edge-proxy/ports"
)

// head is all about one revision of a document or state but its bytes.
type head struct {
	version   ports.Version
	revision  uint64 // names the bucket of its pieces
	length    uint64 // of all pieces together
	sum       uint32 // their checksum
	updatedAt time.Time
	checkedAt time.Time
}

// headSchema begins every head.
const headSchema = 1

// encode returns the head as it is stored under name:
//
//	1 byte  headSchema
//	8 bytes revision
//	8 bytes length
//	4 bytes sum
//	12 bytes each updatedAt and checkedAt: seconds since 1970, nanoseconds
//	4 bytes the version's length, and the version
//	4 bytes checksum of name and all of the above
func (h head) encode(name string) []byte {
	b := []byte{headSchema}
	b = binary.BigEndian.AppendUint64(b, h.revision)
	b = binary.BigEndian.AppendUint64(b, h.length)
	b = binary.BigEndian.AppendUint32(b, h.sum)
	b = appendTime(b, h.updatedAt)
	b = appendTime(b, h.checkedAt)
	b = binary.BigEndian.AppendUint32(b, uint32(len(h.version)))
	b = append(b, h.version...)
	return binary.BigEndian.AppendUint32(b, headSum(name, b))
}

// decodeHead is encode's reverse. Errors: ports.ErrCorrupt.
func decodeHead(name string, b []byte) (head, error) {
	const fixed = 1 + 8 + 8 + 4 + 12 + 12 + 4
	if len(b) < fixed+4 || b[0] != headSchema {
		return head{}, corrupt("its head is of a form that was never written")
	}
	b, sum := b[:len(b)-4], b[len(b)-4:]
	if headSum(name, b) != binary.BigEndian.Uint32(sum) {
		return head{}, corrupt("its head does not match its checksum")
	}
	if uint64(binary.BigEndian.Uint32(b[fixed-4:])) != uint64(len(b)-fixed) || len(b) == fixed {
		return head{}, corrupt("its head is of a form that was never written")
	}
	return head{
		revision:  binary.BigEndian.Uint64(b[1:]),
		length:    binary.BigEndian.Uint64(b[9:]),
		sum:       binary.BigEndian.Uint32(b[17:]),
		updatedAt: timeAt(b[21:]),
		checkedAt: timeAt(b[33:]),
		version:   ports.Version(b[fixed:]),
	}, nil
}

// headSum includes the name, so that a head that got under another one is found out.
func headSum(name string, b []byte) uint32 {
	return checksum(checksum(0, []byte(name)), b)
}

func appendTime(b []byte, t time.Time) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(t.Unix()))
	return binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
}

func timeAt(b []byte) time.Time {
	return time.Unix(int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint32(b[8:]))).UTC()
}

// newVersion returns a version that was never used, however much a file that was
// lost has forgotten.
func newVersion() ports.Version { return ports.Version(rand.Text()) }

// checksum extends sum, 0 at first, by b.
func checksum(sum uint32, b []byte) uint32 {
	return crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), b)
}
