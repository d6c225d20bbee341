package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"

	bbolt "go.etcd.io/bbolt"
)

// schema is the version of what this program writes. What a newer one wrote is
// refused, not guessed at. Later versions keep the place and the form of the number.
const schema = 1

// The buckets at the top of the file. Other buckets are ignored.
const (
	metaBucket        = "edge-proxy"         // tells that the file is ours
	currentBucket     = "documents"          // head of each document
	formerBucket      = "former-documents"   // head of the revision before it
	bodiesBucket      = "document-revisions" // for each revision a bucket of its pieces
	statesBucket      = "states"             // head of each state
	stateBodiesBucket = "state-revisions"
)

const schemaKey = "schema"

func topBuckets() []string {
	return []string{metaBucket, currentBucket, formerBucket, bodiesBucket, statesBucket, stateBodiesBucket}
}

func documents() table {
	return table{current: currentBucket, former: formerBucket, bodies: bodiesBucket}
}

func states() table { return table{current: statesBucket, bodies: stateBodiesBucket} }

// prepare checks that f is ours and of a schema we know, and fills it if it is new.
// Its errors are those of inspect.
func (f *file) prepare() error {
	var found error
	err := guarded(func() error {
		err := f.db.View(func(tx *bbolt.Tx) error {
			found = checkSchema(tx)
			return nil
		})
		if err == nil && errors.Is(found, errNew) {
			found = nil
			err = f.db.Update(writeSchema)
		}
		return err
	})
	var damage *damageError
	if errors.As(err, &damage) {
		f.lost.Store(&err)
	}
	if err != nil {
		return err
	}
	return found
}

// errNew says that a database has nothing in it yet.
var errNew = errors.New("it is new")

func checkSchema(tx *bbolt.Tx) error {
	if first, _ := tx.Cursor().First(); first == nil {
		return errNew
	}
	meta := tx.Bucket([]byte(metaBucket))
	if meta == nil {
		return fmt.Errorf("%w but that of another one", errForeign)
	}
	b := meta.Get([]byte(schemaKey))
	if len(b) != 8 || checksum(0, b[:4]) != binary.BigEndian.Uint32(b[4:]) {
		return damaged("its schema cannot be read")
	}
	switch found := binary.BigEndian.Uint32(b); {
	case found > schema:
		return fmt.Errorf("%w (its schema is %d, this version knows %d)", errNewer, found, schema)
	case found < schema:
		return damaged("its schema is %d, which was never written", found)
	}
	for _, name := range topBuckets() {
		if tx.Bucket([]byte(name)) == nil {
			return damaged("its part %q is missing", name)
		}
	}
	return nil
}

func writeSchema(tx *bbolt.Tx) error {
	for _, name := range topBuckets() {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	b := binary.BigEndian.AppendUint32(nil, schema)
	return tx.Bucket([]byte(metaBucket)).Put([]byte(schemaKey), binary.BigEndian.AppendUint32(b, checksum(0, b)))
}
