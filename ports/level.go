package ports

import "log/slog"

// LevelAlways is the level of lines that pass every threshold: an operator has to see
// that the proxy starts and stops, even where nothing else is logged. They are shown as
// INFO.
const LevelAlways = slog.Level(1 << 20)
