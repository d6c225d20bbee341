package standard

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/logging"
)

// loggers opens the log.
func (w *wiring) loggers(s config.Settings) (*logging.Loggers, error) {
	options, err := loggingOptions(s)
	if err != nil {
		return nil, err
	}
	options.Stdout, options.Stderr = w.stdout, w.stderr
	return logging.New(options)
}

func loggingOptions(s config.Settings) (logging.Options, error) {
	override, err := loggingOverride(s)
	if err != nil {
		return logging.Options{}, err
	}
	return logging.Options{
		Level: s.Logging.LogLevel, Format: s.Logging.LogFormat, EventFieldName: s.Logging.LogEventFieldName,
		Colours: s.Logging.Colours, EnableAccessLog: s.Logging.EnableAccessLog, Override: override,
	}, nil
}

func loggingOverride(s config.Settings) (override map[string]any, err error) {
	if err := json.Unmarshal(s.Logging.Override, &override); err != nil {
		return nil, fmt.Errorf("logging.override: %w", err)
	}
	return override, nil
}

// libraryLog takes what libraries print with package log, as the lines of an event.
type libraryLog struct{ logger *slog.Logger }

// Write implements io.Writer. It never fails.
func (l libraryLog) Write(line []byte) (int, error) {
	l.logger.Warn("library_warning", "message", strings.TrimSpace(string(line)))
	return len(line), nil
}
