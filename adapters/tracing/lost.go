package tracing

import (
	"log/slog"
	"sync"
	"time"
)

// errorPause is the least time between two lines about what could not be sent.
const errorPause = 5 * time.Minute

// eventName is the name of a line in the log that is chosen apart from where it is
// written.
type eventName string

// lossLog logs that something could not be sent, rarely. It is safe for concurrent use.
type lossLog struct {
	logger *slog.Logger
	event  eventName
	effect string // for the hint

	mu   sync.Mutex
	last time.Time
	more int // errors since that were not logged
}

// Handle logs an error, or counts it for the next line. It implements otel.ErrorHandler.
func (l *lossLog) Handle(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); l.last.IsZero() || now.Sub(l.last) >= errorPause {
		l.logger.Warn(string(l.event), "error", err, "further_errors", l.more, "hint", "check OTEL_EXPORTER_OTLP_ENDPOINT; "+l.effect)
		l.last, l.more = now, 0
		return
	}
	l.more++
}
