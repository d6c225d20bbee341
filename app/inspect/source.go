package inspect

import (
	"fmt"

	"github.com/edge-proxy/edge-proxy/domain"
)

// Source is the text of a document and where it comes from.
type Source struct {
	Name string // begins the errors about the document; "" does not
	Text string
}

// parse returns the document. The error wraps domain.ErrUnusable.
func (s Source) parse() (*domain.Environment, error) {
	e, _, err := domain.ParseEnvironment(s.Text)
	if err != nil {
		return nil, s.about(err)
	}
	return e, nil
}

// about returns an error with the name of the source.
func (s Source) about(err error) error {
	if s.Name == "" {
		return err
	}
	return fmt.Errorf("%s: %w", s.Name, err)
}
