package adminapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/edge-proxy/edge-proxy/app/inspect"
)

// Questions returns the actions that answer questions about documents: POST /explain and
// POST /diff. They change nothing, and nothing of them is recorded.
func Questions(node *inspect.Node) []Action {
	question := func(name string, ask func(context.Context, []byte) (json.RawMessage, error)) Action {
		return Action{Pattern: "POST /" + name, Name: name, ReadsOnly: true, Do: func(ctx context.Context, call *Call) (any, error) {
			result, err := ask(ctx, call.Body())
			var wrong *inspect.RequestError
			if errors.As(err, &wrong) {
				return nil, &Refusal{statusOf(wrong.Kind), wrong.Error()}
			}
			return result, err
		}}
	}
	return []Action{question("explain", node.Explain), question("diff", node.Diff)}
}

func statusOf(kind inspect.ErrorKind) int {
	switch kind {
	case inspect.NotFound:
		return http.StatusNotFound
	case inspect.Unreachable:
		return http.StatusBadGateway
	default:
		return http.StatusBadRequest
	}
}
