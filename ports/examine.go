package ports

import (
	"context"
	"errors"
)

// ErrInUse: another process has the backend, which serves one at a time. Only opening a
// store returns it.
var ErrInUse = errors.New("store in use by another process")

// StoreFinding is something about a store's backend that an operator should change. Its
// texts hold no secrets.
type StoreFinding struct {
	What string // what is not as it should be, as a sentence
	Do   string // what to do about it
	// Broken says that the store does not work with it, at least for some documents.
	Broken bool
}

// Examiner is an optional interface of a Store that knows how its backend should be set
// up.
type Examiner interface {
	// Examine returns what an operator should change, nothing where all is well. It is
	// not called while the store serves, and changes nothing. Errors: ErrUnavailable,
	// ErrClosed, or that the backend does not say how it is set up.
	Examine(ctx context.Context) ([]StoreFinding, error)
}
