package app

import (
	"context"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Tracer records as traces what an App does in the background, so that one trace shows
// the way of a change from upstream until it is served. Methods are safe for concurrent
// use and never wait.
type Tracer interface {
	// Received records that this node was notified of a change. ctx may have the trace of
	// the request that brought the notice. The polls that it causes are linked with the
	// Trigger that is returned.
	Received(ctx context.Context, via Via, key domain.EnvironmentKey) Trigger
	// Poll begins the trace of a poll. The context that is returned must be that of its
	// steps.
	Poll(ctx context.Context, key domain.EnvironmentKey, via Via, triggers []Trigger) (context.Context, Span)
	// Step begins a step of the poll that ctx belongs to. Without a poll it does nothing.
	Step(ctx context.Context, s Step) (context.Context, Span)
}

// Trigger refers to a notice of a change. Only the Tracer that made it knows its type;
// nil refers to nothing.
type Trigger any

// Span is a part of a trace.
type Span interface {
	// End ends the span, once.
	End(r Result)
}

// Result is what came of a part of a trace.
type Result struct {
	Err     error         // nil: it succeeded
	Outcome ports.Outcome // of a poll or a request; "" otherwise
	// Digest is that of the document which a poll brought; zero when nothing has changed.
	Digest [32]byte
}

// Step is a kind of step of a poll.
type Step string

// The steps.
const (
	StepFetch    Step = "GET environment-document" // a request to upstream
	StepDecode   Step = "decode"
	StepCompile  Step = "compile"
	StepStorePut Step = "store.put"
	StepAnnounce Step = "announce" // from when the document is served until listeners know
)

// untraced is a Tracer that records nothing.
type untraced struct{}

func (untraced) Received(context.Context, Via, domain.EnvironmentKey) Trigger { return nil }
func (untraced) Poll(ctx context.Context, _ domain.EnvironmentKey, _ Via, _ []Trigger) (context.Context, Span) {
	return ctx, noSpan{}
}
func (untraced) Step(ctx context.Context, _ Step) (context.Context, Span) { return ctx, noSpan{} }

// noSpan is a Span of nothing.
type noSpan struct{}

func (noSpan) End(Result) {}
