package tracing

import (
	"context"
	"encoding/hex"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// pollName is the name of a poll's span.
const pollName = "poll"

const failed = codes.Error

// The attributes of this program's own. The prefix keeps them apart from those of the
// semantic conventions.
const (
	attrEnvironment = attribute.Key("edge_proxy.environment") // the client-side key
	attrHash        = attribute.Key("edge_proxy.document.hash")
	attrCache       = attribute.Key("edge_proxy.cache")             // hit, miss or 304
	attrEvaluated   = attribute.Key("edge_proxy.evaluate.duration") // in seconds
	attrVia         = attribute.Key("edge_proxy.via")
	attrOutcome     = attribute.Key("edge_proxy.outcome")
	attrChanged     = attribute.Key("edge_proxy.changed")
)

var _ app.Tracer = (*Tracing)(nil)

// Received implements app.Tracer: the notice is a span of its own, in the trace that
// ctx has, if any.
func (t *Tracing) Received(ctx context.Context, via app.Via, key domain.EnvironmentKey) app.Trigger {
	attributes := []attribute.KeyValue{attrVia.String(string(via))}
	if key != "" {
		attributes = append(attributes, attrEnvironment.String(string(key)))
	}
	_, s := t.tracer.Start(ctx, "notice of a change", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(attributes...))
	defer s.End()
	return s.SpanContext()
}

// Poll implements app.Tracer. A poll that was triggered is in the trace of its last
// trigger, and has links to all. Of the others the ratio chooses.
func (t *Tracing) Poll(ctx context.Context, key domain.EnvironmentKey, via app.Via, triggers []app.Trigger) (context.Context, app.Span) {
	options := []trace.SpanStartOption{trace.WithAttributes(attrEnvironment.String(string(key)), attrVia.String(string(via)))}
	var parent trace.SpanContext
	for _, trigger := range triggers {
		if c, ok := trigger.(trace.SpanContext); ok && c.IsValid() {
			parent = c
			options = append(options, trace.WithLinks(trace.Link{SpanContext: c}))
		}
	}
	if !parent.IsValid() && !t.chosen() {
		return ctx, span{trace.SpanFromContext(context.Background())}
	}
	ctx, s := t.tracer.Start(trace.ContextWithSpanContext(ctx, parent), pollName, options...)
	return ctx, span{s}
}

// Step implements app.Tracer.
func (t *Tracing) Step(ctx context.Context, step app.Step) (context.Context, app.Span) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx, span{trace.SpanFromContext(context.Background())}
	}
	var options []trace.SpanStartOption
	if step == app.StepFetch {
		options = append(options, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(semconv.HTTPRequestMethodGet))
	}
	ctx, s := t.tracer.Start(ctx, string(step), options...)
	return ctx, span{s}
}

// span is a part of a poll.
type span struct{ of trace.Span }

// End implements app.Span.
func (s span) End(r app.Result) {
	if !s.of.IsRecording() {
		return
	}
	if r.Outcome != "" {
		s.of.SetAttributes(attrOutcome.String(string(r.Outcome)))
	}
	if changed := r.Digest != ([32]byte{}); changed {
		s.of.SetAttributes(attrChanged.Bool(true), attrHash.String(hex.EncodeToString(r.Digest[:8])))
	}
	if r.Err != nil {
		var fetch *ports.FetchError
		if errors.As(r.Err, &fetch) && fetch.Status != 0 {
			s.of.SetAttributes(semconv.HTTPResponseStatusCode(fetch.Status))
		}
		s.of.SetStatus(failed, r.Err.Error())
	}
	s.of.End()
}
