package logging

import (
	"fmt"
	"log/slog"
	"math"
	"strings"

	"github.com/edge-proxy/edge-proxy/ports"
)

// Levels beside those of slog. A level of Python's n is the slog level
// (n-20)*4/10, which makes slog's own four the same as Python's.
const (
	// LevelCritical is Python's CRITICAL, above slog.LevelError.
	LevelCritical = slog.Level(12)
	// LevelNotSet is Python's NOTSET: on the root logger or a handler, every
	// line passes; on another logger, the level is inherited.
	LevelNotSet = slog.Level(math.MinInt32)
)

const levelNames = "CRITICAL, ERROR, WARNING, INFO, DEBUG, NOTSET"

// ParseLevel reads one of Python's level names, in any case; WARN and FATAL
// are accepted as Python accepts them. The error names what is allowed.
func ParseLevel(name string) (slog.Level, error) {
	switch strings.ToUpper(strings.TrimSpace(name)) {
	case "CRITICAL", "FATAL":
		return LevelCritical, nil
	case "ERROR":
		return slog.LevelError, nil
	case "WARNING", "WARN":
		return slog.LevelWarn, nil
	case "INFO":
		return slog.LevelInfo, nil
	case "DEBUG":
		return slog.LevelDebug, nil
	case "NOTSET":
		return LevelNotSet, nil
	}
	return 0, fmt.Errorf("level %s: allowed are %s", show(name), levelNames)
}

// levelFromNumber maps one of Python's numeric levels. It rounds up, so that a
// threshold between two named levels stays above the lower one.
func levelFromNumber(n int) slog.Level {
	if n <= 0 {
		return LevelNotSet
	}
	return slog.Level(math.Ceil(float64(n-20) * 4 / 10))
}

// levelNumber is Python's number of a level.
func levelNumber(l slog.Level) int64 { return 20 + int64(shownLevel(l))*10/4 }

// shownLevel is the level that a line has in the log.
func shownLevel(l slog.Level) slog.Level {
	if l >= ports.LevelAlways {
		return slog.LevelInfo
	}
	return l
}

// levelName is Python's name of a level, and of one between two names that of
// the lower one.
func levelName(l slog.Level) string {
	switch l = shownLevel(l); {
	case l >= LevelCritical:
		return "CRITICAL"
	case l >= slog.LevelError:
		return "ERROR"
	case l >= slog.LevelWarn:
		return "WARNING"
	case l >= slog.LevelInfo:
		return "INFO"
	}
	return "DEBUG"
}

// levelNameLower is levelName as structlog writes it.
func levelNameLower(l slog.Level) string {
	switch l = shownLevel(l); {
	case l >= LevelCritical:
		return "critical"
	case l >= slog.LevelError:
		return "error"
	case l >= slog.LevelWarn:
		return "warning"
	case l >= slog.LevelInfo:
		return "info"
	}
	return "debug"
}
