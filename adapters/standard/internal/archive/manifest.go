package archive

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

const (
	manifestName = "manifest.json"
	format       = "edge-proxy documents"
	// version goes up when a former program would misread a new export.
	version = 1
	// maxManifest bounds what is read of one: about half a million documents.
	maxManifest = 256 << 20
	// maxKey is how long keys may be (ports.Store).
	maxKey = 1024
	// maxDocument is more than any store takes.
	maxDocument = 1 << 40
)

type manifest struct {
	Format     string    `json:"format"`
	Version    int       `json:"version"`
	ExportedAt time.Time `json:"exported_at"`
	Records    []Entry   `json:"records"`
}

// Entry is a document and what the store knew about it.
type Entry struct {
	Key       string    `json:"key"`  // as EscapeKey writes it
	File      string    `json:"file"` // in the same directory
	Bytes     int64     `json:"bytes"`
	SHA256    string    `json:"sha256"`
	UpdatedAt time.Time `json:"updated_at"` // the zero time if unknown
	CheckedAt time.Time `json:"checked_at"`
}

// ParseManifest checks everything in a manifest that needs no documents:
// keys are different from each other, in the form that EscapeKey makes and no
// server-side keys; files are different from each other and in the directory. Its
// errors show no server-side keys.
func ParseManifest(text []byte) ([]Entry, error) {
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", err)
	}
	switch {
	case m.Format != format:
		return nil, fmt.Errorf("it is not of an export: its format is not %q", format)
	case m.Version > version:
		return nil, fmt.Errorf("it was written by a newer version of this program (its version is %d, this program knows %d)", m.Version, version)
	case m.Version < 1:
		return nil, fmt.Errorf("its version %d was never written", m.Version)
	}
	keys, files := map[string]bool{}, map[string]bool{}
	for i, e := range m.Records {
		if problem := e.problem(); problem != "" {
			return nil, fmt.Errorf("records[%d]: %s", i, problem)
		}
		if keys[e.Key] || files[e.File] {
			return nil, fmt.Errorf("records[%d]: its key or its file is that of an earlier one", i)
		}
		keys[e.Key], files[e.File] = true, true
	}
	return m.Records, nil
}

// problem returns what is wrong with the entry, or "".
func (e Entry) problem() string {
	key, ok := UnescapeKey(e.Key)
	switch {
	case strings.HasPrefix(key, domain.ServerKeyPrefix), strings.HasPrefix(e.Key, domain.ServerKeyPrefix):
		return "its key is a server-side key, which must never be in a store"
	case !ok || len(key) > maxKey:
		return fmt.Sprintf("its key must be a text of up to %d bytes in letters, digits, \"-._~\" and %%XX", maxKey)
	case e.File != filepath.Base(e.File) || !filepath.IsLocal(e.File) || e.File == "." || e.File == manifestName:
		return "its file must be the name of a file in the same directory"
	case e.Bytes < 0 || e.Bytes > maxDocument:
		return "its size is impossible"
	case len(e.SHA256) != 64:
		return "its sha256 is missing"
	}
	return ""
}
