package logging

import (
	"log/slog"
	"sync/atomic"
)

// LevelCount is how many lines of a level were logged.
type LevelCount struct {
	Level string // critical, error, warning, info or debug
	Lines uint64
}

// Counts returns how many lines were logged of each level since the start, the most
// severe level first. A line counts once, however many destinations it has, and also if
// it was lost later: see Lost. Lines that no destination has the level for do not count.
func (l *Loggers) Counts() []LevelCount {
	counts := make([]LevelCount, len(l.counts))
	for i, level := range countedLevels() {
		counts[i] = LevelCount{Level: levelNameLower(level), Lines: l.counts[i].Load()}
	}
	return counts
}

// counts has the number of lines of each of countedLevels.
type counts [5]atomic.Uint64

func countedLevels() [len(counts{})]slog.Level {
	return [...]slog.Level{LevelCritical, slog.LevelError, slog.LevelWarn, slog.LevelInfo, slog.LevelDebug}
}

// add counts a line. A level between two counts as the lower one, and one below all as
// the lowest.
func (c *counts) add(level slog.Level) {
	level = shownLevel(level)
	levels := countedLevels()
	for i := range c {
		if level >= levels[i] || i == len(c)-1 {
			c[i].Add(1)
			return
		}
	}
}
