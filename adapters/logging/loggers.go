package logging

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// Options are the settings under logging.* (docs/spec/behaviour.md#logging), and
// replacements for the process's streams and clock.
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
	// Override is the parsed JSON object of logging.override, or nil. It is read
	// only until New or Prepare returns, and not changed.
	Override map[string]any
	// Levels are levels that apply in place of all others, by the names of loggers: "" is
	// the root. Each is also that of all loggers below, unless one of them is in Levels.
	Levels map[string]slog.Level

	// Stdout and Stderr replace the process's when not nil. Calls of Write do not
	// overlap, unless both are the same writer.
	Stdout, Stderr io.Writer
	// Now replaces the clock when not nil. It is called concurrently. Its location
	// applies to custom formats and to rotation by local time.
	Now func() time.Time
}

// Loggers holds the open loggers. All methods are safe for concurrent use.
type Loggers struct {
	process    Options // Stdout, Stderr and Now only, which stay what they are
	started    time.Time
	fixedClock bool
	lost       atomic.Uint64
	counts     counts
	buffers    sync.Pool // of *[]byte

	stdout, stderr *target
	current        atomic.Pointer[generation]

	changing sync.Mutex     // held while the current generation is replaced, or for good
	retiring sync.WaitGroup // generations that are being closed
	isClosed bool           // guarded by changing
	closed   error
}

// New checks the settings and opens the destinations that they name. It starts one
// goroutine for each destination of the access log, which Close ends. The error has
// one line per problem: where it is, the value, and what is allowed. No file is
// opened or created unless all settings are right.
func New(o Options) (*Loggers, error) {
	l := &Loggers{fixedClock: o.Now != nil}
	l.process = Options{Stdout: cmp.Or[io.Writer](o.Stdout, os.Stdout), Stderr: cmp.Or[io.Writer](o.Stderr, os.Stderr), Now: o.Now}
	if l.process.Now == nil {
		l.process.Now = time.Now
	}
	l.started = l.now()
	l.buffers.New = func() any { return new(make([]byte, 0, 512)) }
	l.stderr = l.newTarget("standard error", stream{l.process.Stderr})
	l.stderr.report = func(*target, error) {} // to whom?
	l.stdout = l.newTarget("standard output", stream{l.process.Stdout})
	change, err := l.Prepare(o)
	if err != nil {
		return nil, err
	}
	change.Commit()
	return l, nil
}

// Check returns the error that New would return for the settings themselves. It opens
// nothing, so it does not find files that cannot be opened.
func Check(o Options) error {
	var p problems
	normalise(&o, &p)
	c := compiler{o: o, p: &p}
	c.compile()
	return p.err()
}

func (l *Loggers) newTarget(name string, out outlet) *target {
	return &target{name: name, out: out, lost: &l.lost, report: l.report, notice: l.notice}
}

// notice returns the line about lost lines in the format of a handler of t.
func (l *Loggers) notice(t *target, lost uint64) []byte {
	sinks := l.current.Load().hierarchy.sinks
	for _, name := range slices.Sorted(maps.Keys(sinks)) {
		if s := sinks[name]; s.target == t && s.level <= slog.LevelWarn {
			r := record{at: l.now(), level: slog.LevelWarn, logger: ownLogger, event: string(linesLost)}
			r.attrs.add(slog.Uint64("lines", lost), 0)
			l.counts.add(r.level)
			return finish(s.format.appendRecord(nil, &r))
		}
	}
	return nil
}

// eventName is the name of an event that is not logged by a logger.
type eventName string

// linesLost is the event that lines were lost.
const linesLost eventName = "log_lines_lost"

// ownLogger is the name of the logger that writes about the log itself.
const ownLogger = "edge_proxy.logging"

// report writes to standard error that a destination fails.
func (l *Loggers) report(t *target, err error) {
	line := domain.RedactServerKeysInPlace(fmt.Appendf(nil, "edge-proxy: logging: writing to %s: %v (lines may be lost; not reported again)", t.name, err))
	l.stderr.write(append(appendPrintable(nil, string(line), false), '\n'))
}

// normalise checks the plain options and fills in the defaults.
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
	return level
}

func (l *Loggers) now() time.Time { return l.process.Now() }

// Logger returns the logger of a dotted name; "" and "root" are the root. It always
// follows the options that were committed last. It costs a few lookups: call it once,
// not per line.
func (l *Loggers) Logger(name string) *slog.Logger {
	return slog.New(&handler{name: &named{l: l, name: name}})
}

// AccessEnabled reports whether Access writes anything, so that callers need not
// build records in vain.
func (l *Loggers) AccessEnabled() bool { return l.current.Load().accessEnabled() }

// Access writes a line to the access log, or nothing while that is off. It
// never waits for a destination.
func (l *Loggers) Access(rec AccessRecord) {
	g := l.use()
	defer g.inUse.RUnlock()
	if !g.accessEnabled() {
		return
	}
	at := rec.Time
	if at.IsZero() {
		at = l.now()
	}
	end := endLine
	if rec.mayHoldKey() {
		end = finish
	}
	l.counts.add(accessLevel)
	for _, s := range g.access.sinks {
		if accessLevel >= s.level {
			buf := l.takeBuffer()
			*buf = end(s.format.appendAccess(*buf, at, rec))
			s.target.buffer(*buf)
			l.giveBuffer(buf)
		}
	}
}

// Lost returns the number of lines that could not be written, including access lines
// dropped because a destination was stuck.
func (l *Loggers) Lost() uint64 { return l.lost.Load() }

// Flush waits until the lines logged so far are written or lost, or ctx ends.
func (l *Loggers) Flush(ctx context.Context) {
	for _, t := range append(l.current.Load().targets(), l.stdout, l.stderr) {
		t.flush(ctx)
	}
}

// Close writes what is buffered and closes the files. After a second it gives up
// destinations that take no bytes; the lines for them are lost. A second call returns
// the result of the first. Loggers stay usable: later lines are written to standard
// output and error at once, and are lost for files.
func (l *Loggers) Close() error {
	l.changing.Lock()
	defer l.changing.Unlock()
	if l.isClosed {
		return l.closed
	}
	l.isClosed = true
	l.retiring.Wait()
	var errs []error
	// Standard error closes last: the others may still report to it.
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	for _, t := range append(l.current.Load().targets(), l.stdout, l.stderr) {
		if err := t.close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("logging: closing %s: %w", t.name, err))
		}
	}
	l.closed = errors.Join(errs...)
	return l.closed
}

// maxPooled is the largest buffer that is kept, so that a rare long line does not pin
// its memory.
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
