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
	for i := range counts {
		counts[i] = LevelCount{Level: levels[i].lower, Lines: l.counts[i].Load()}
	}
	return counts
}

// counts has the number of lines of each of levels.
type counts [len(levels)]atomic.Uint64

// add counts a line by the level that it is shown with.
func (c *counts) add(level slog.Level) { c[shown(level)].Add(1) }
