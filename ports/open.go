package ports

import (
	"context"
	"log/slog"
	"net/url"
	"time"
)

// StoreDeps is what a store is given by the program it runs in.
type StoreDeps struct {
	// Now is the time; never nil.
	Now func() time.Time
	// Logger takes what an operator should know, such as a damaged file that was
	// set aside; never nil. Stores log no secrets: neither URLs with passwords
	// nor server-side keys.
	Logger *slog.Logger
	// Prefix keeps the names of two fleets on one shared backend apart
	// (store.prefix); stores that are not shared ignore it.
	Prefix string
	// ReadFile reads a file named by a URL parameter, such as a password or a
	// certificate; never nil.
	ReadFile func(name string) ([]byte, error)
}

// OpenStore opens the store that u names (store.url). It refuses parameters it does not
// know, naming those it does, and never shows u's password. A shared backend that does
// not answer is not an error: the store opens and its calls return ErrUnavailable until
// the backend answers. What only an operator can repair is an error that says what to
// do: a file locked by another process, one from a newer version of the program, a
// wrong parameter.
type OpenStore func(ctx context.Context, u *url.URL, d StoreDeps) (Store, error)
