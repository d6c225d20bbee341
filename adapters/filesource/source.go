// Package filesource takes environment documents from a directory instead of an
// API: api_url file:///dir. The document of the environment with the client-side
// key KEY is DIR/KEY.json. It serves tests, air-gapped installations and
// documents that another program puts there, such as a mounted ConfigMap.
//
// A program that replaces a document should rename a finished file over the old one.
// Reading a file that is half written is an error of that fetch: the former document
// stays, and the next change or poll brings the new one.
package filesource

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Options are the settings of a Source, apart from its directory.
type Options struct {
	// MaxDocumentBytes bounds a file (max_document_bytes).
	MaxDocumentBytes int64
}

// Source is a directory of documents. It keeps no file open between calls and
// does not have to be closed. It is safe for concurrent use.
type Source struct {
	directory string
	limit     int64
	watching  watching

	mu       sync.Mutex
	returned map[domain.EnvironmentKey]edition
	read     map[string]os.FileInfo // by name, as it was before it was last read; nil: it was missing
}

var (
	_ ports.Upstream = (*Source)(nil)
	_ ports.Notifier = (*Source)(nil)
)

// New returns the source that api names (api_url): file:// and the absolute path
// of a directory, which need not exist yet. The error says what is wrong with the
// settings.
func New(api *url.URL, o Options) (*Source, error) {
	switch {
	case api.Scheme != "file":
		return nil, fmt.Errorf("api_url must begin with file:// to name a directory, not with %q", api.Scheme)
	case api.Opaque != "" || api.Host != "" && !strings.EqualFold(api.Host, "localhost") || api.User != nil || !strings.HasPrefix(api.Path, "/"):
		return nil, errors.New("api_url must have three slashes and an absolute path to name a directory: file:///etc/edge-proxy/documents")
	case api.RawQuery != "" || api.Fragment != "":
		return nil, errors.New("api_url must not have a query or a fragment")
	case strings.ContainsRune(api.Path, 0):
		return nil, errors.New("api_url has a zero byte in its path")
	case o.MaxDocumentBytes <= 0:
		return nil, fmt.Errorf("max_document_bytes must be positive, not %d", o.MaxDocumentBytes)
	}
	return &Source{
		directory: filepath.Clean(filepath.FromSlash(api.Path)),
		limit:     min(o.MaxDocumentBytes, math.MaxInt64-1), // one more can be read
		returned:  map[domain.EnvironmentKey]edition{},
		read:      map[string]os.FileInfo{},
	}, nil
}

const extension = ".json"

// fileName returns the name of a key's file in the directory. Client-side keys
// are arbitrary texts; a key that could lead out of the directory has no file.
func fileName(key domain.EnvironmentKey) (string, error) {
	if key == "" || strings.ContainsAny(string(key), "/\\\x00") || !filepath.IsLocal(string(key)+extension) {
		return "", fmt.Errorf("the client-side key %.80q cannot be the name of a file", string(key))
	}
	return string(key) + extension, nil
}
