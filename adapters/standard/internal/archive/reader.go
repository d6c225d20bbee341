package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Reader is an export to be read. It is for one goroutine.
type Reader struct {
	root    *os.Root
	entries []Entry
}

// Open opens an export and checks its manifest, not yet the documents. Close ends
// it.
func Open(path string) (*Reader, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	r := &Reader{root: root}
	text, err := r.read(manifestName, maxManifest)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("%s has no %s: it is not an export, or the export was interrupted", path, manifestName)
	case err == nil:
		if r.entries, err = ParseManifest(text); err != nil {
			err = fmt.Errorf("%s: %w", manifestName, err)
		}
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Close gives up the directory.
func (r *Reader) Close() { _ = r.root.Close() }

// Entries returns what the export has.
func (r *Reader) Entries() []Entry { return r.entries }

// Record reads the document of an entry and checks that it is what was exported.
func (r *Reader) Record(e Entry) (ports.Record, error) {
	body, err := r.read(e.File, e.Bytes)
	if err != nil {
		return ports.Record{}, err
	}
	if int64(len(body)) != e.Bytes || Sum(body) != e.SHA256 {
		return ports.Record{}, fmt.Errorf("%s is not what was exported (%d bytes, SHA-256 %s): it was damaged or changed since", e.File, e.Bytes, e.SHA256)
	}
	key, ok := UnescapeKey(e.Key)
	if !ok {
		return ports.Record{}, fmt.Errorf("%s has an impossible key", e.File)
	}
	return ports.Record{Key: domain.EnvironmentKey(key), Body: body, UpdatedAt: e.UpdatedAt, CheckedAt: e.CheckedAt}, nil
}

// read returns the content of a regular file of the directory, one byte more than
// limit at most. A link that leads out of the directory is an error.
func (r *Reader) read(name string, limit int64) ([]byte, error) {
	// Asked before it is opened: opening a pipe would wait for its other end.
	info, err := r.root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	file, err := r.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var content bytes.Buffer
	content.Grow(int(min(info.Size(), limit)) + bytes.MinRead)
	_, err = content.ReadFrom(io.LimitReader(file, limit+1))
	return content.Bytes(), err
}
