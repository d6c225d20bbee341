package filestore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/edge-proxy/edge-proxy/ports"
)

// Scheme is the scheme of the URLs that Open takes.
const Scheme = "dir"

var _ ports.OpenStore = Open

// Open opens the store in the directory that u names. Its errors are those that an
// operator has to fix. A directory that is away is not an error here: it may come
// back.
func Open(_ context.Context, u *url.URL, d ports.StoreDeps) (ports.Store, error) {
	const form = "write dir:///absolute/path"
	switch {
	case u.Scheme != Scheme:
		return nil, fmt.Errorf("filestore: store.url: the scheme is %q; %s", u.Scheme, form)
	case u.RawQuery != "":
		// Not shown: it may be a secret that was meant for another store.
		return nil, errors.New("filestore: store.url: there are no parameters; " + form)
	case u.Opaque != "" || u.Host != "" || u.User != nil || u.Fragment != "" || !strings.HasPrefix(u.Path, "/"):
		return nil, errors.New("filestore: store.url: " + form)
	}
	return newStore(filepath.FromSlash(u.Path), d.Now), nil
}
