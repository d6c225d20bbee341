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

// levels are the levels that lines are shown with, the most severe first.
var levels = [...]struct {
	level  slog.Level
	name   string // Python's
	lower  string // as structlog writes it
	colour string // on a terminal
}{
	{LevelCritical, "CRITICAL", "critical", "\x1b[1;31m"}, // bold red
	{slog.LevelError, "ERROR", "error", "\x1b[31m"},       // red
	{slog.LevelWarn, "WARNING", "warning", "\x1b[33m"},    // yellow
	{slog.LevelInfo, "INFO", "info", "\x1b[32m"},          // green
	{slog.LevelDebug, "DEBUG", "debug", "\x1b[36m"},       // cyan
}

// shown returns the index in levels of the level that a line has in the log: of one
// between two levels that of the lower one, of one below all the last.
func shown(l slog.Level) int {
	l = shownLevel(l)
	for i := range levels {
		if l >= levels[i].level {
			return i
		}
	}
	return len(levels) - 1
}

const levelNames = "CRITICAL, ERROR, WARNING, INFO, DEBUG, NOTSET"

// ParseLevel reads one of Python's level names, in any case; WARN and FATAL
// are accepted as Python accepts them. The error names what is allowed.
func ParseLevel(name string) (slog.Level, error) {
	upper := strings.ToUpper(strings.TrimSpace(name))
	switch upper {
	case "FATAL":
		return LevelCritical, nil
	case "WARN":
		return slog.LevelWarn, nil
	case "NOTSET":
		return LevelNotSet, nil
	}
	for _, l := range levels {
		if l.name == upper {
			return l.level, nil
		}
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
