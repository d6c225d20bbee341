package tracing

import (
	"context"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// counts count spans.
type counts struct{ ended, sent, failed atomic.Int64 }

// Counts are how many spans were handed to the exporter's queue, arrived at the
// collector, and were refused by it or lost on the way.
type Counts struct{ Ended, Sent, Failed int64 }

// Counts returns the counts since the start. After Shutdown, spans that ended and were
// not sent and did not fail were dropped because the queue was full.
func (t *Tracing) Counts() Counts {
	return Counts{t.counts.ended.Load(), t.counts.sent.Load(), t.counts.failed.Load()}
}

// counting counts the spans that reach a processor.
type counting struct {
	sdktrace.SpanProcessor
	*counts
}

func (c counting) OnEnd(s sdktrace.ReadOnlySpan) {
	c.ended.Add(1)
	c.SpanProcessor.OnEnd(s)
}

// counted counts the spans that an exporter sends.
type counted struct {
	sdktrace.SpanExporter
	*counts
}

func (c counted) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := c.SpanExporter.ExportSpans(ctx, spans)
	if err != nil {
		c.failed.Add(int64(len(spans)))
	} else {
		c.sent.Add(int64(len(spans)))
	}
	return err
}
