package memory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/edge-proxy/edge-proxy/ports"
)

// Scheme is the scheme of store URLs that Open takes.
const Scheme = "memory"

var (
	_ ports.OpenStore = Open
	_ ports.Exclusive = (*store)(nil)
)

// Open opens a new, empty store, unconnected with any other. The URL is
// "memory:" and nothing else: there are no parameters.
func Open(_ context.Context, u *url.URL, d ports.StoreDeps) (ports.Store, error) {
	if err := CheckURL(u); err != nil {
		return nil, err
	}
	return newStore(d.Now), nil
}

// CheckURL refuses everything but "memory:". It quotes names of parameters only:
// anything else may be a secret that was meant for another store.
func CheckURL(u *url.URL) error {
	if u.Scheme != Scheme {
		return fmt.Errorf(`memory: store.url: the scheme is %q, want "memory:"`, u.Scheme)
	}
	if u.Opaque != "" || u.Host != "" || u.Path != "" || u.User != nil || u.Fragment != "" {
		return errors.New(`memory: store.url: this store has neither an address nor a path, write "memory:"`)
	}
	parameters, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New(`memory: store.url: the parameters cannot be read; this store takes none, write "memory:"`)
	}
	if len(parameters) > 0 {
		names := slices.Sorted(maps.Keys(parameters))
		return fmt.Errorf(`memory: store.url: unknown parameter %q; this store takes none, write "memory:"`, names[0])
	}
	return nil
}
