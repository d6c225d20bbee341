package inspect

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/engine"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Verify checks that a stored document is one of its environment that can be served, and
// as old as the store says. It returns what is wrong with its rules, which are evaluated all
// the same. The error says why the document cannot be served.
func Verify(r ports.Record) ([]domain.Problem, error) {
	document, problems, err := domain.ParseEnvironment(string(r.Body))
	switch {
	case err != nil:
		return nil, err
	case document.APIKey != string(r.Key):
		return nil, fmt.Errorf("it is the document of the environment %s", document.APIKey)
	case document.UpdatedAt.Truncate(time.Microsecond).After(r.UpdatedAt.Truncate(time.Microsecond)):
		return nil, errors.New("it was updated later than the store says")
	}
	_, more := engine.Compile(document)
	return slices.Concat(problems, more), nil
}
