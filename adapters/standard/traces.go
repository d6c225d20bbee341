package standard

import (
	"context"
	"net/http"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/app"
)

// traces is what makes traces, in the parts that use it. The zero value makes none.
type traces struct {
	polls     app.Tracer     // nil: none
	requests  httpapi.Traces // nil: none
	propagate func(ctx context.Context, header http.Header)
	extract   func(r *http.Request) context.Context
	shutdown  func(ctx context.Context) error
}

// contextOf returns the context of a request, with the trace that its header names.
func (t traces) contextOf(r *http.Request) context.Context {
	if t.extract == nil {
		return r.Context()
	}
	return t.extract(r)
}

// close sends what is left, until ctx ends.
func (t traces) close(ctx context.Context) error {
	if t.shutdown == nil {
		return nil
	}
	return t.shutdown(ctx)
}
