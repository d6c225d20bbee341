package bolt

import (
	"context"
	"encoding/binary"
	"errors"

	bbolt "go.etcd.io/bbolt"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// DamageHead changes a byte of the head of key's current revision.
func DamageHead(s ports.Store, key domain.EnvironmentKey) error {
	return edit(s, func(tx *bbolt.Tx) error { return damageHead(tx, currentBucket, string(key)) })
}

// DamageBody changes a byte of each piece of key's current revision.
func DamageBody(s ports.Store, key domain.EnvironmentKey) error {
	return edit(s, func(tx *bbolt.Tx) error { return damageBody(tx, documents(), currentBucket, string(key)) })
}

// DamageFormerBody changes a byte of each piece of key's former revision.
func DamageFormerBody(s ports.Store, key domain.EnvironmentKey) error {
	return edit(s, func(tx *bbolt.Tx) error { return damageBody(tx, documents(), formerBucket, string(key)) })
}

// DamageState changes a byte of each piece of a state.
func DamageState(s ports.Store, name string) error {
	return edit(s, func(tx *bbolt.Tx) error { return damageBody(tx, states(), statesBucket, name) })
}

// RewindRevisions lets the numbers of revisions start again.
func RewindRevisions(s ports.Store) error {
	return edit(s, func(tx *bbolt.Tx) error {
		return errors.Join(tx.Bucket([]byte(bodiesBucket)).SetSequence(0), tx.Bucket([]byte(stateBodiesBucket)).SetSequence(0))
	})
}

// FlattenFormerBody makes a value of the bucket of key's former revision.
func FlattenFormerBody(s ports.Store, key domain.EnvironmentKey) error {
	return edit(s, func(tx *bbolt.Tx) error {
		h, err := headIn(tx, formerBucket, string(key))
		if err != nil {
			return err
		}
		bodies, revision := tx.Bucket([]byte(bodiesBucket)), bodyKey(string(key), h.revision)
		return errors.Join(bodies.DeleteBucket(revision), bodies.Put(revision, []byte("value")))
	})
}

// Wipe empties the file and has it count from the beginning.
func Wipe(s ports.Store) error {
	return edit(s, func(tx *bbolt.Tx) error {
		for _, name := range topBuckets() {
			if err := tx.DeleteBucket([]byte(name)); err != nil {
				return err
			}
		}
		return writeSchema(tx)
	})
}

// Within calls f while a transaction is open that reads.
func Within(s ports.Store, f func()) error {
	return s.(*store).file.view(func(*bbolt.Tx) error {
		f()
		return nil
	})
}

// WriteSchema says in a file that it is of another schema.
func WriteSchema(tx *bbolt.Tx, number uint32) error {
	b := binary.BigEndian.AppendUint32(nil, number)
	return tx.Bucket([]byte(metaBucket)).Put([]byte(schemaKey), binary.BigEndian.AppendUint32(b, checksum(0, b)))
}

func edit(s ports.Store, apply func(tx *bbolt.Tx) error) error {
	return s.(*store).writer.do(context.Background(), 0, apply)
}

func damageHead(tx *bbolt.Tx, bucket, name string) error {
	b := tx.Bucket([]byte(bucket))
	head := append([]byte(nil), b.Get(headKey(name))...)
	if len(head) == 0 {
		return errors.New("no such head")
	}
	head[len(head)/2] ^= 0x20
	return b.Put(headKey(name), head)
}

func damageBody(tx *bbolt.Tx, t table, bucket, name string) error {
	h, err := headIn(tx, bucket, name)
	if err != nil {
		return err
	}
	pieces := tx.Bucket([]byte(t.bodies)).Bucket(bodyKey(name, h.revision))
	for number := range uint32(pieces.Stats().KeyN) {
		piece := append([]byte(nil), pieces.Get(pieceKey(number))...)
		piece[len(piece)/2] ^= 0x20
		if err := pieces.Put(pieceKey(number), piece); err != nil {
			return err
		}
	}
	return nil
}
