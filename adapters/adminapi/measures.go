package adminapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Operator is what an operator can change about which documents are served. app.App
// implements it. Its methods are called concurrently.
type Operator interface {
	// AcceptDocument is as that of app.App.
	AcceptDocument(ctx context.Context, key domain.EnvironmentKey) (digest string, err error)
}

// Measures returns the actions that change which documents are served: POST
// /environments/{key}/accept.
func Measures(o Operator) []Action {
	return []Action{{Pattern: "POST /environments/{key}/accept", Name: "accept", Do: func(ctx context.Context, call *Call) (any, error) {
		if err := call.Decode(&struct{}{}); err != nil {
			return nil, err
		}
		key := domain.EnvironmentKey(call.Path("key"))
		digest, err := o.AcceptDocument(ctx, key)
		if err != nil {
			return nil, measureError(err)
		}
		return map[string]string{"environment": string(key), "accepted": digest}, nil
	}}}
}

// measureError returns the refusal that an error of an Operator is, or the error.
func measureError(err error) error {
	switch {
	case errors.Is(err, app.ErrUnknownEnvironment):
		return &Refusal{http.StatusNotFound, err.Error() + "; /status.json lists those that it serves"}
	case errors.Is(err, app.ErrNothingHeldBack):
		return &Refusal{http.StatusConflict, err.Error()}
	case errors.Is(err, ports.ErrConflict):
		return &Refusal{http.StatusConflict, "other nodes have changed the same; try again"}
	case errors.Is(err, ports.ErrUnavailable):
		return &Refusal{http.StatusServiceUnavailable, "nothing was changed, because the store does not answer; try again once it does"}
	default:
		return fmt.Errorf("changing what is served: %w", err)
	}
}
