package tracing

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

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

// errorPause is the least time between two lines about errors of the exporter.
const errorPause = 5 * time.Minute

// exportErrors logs errors of the exporter, rarely.
type exportErrors struct {
	logger *slog.Logger

	mu   sync.Mutex
	last time.Time
	more int // errors since that were not logged
}

// Handle implements otel.ErrorHandler.
func (e *exportErrors) Handle(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now := time.Now(); e.last.IsZero() || now.Sub(e.last) >= errorPause {
		e.logger.Warn("traces_not_sent", "error", err, "further_errors", e.more, "hint", "check OTEL_EXPORTER_OTLP_ENDPOINT; requests are answered as before")
		e.last, e.more = now, 0
		return
	}
	e.more++
}
