package ports

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// ErrNotModifiedWithoutCondition: upstream answered 304 to an unconditional request.
var ErrNotModifiedWithoutCondition = errors.New("upstream answered 304 to an unconditional request")

// ErrDocumentTooLarge: the document exceeds the adapter's limit. It may be wrapped by the
// error of a FetchError.
var ErrDocumentTooLarge = errors.New("the document is too large")

// DocumentRequest asks for one environment's document.
type DocumentRequest struct {
	Environment domain.EnvironmentKey
	// Key opens the document. It goes to the configured origin only.
	Key domain.ServerKey
	// IfModifiedSince makes the request conditional; zero: it is not.
	IfModifiedSince time.Time
	// Discovered marks an environment that discovery by proxy key brought.
	Discovered bool
}

// Document is upstream's answer to a DocumentRequest.
type Document struct {
	// NotModified: the document is the one that the condition was made of, and
	// Body is nil.
	NotModified bool
	// Body is the document with its pages merged. The receiver owns it.
	Body []byte
	// Date is upstream's time when it answered, in whole seconds, or zero where upstream
	// did not say. It shows by how much the clocks differ.
	Date time.Time
}

// Upstream is where environment documents come from.
type Upstream interface {
	// FetchDocument fetches a whole document, or reports that it is not modified.
	// It takes as long as upstream does, bounded by the adapter's own time-out
	// for each request and by ctx. Errors: the context's when it ended; otherwise
	// a *FetchError. It checks that the body is complete; it need not check that it is
	// a usable document. Safe for concurrent use.
	FetchDocument(ctx context.Context, r DocumentRequest) (Document, error)
}

// Notifier notifies of changes upstream, so that they are noticed before the next poll.
type Notifier interface {
	// Notify calls changed after a change of one of the documents under keys, with the
	// new document's updated_at, or a zero time where it is not known, until ctx ends,
	// whose error it returns. It restores broken connections itself, with backoff.
	// Calls are hints, as those of Watcher.Watch are; they come from one goroutine at a
	// time, and one that takes long loses nothing.
	Notify(ctx context.Context, keys []domain.EnvironmentKey, changed func(key domain.EnvironmentKey, updatedAt time.Time)) error
}

// Connected is an optional interface of a Notifier that keeps a connection for each
// environment.
type Connected interface {
	// Connected reports whether the environment's connection is up. It never waits and is
	// safe for concurrent use.
	Connected(key domain.EnvironmentKey) bool
	// Counts returns what has happened on all connections. It never waits and is safe for
	// concurrent use.
	Counts() StreamCounts
}

// StreamCounts are counts since the start.
type StreamCounts struct {
	Events     int64 // changes that were announced
	Reconnects int64 // connections that were made again after they broke
}

// Discoverer lists the environments that a proxy key opens.
type Discoverer interface {
	// Discover returns all environments, each once, with their server-side keys known
	// whole; expired keys may be among them. The order of environments and keys has no
	// meaning. An empty list means no environments; a list that cannot be trusted is an
	// error instead. The caller owns the result. It takes as long as upstream does,
	// bounded by the adapter's own time-out and by ctx. Errors: the context's when it
	// ended; otherwise a *FetchError. Safe for concurrent use.
	Discover(ctx context.Context) ([]domain.EnvironmentKeys, error)
}

// FetchError is why something could not be fetched. Its text never contains a secret.
type FetchError struct {
	Doing  string // what failed; "" is fetching the document
	Status int    // of the HTTP answer, 0 when there was none
	Cause  string // the likely cause and what to do about it; may be empty
	// After is how long upstream asks to wait before the next request, 0 when it does
	// not say.
	After time.Duration
	// Reached is why the response was not usable, or did not come, where the adapter knows that better
	// than Status says: OutcomeTimeout, OutcomeDNS and the like; may be empty.
	Reached Outcome
	Err     error // what happened
}

func (e *FetchError) Error() string {
	doing := e.Doing
	if doing == "" {
		doing = "fetching the document"
	}
	return failureText(doing, e.Status, e.Cause, e.Err)
}

// Unwrap returns Err.
func (e *FetchError) Unwrap() error { return e.Err }

// failureText is the text of an error of upstream's.
func failureText(doing string, status int, cause string, err error) string {
	text := doing + ": "
	switch {
	case err != nil:
		text += err.Error()
	case status != 0:
		text += fmt.Sprintf("upstream answered %d", status)
	default:
		text += "it failed"
	}
	if cause != "" {
		text += " (" + cause + ")"
	}
	return text
}
