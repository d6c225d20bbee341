package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Writer writes an export. It is for one goroutine.
type Writer struct {
	root     *os.Root
	manifest manifest
}

// Create begins an export in a directory that is new, and made for the user only,
// or empty. Close ends it.
func Create(path string, now time.Time) (*Writer, error) {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	found, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	if len(found) > 0 {
		return nil, fmt.Errorf("%s is not empty: name a directory that is, or a new one", path)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Writer{root, manifest{Format: format, Version: version, ExportedAt: now.UTC(), Records: []Entry{}}}, nil
}

// Add writes one record. It refuses one under a server-side key, which it does not
// show.
func (w *Writer) Add(r ports.Record) error {
	if strings.HasPrefix(string(r.Key), domain.ServerKeyPrefix) {
		return fmt.Errorf("the store holds a document under the server-side key %s, which must never be in a store", domain.MaskServerKey(string(r.Key)))
	}
	name := fileName(r.Key)
	err := w.write(name, r.Body)
	if errors.Is(err, fs.ErrExist) { // where upper and lower case are one
		name = distinctName(r.Key)
		err = w.write(name, r.Body)
	}
	if err != nil {
		return err
	}
	w.manifest.Records = append(w.manifest.Records, Entry{
		Key: EscapeKey(string(r.Key)), File: name, Bytes: int64(len(r.Body)), SHA256: Sum(r.Body),
		UpdatedAt: r.UpdatedAt.UTC(), CheckedAt: r.CheckedAt.UTC(),
	})
	return nil
}

// Finish completes the export and returns how many documents it has.
func (w *Writer) Finish() (documents int, err error) {
	text, err := json.MarshalIndent(w.manifest, "", "  ")
	if err != nil {
		return 0, err
	}
	return len(w.manifest.Records), w.write(manifestName, append(text, '\n'))
}

// Close gives up the directory. Without Finish the export is not complete.
func (w *Writer) Close() { _ = w.root.Close() }

// write makes a file, readable by its owner only: documents tell about identities.
func (w *Writer) write(name string, content []byte) error {
	file, err := w.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = file.Write(content); err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}
