package ports

import (
	"context"

	"github.com/edge-proxy/edge-proxy/domain"
)

// EventBatch is events that SDKs of one version sent with one key.
type EventBatch struct {
	Environment domain.EnvironmentKey
	// ServerKey is the server-side key to send the events with. If it is zero, they are
	// sent with the client-side key.
	ServerKey domain.ServerKey
	SDK       string   // the name and version that the SDK gives itself; may be empty
	Events    []string // JSON objects, as they were sent; at least one
}

// EventReceipt is upstream's answer to a batch that it accepted.
type EventReceipt struct {
	Rejected int    // the number of events in it that upstream did not accept
	Reason   string // why it did not accept the first of them; may be empty
}

// EventSender sends the events of experiments to upstream.
type EventSender interface {
	// SendEvents sends a batch and returns when upstream has accepted it. It takes as
	// long as upstream does, bounded by the adapter's time-out and by ctx. Errors: the
	// context's when it ended; otherwise a *ReportError. It keeps nothing of the batch.
	// Safe for concurrent use.
	SendEvents(ctx context.Context, b EventBatch) (EventReceipt, error)
}
