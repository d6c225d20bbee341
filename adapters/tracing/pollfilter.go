package tracing

import (
	"context"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// slowPoll is how long a poll must take to be of interest by that alone.
const slowPoll = time.Second

// pollFilter passes on all spans but those of scheduled polls in which nothing changed,
// failed or was slow: an upstream that is polled every few seconds would make nothing
// but noise. The spans of a poll are held until it ends.
type pollFilter struct {
	sdktrace.SpanProcessor

	mu   sync.Mutex
	held map[trace.TraceID][]sdktrace.ReadOnlySpan
}

func newPollFilter(next sdktrace.SpanProcessor) *pollFilter {
	return &pollFilter{SpanProcessor: next, held: map[trace.TraceID][]sdktrace.ReadOnlySpan{}}
}

// OnStart implements sdktrace.SpanProcessor.
func (f *pollFilter) OnStart(parent context.Context, s sdktrace.ReadWriteSpan) {
	if isScheduledPoll(s) {
		f.mu.Lock()
		f.held[s.SpanContext().TraceID()] = nil
		f.mu.Unlock()
	}
	f.SpanProcessor.OnStart(parent, s)
}

// OnEnd implements sdktrace.SpanProcessor.
func (f *pollFilter) OnEnd(s sdktrace.ReadOnlySpan) {
	id := s.SpanContext().TraceID()
	f.mu.Lock()
	spans, holds := f.held[id]
	switch {
	case !holds:
		spans = []sdktrace.ReadOnlySpan{s}
	case !isScheduledPoll(s):
		f.held[id] = append(spans, s)
		spans = nil
	default:
		delete(f.held, id)
		if !ofInterest(s) {
			spans = nil
			break
		}
		spans = append(spans, s)
	}
	f.mu.Unlock()
	for _, s := range spans {
		f.SpanProcessor.OnEnd(s)
	}
}

// isScheduledPoll reports whether a span is that of a poll which nothing but the
// schedule caused.
func isScheduledPoll(s sdktrace.ReadOnlySpan) bool {
	return s.Name() == pollName && !s.Parent().IsValid()
}

// ofInterest reports whether something has changed, failed or was slow in a poll.
func ofInterest(poll sdktrace.ReadOnlySpan) bool {
	if poll.Status().Code == failed || poll.EndTime().Sub(poll.StartTime()) >= slowPoll {
		return true
	}
	for _, a := range poll.Attributes() {
		if a.Key == attrChanged {
			return a.Value.AsBool()
		}
	}
	return false
}
