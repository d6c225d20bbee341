package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	bbolt "go.etcd.io/bbolt"

	"github.com/edge-proxy/edge-proxy/ports"
)

// table is where documents, or states, are in the file: the names of top buckets.
// Heads are apart from bytes, so that a confirmation rewrites a few pages for all
// documents; the pieces of a revision have a bucket of their own, so that replacing
// it moves no other.
type table struct {
	current string // name → head
	former  string // name → head of the revision before; "" if none are kept
	bodies  string // name and revision → bucket of number → piece
}

// pieceSize is small enough that pieces find room where others were, and large
// enough that there are few. Two of them with what bbolt adds, its least for a page,
// fill the pages that they take.
const pieceSize = 64<<10 - 64

// head returns the head of the current revision. Errors: ports.ErrNotFound,
// ports.ErrCorrupt.
func (t table) head(tx *bbolt.Tx, name string) (head, error) {
	return headIn(tx, t.current, name)
}

func headIn(tx *bbolt.Tx, bucket, name string) (head, error) {
	b := tx.Bucket([]byte(bucket)).Get(headKey(name))
	if b == nil {
		return head{}, ports.ErrNotFound
	}
	return decodeHead(name, b)
}

// body returns a copy of the bytes of revision h. Errors: ports.ErrCorrupt.
func (t table) body(tx *bbolt.Tx, name string, h head) ([]byte, error) {
	if h.length > uint64(tx.Size()) {
		return nil, corrupt("it is longer than the file")
	}
	body := make([]byte, 0, h.length)
	err := t.pieces(tx, name, h, func(piece []byte) { body = append(body, piece...) })
	return body, err
}

// verify reads the bytes of revision h. Errors: ports.ErrCorrupt.
func (t table) verify(tx *bbolt.Tx, name string, h head) error {
	return t.pieces(tx, name, h, func([]byte) {})
}

// pieces calls visit for the pieces of revision h in turn, which are h.length bytes
// at most, and checks that they are what was written. Errors: ports.ErrCorrupt.
func (t table) pieces(tx *bbolt.Tx, name string, h head, visit func([]byte)) error {
	bucket := tx.Bucket([]byte(t.bodies)).Bucket(bodyKey(name, h.revision))
	if bucket == nil {
		return corrupt("its bytes are missing")
	}
	left, sum, number := h.length, uint32(0), uint32(0)
	cursor := bucket.Cursor()
	for key, piece := cursor.First(); key != nil; key, piece = cursor.Next() {
		if !bytes.Equal(key, pieceKey(number)) || uint64(len(piece)) > left {
			return corrupt("its bytes are out of order")
		}
		visit(piece)
		sum, left, number = checksum(sum, piece), left-uint64(len(piece)), number+1
	}
	if left > 0 || sum != h.sum {
		return corrupt("its bytes do not match their checksum")
	}
	return nil
}

// put replaces the current revision by body and h, the rest of which it fills in, if
// the version is still ifVersion. confirmedAt is when the current revision was last
// confirmed, as far as is not in the file yet; it has no effect where no former revisions
// are kept. body must stay as it is until tx has
// ended. Errors: ports.ErrConflict, after which tx has changed nothing, and bbolt's.
func (t table) put(tx *bbolt.Tx, name string, h head, body []byte, ifVersion ports.Version, confirmed confirmation) (ports.Version, error) {
	current, err := t.head(tx, name)
	exists := err == nil
	if exists && ifVersion == "" && t.verify(tx, name, current) != nil {
		exists = false // corrupt, which counts as absent
	}
	if exists != (ifVersion != "") || exists && current.version != ifVersion {
		return "", ports.ErrConflict
	}

	bodies := tx.Bucket([]byte(t.bodies))
	h.version, h.length, h.sum = newVersion(), uint64(len(body)), checksum(0, body)
	if h.revision, err = nextRevision(bodies, name); err != nil {
		return "", err
	}
	if err := writePieces(bodies, bodyKey(name, h.revision), body); err != nil {
		return "", err
	}
	if exists && t.former != "" {
		current.checkedAt = confirmed.latest(current)
		if err := writeHead(tx, t.former, name, current); err != nil {
			return "", err
		}
	}
	if err := writeHead(tx, t.current, name, h); err != nil {
		return "", err
	}
	return h.version, t.sweep(tx, name)
}

func writeHead(tx *bbolt.Tx, bucket, name string, h head) error {
	return tx.Bucket([]byte(bucket)).Put(headKey(name), h.encode(name))
}

// nextRevision returns a number that no revision of name has. The sequence of bodies
// gives it, except in a file in which that was damaged.
func nextRevision(bodies *bbolt.Bucket, name string) (uint64, error) {
	for {
		revision, err := bodies.NextSequence()
		if err != nil {
			return 0, err
		}
		key := bodyKey(name, revision)
		if found, _ := bodies.Cursor().Seek(key); !bytes.Equal(found, key) {
			return revision, nil
		}
	}
}

func writePieces(bodies *bbolt.Bucket, key, body []byte) error {
	bucket, err := bodies.CreateBucket(key)
	if err != nil {
		return err
	}
	number := uint32(0)
	for piece := range slices.Chunk(body, pieceSize) {
		if err := bucket.Put(pieceKey(number), piece); err != nil {
			return err
		}
		number++
	}
	return nil
}

// restore puts the former revision in the place of a corrupt current one, under a
// new version, and returns its head. Errors: errUnchanged when the current revision
// is sound or gone, ports.ErrCorrupt when there is no sound former one; tx has
// changed nothing then; and bbolt's.
func (t table) restore(tx *bbolt.Tx, name string) (head, error) {
	current, err := t.head(tx, name)
	if err == nil {
		err = t.verify(tx, name, current)
	}
	if !errors.Is(err, ports.ErrCorrupt) {
		return head{}, errUnchanged
	}
	if t.former == "" {
		return head{}, err
	}
	former, formerErr := headIn(tx, t.former, name)
	if formerErr != nil || t.verify(tx, name, former) != nil {
		return head{}, err
	}
	former.version = newVersion()
	if err := writeHead(tx, t.current, name, former); err != nil {
		return head{}, err
	}
	if err := tx.Bucket([]byte(t.former)).Delete(headKey(name)); err != nil {
		return head{}, err
	}
	return former, t.sweep(tx, name)
}

// delete removes the current and the former revision. Errors: errUnchanged if
// there was none, and bbolt's.
func (t table) delete(tx *bbolt.Tx, name string) error {
	if tx.Bucket([]byte(t.current)).Get(headKey(name)) == nil {
		return errUnchanged
	}
	for _, bucket := range []string{t.current, t.former} {
		if bucket == "" {
			continue
		}
		if err := tx.Bucket([]byte(bucket)).Delete(headKey(name)); err != nil {
			return err
		}
	}
	return t.sweep(tx, name)
}

// sweep removes the pieces of all revisions but the current and the former one; of
// those too whose heads were lost.
func (t table) sweep(tx *bbolt.Tx, name string) error {
	var keep []uint64
	for _, bucket := range []string{t.current, t.former} {
		if bucket == "" {
			continue
		}
		if h, err := headIn(tx, bucket, name); err == nil {
			keep = append(keep, h.revision)
		}
	}
	bodies := tx.Bucket([]byte(t.bodies))
	prefix := bodyPrefix(name)
	type entry struct {
		key    []byte
		remove func([]byte) error
	}
	var gone []entry
	cursor := bodies.Cursor()
	for key, value := cursor.Seek(prefix); bytes.HasPrefix(key, prefix); key, value = cursor.Next() {
		revision := key[len(prefix):]
		if len(revision) == 8 && slices.Contains(keep, binary.BigEndian.Uint64(revision)) {
			continue
		}
		remove := bodies.DeleteBucket
		if value != nil { // no bucket: damage has made a value of it
			remove = bodies.Delete
		}
		gone = append(gone, entry{bytes.Clone(key), remove})
	}
	for _, e := range gone {
		if err := e.remove(e.key); err != nil {
			return fmt.Errorf("removing a former revision: %w", err)
		}
	}
	return nil
}

// names returns the names of all heads, sound or not.
func (t table) names(tx *bbolt.Tx) []string {
	var names []string
	cursor := tx.Bucket([]byte(t.current)).Cursor()
	for key, _ := cursor.First(); key != nil; key, _ = cursor.Next() {
		names = append(names, string(key[1:]))
	}
	return names
}

// headKey is name after a byte, for bbolt takes no empty keys.
func headKey(name string) []byte { return append([]byte{'='}, name...) }

// bodyPrefix begins the keys of all revisions of name and of no other: it tells
// where name ends.
func bodyPrefix(name string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(name))), name...)
}

func bodyKey(name string, revision uint64) []byte {
	return binary.BigEndian.AppendUint64(bodyPrefix(name), revision)
}

func pieceKey(number uint32) []byte { return binary.BigEndian.AppendUint32(nil, number) }
