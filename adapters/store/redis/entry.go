package redis

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/edge-proxy/edge-proxy/domain/pace"
	"github.com/edge-proxy/edge-proxy/ports"
)

// The fields of the hash that a record or a state is. A state has no times.
const (
	fieldVersion   = "version"
	fieldUpdatedAt = "updated_at"
	fieldCheckedAt = "checked_at"
	fieldSize      = "size" // of the body, in bytes, before compression
	fieldSum       = "sum"  // SHA-256 over all the others but checked_at, in hexadecimal
	fieldBody      = "body" // gzip
)

// aboutFields are all but the body; what Stat asks for.
func aboutFields() []string {
	return []string{fieldVersion, fieldUpdatedAt, fieldCheckedAt, fieldSize, fieldSum}
}

// entry is the hash of a record or a state, as texts.
type entry struct {
	name      string // of the key; part of the sum, so that a renamed key is found out
	version   string
	updatedAt string
	checkedAt string
	size      string
	sum       string
	body      string // compressed
}

// maxGain is more than gzip ever gains: what claims to unpack to a larger size
// is not believed.
const maxGain = 1032

// packer compresses. It keeps what compressing needs, close to a megabyte, for
// the next time.
type packer struct{ writers sync.Pool }

func newPacker() *packer {
	return &packer{sync.Pool{New: func() any {
		w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
		if err != nil {
			panic(err) // cannot be: the level is a valid one
		}
		return w
	}}}
}

func (p *packer) pack(body []byte) string {
	var packed strings.Builder
	w := p.writers.Get().(*gzip.Writer)
	defer p.writers.Put(w)
	w.Reset(&packed)
	_, _ = w.Write(body) // a strings.Builder returns no errors
	_ = w.Close()
	return packed.String()
}

// seal completes e, whose name, version and times are set, with body.
func (e *entry) seal(p *packer, body []byte) {
	e.body = p.pack(body)
	e.size = strconv.Itoa(len(body))
	e.sum = e.checksum()
}

// unseal checks e and returns its body, the caller's own. Its errors are
// ports.ErrCorrupt.
func (e *entry) unseal() ([]byte, error) {
	if e.sum != e.checksum() {
		return nil, corrupt("the checksum does not match")
	}
	size, err := strconv.Atoi(e.size)
	if err != nil || size < 0 || size/maxGain > len(e.body) {
		return nil, corrupt("the size is impossible")
	}
	r, err := gzip.NewReader(strings.NewReader(e.body))
	if err != nil {
		return nil, corrupt("the body is not gzip")
	}
	// One byte more, for the reader to see and check the end.
	body := make([]byte, size+1)
	n, err := pace.Fill(&pace.Reader{Source: r, Pause: restBetweenPieces}, body)
	if err != io.EOF || n != size {
		return nil, corrupt("the body cannot be unpacked to its size")
	}
	return body[:size:size], nil
}

// restBetweenPieces leaves the processor to requests while a large body is unpacked.
func restBetweenPieces() { time.Sleep(time.Millisecond) }

func (e *entry) checksum() string {
	h := sha256.New()
	for _, part := range []string{e.name, e.version, e.updatedAt, e.size, e.body} {
		writePart(h, part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// writePart writes part so that where one ends and the next begins counts too.
func writePart(h hash.Hash, part string) {
	_, _ = fmt.Fprintf(h, "%d:", len(part)) // a hash returns no errors
	pace.Hash(h, part)
}

// fields returns e as HSET takes it.
func (e *entry) fields() []any {
	fields := []any{fieldVersion, e.version, fieldSize, e.size, fieldSum, e.sum, fieldBody, e.body}
	if e.updatedAt != "" {
		fields = append(fields, fieldUpdatedAt, e.updatedAt, fieldCheckedAt, e.checkedAt)
	}
	return fields
}

// entryOf makes an entry of what HMGET answered for the fields; absent ones are
// "". Errors: ports.ErrNotFound when all are absent, ports.ErrCorrupt
// when it is not an entry.
func entryOf(name string, fields []string, answers []any) (entry, error) {
	e := entry{name: name}
	places := map[string]*string{
		fieldVersion: &e.version, fieldUpdatedAt: &e.updatedAt, fieldCheckedAt: &e.checkedAt,
		fieldSize: &e.size, fieldSum: &e.sum, fieldBody: &e.body,
	}
	found := false
	for i, field := range fields {
		if text, ok := answers[i].(string); ok {
			*places[field] = text
			found = true
		}
	}
	switch {
	case !found:
		return entry{}, ports.ErrNotFound
	case e.version == "" || e.size == "" || e.sum == "":
		return e, corrupt("fields are missing")
	case e.updatedAt == "" && e.checkedAt == "": // a state
		return e, nil
	}
	for _, text := range []string{e.updatedAt, e.checkedAt} {
		if _, err := parseTime(text); err != nil {
			return e, err
		}
	}
	return e, nil
}

func corrupt(why string) error { return fmt.Errorf("%w: %s", ports.ErrCorrupt, why) }
