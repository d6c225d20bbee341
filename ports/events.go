package ports

import (
	"context"

	"github.com/edge-proxy/edge-proxy/domain"
)

// EventBatch is a part of the events that one kind of SDK sent with one key.
type EventBatch struct {
	Environment domain.EnvironmentKey
	// ServerKey is the server-side key that the events came with; zero: they came
	// with the client-side key.
	ServerKey domain.ServerKey
	SDK       string   // the SDK and its version, as it named itself; "" where it did not
	Events    []string // JSON objects, as they were sent; at least one
}

// EventReceipt is what upstream answered to a batch that it took.
type EventReceipt struct {
	Rejected int    // how many of the events upstream took but does not accept
	Reason   string // why it does not accept the first of them, "" where there is none
}

// EventSender takes events of experiments.
type EventSender interface {
	// SendEvents sends a batch and returns once upstream has taken it. It takes as
	// long as upstream does, bounded by the adapter's own time-out and by ctx.
	// Errors: the context's when it ended; otherwise a *ReportError. It keeps nothing
	// of the batch. Safe for concurrent use.
	SendEvents(ctx context.Context, b EventBatch) (EventReceipt, error)
}
