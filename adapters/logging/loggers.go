package logging

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options are the settings under logging.* (behaviour, section 4) and what a
// test puts in place of the process's own.
type Options struct {
	// Level is the root logger's: CRITICAL, ERROR, WARNING, INFO, DEBUG or
	// NOTSET, in any case. Empty is INFO.
	Level string
	// Format is that of the default handler, and of handlers that name no
	// formatter: generic or json. Empty is generic.
	Format string
	// EventFieldName is the member that holds the event in the json format.
	// Empty is "message".
	EventFieldName string
	// Colours has the generic format show levels in colour on standard output
	// and standard error. Files are never coloured.
	Colours bool
	// EnableAccessLog turns the access log on. Without it, handlers of
	// uvicorn.access in the override do.
	EnableAccessLog bool
	// Override is the JSON object of logging.override, parsed; nil is none. It
	// is read by New only, and not changed.
	Override map[string]any

	// Stdout and Stderr take the place of the process's when not nil. Calls of
	// their Write do not overlap, unless both are the same.
	Stdout, Stderr io.Writer
	// Now takes the place of the clock when not nil. It is called concurrently;
	// its location is that of
	// custom formats and of rotation by local time.
	Now func() time.Time
}

// Loggers holds the open loggers. All methods are safe for concurrent use.
type Loggers struct {
	hierarchy  hierarchy
	access     *node // nil while the access log is off
	base       *slog.LevelVar
	targets    []*target
	now        func() time.Time
	fixedClock bool
	lost       atomic.Uint64
	buffers    sync.Pool // of *[]byte

	closing sync.Once
	closed  error
}

// New checks the settings, opens the files and starts one goroutine for each
// destination of the access log, which Close ends. The error joins one line for
// every problem found: where it is, the value, and what is allowed. No file is
// opened or made unless all settings are right.
func New(o Options) (*Loggers, error) {
	var p problems
	level := normalise(&o, &p)
	c := compiler{o: o, p: &p, started: o.now()}
	cfg := c.compile()
	if err := p.err(); err != nil {
		return nil, err
	}
	l := &Loggers{base: new(slog.LevelVar), now: o.now, fixedClock: o.Now != nil}
	l.base.Set(level)
	l.buffers.New = func() any { return new(make([]byte, 0, 512)) }
	sinks, err := l.open(o, cfg.handlers, c.formatters)
	if err != nil {
		return nil, err
	}
	l.hierarchy = hierarchy{loggers: cfg.loggers, sinks: sinks, base: l.base}
	if o.EnableAccessLog || len(cfg.loggers[accessLogger].handlers) > 0 {
		l.access = l.hierarchy.node(accessLogger)
		for _, s := range l.access.sinks {
			s.target.startFlusher()
		}
	}
	return l, nil
}

// normalise checks the plain options and puts the defaults in.
func normalise(o *Options, p *problems) slog.Level {
	if o.Level == "" {
		o.Level = "INFO"
	}
	level, err := ParseLevel(o.Level)
	if err != nil {
		p.add("logging.log_level", o.Level, "allowed are %s", levelNames)
	}
	switch f := strings.ToLower(o.Format); f {
	case "":
		o.Format = formatGeneric
	case formatGeneric, formatJSON:
		o.Format = f
	default:
		p.add("logging.log_format", o.Format, "allowed are %s, %s", formatGeneric, formatJSON)
		o.Format = formatGeneric
	}
	switch o.EventFieldName {
	case "":
		o.EventFieldName = "message"
	case "timestamp", "level", "logger", "remote_addr", "method", "path", "http_version", "status", "duration_ms", "bytes":
		p.add("logging.log_event_field_name", o.EventFieldName, "is the name of another field")
	}
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	return level
}

func (o Options) now() time.Time {
	if o.Now != nil {
		return o.Now()
	}
	return time.Now()
}

// Logger returns the logger of a dotted name, "" or "root" being the root. It
// costs a few lookups: ask once, not per line.
func (l *Loggers) Logger(name string) *slog.Logger {
	return slog.New(&handler{l: l, node: l.hierarchy.node(name)})
}

// AccessEnabled tells whether Access writes anything, for callers that would
// gather a record in vain.
func (l *Loggers) AccessEnabled() bool {
	return l.access != nil && l.access.enabled(accessLevel)
}

// Access writes a line to the access log, or nothing while that is off. It
// never waits for a destination.
func (l *Loggers) Access(rec AccessRecord) {
	if !l.AccessEnabled() {
		return
	}
	at := rec.Time
	if at.IsZero() {
		at = l.now()
	}
	for _, s := range l.access.sinks {
		if accessLevel >= s.level {
			buf := l.takeBuffer()
			*buf = finish(s.format.appendAccess(*buf, at, rec))
			s.target.buffer(*buf)
			l.giveBuffer(buf)
		}
	}
}

// SetLevel changes the level given as Options.Level, at once and for every
// logger that inherits it. Levels from the override stay as they are.
func (l *Loggers) SetLevel(level string) error {
	parsed, err := ParseLevel(level)
	if err != nil {
		return fmt.Errorf("logging: %w", err)
	}
	l.base.Set(parsed)
	return nil
}

// Lost counts the lines that could not be written, access lines dropped for a
// destination that is stuck included.
func (l *Loggers) Lost() uint64 { return l.lost.Load() }

// Close writes what is buffered and closes the files; a second call returns
// what the first did. It waits for a write in progress. Loggers stay usable:
// what is logged later still reaches standard output and error, at once, and
// counts as lost for files.
func (l *Loggers) Close() error {
	l.closing.Do(func() {
		var errs []error
		for _, t := range l.targets {
			if err := t.close(); err != nil {
				errs = append(errs, fmt.Errorf("logging: closing %s: %w", t.name, err))
			}
		}
		l.closed = errors.Join(errs...)
	})
	return l.closed
}

// maxPooled keeps a rare long line from pinning its memory.
const maxPooled = 16 << 10

func (l *Loggers) takeBuffer() *[]byte {
	buf := l.buffers.Get().(*[]byte)
	*buf = (*buf)[:0]
	return buf
}

func (l *Loggers) giveBuffer(buf *[]byte) {
	if cap(*buf) <= maxPooled {
		l.buffers.Put(buf)
	}
}
