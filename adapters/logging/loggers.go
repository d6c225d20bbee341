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

	"github.com/edge-proxy/edge-proxy/domain"
)

// Options are the settings under logging.* (docs/spec/behaviour.md#logging) and what a
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
	// is not changed, and not read later.
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
	process    Options // Stdout, Stderr and Now only, which stay what they are
	started    time.Time
	fixedClock bool
	lost       atomic.Uint64
	buffers    sync.Pool // of *[]byte

	stdout, stderr *target
	current        atomic.Pointer[generation]

	changing sync.Mutex     // held while the current generation is replaced, or for good
	retiring sync.WaitGroup // generations that are being closed
	isClosed bool           // guarded by changing
	closed   error
}

// New checks the settings and opens what they name. Close ends what it starts:
// one goroutine for each destination of the access log. The error joins one line
// for every problem found: where it is, the value, and what is allowed. No file is
// opened or made unless all settings are right.
func New(o Options) (*Loggers, error) {
	l := &Loggers{fixedClock: o.Now != nil}
	l.process = Options{Stdout: o.Stdout, Stderr: o.Stderr, Now: o.Now}
	if l.process.Stdout == nil {
		l.process.Stdout = os.Stdout
	}
	if l.process.Stderr == nil {
		l.process.Stderr = os.Stderr
	}
	if l.process.Now == nil {
		l.process.Now = time.Now
	}
	l.started = l.now()
	l.buffers.New = func() any { return new(make([]byte, 0, 512)) }
	l.stderr = newTarget("standard error", stream{l.process.Stderr}, &l.lost, func(*target, error) {})
	l.stdout = newTarget("standard output", stream{l.process.Stdout}, &l.lost, l.report)
	change, err := l.Prepare(o)
	if err != nil {
		return nil, err
	}
	change.Commit()
	return l, nil
}

// Check returns the error that New would return for the settings as such. It opens
// nothing, so that it says nothing of files that cannot be opened.
func Check(o Options) error {
	var p problems
	normalise(&o, &p)
	c := compiler{o: o, p: &p}
	c.compile()
	return p.err()
}

// report tells of a destination that fails.
func (l *Loggers) report(t *target, err error) {
	// The only word about it: standard error is all that is left.
	line := domain.RedactServerKeysInPlace(fmt.Appendf(nil, "edge-proxy: logging: writing to %s: %v (lines may be lost; not reported again)", t.name, err))
	l.stderr.write(append(appendPrintable(nil, string(line), false), '\n'))
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
	return level
}

func (l *Loggers) now() time.Time { return l.process.Now() }

// Logger returns the logger of a dotted name, "" or "root" being the root. It
// goes by what is committed last, always. It costs a few lookups: ask once, not
// per line.
func (l *Loggers) Logger(name string) *slog.Logger {
	return slog.New(&handler{name: &named{l: l, name: name}})
}

// AccessEnabled tells whether Access writes anything, for callers that would
// gather a record in vain.
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
	for _, s := range g.access.sinks {
		if accessLevel >= s.level {
			buf := l.takeBuffer()
			*buf = end(s.format.appendAccess(*buf, at, rec))
			s.target.buffer(*buf)
			l.giveBuffer(buf)
		}
	}
}

// Lost counts the lines that could not be written, access lines dropped for a
// destination that is stuck included.
func (l *Loggers) Lost() uint64 { return l.lost.Load() }

// Close writes what is buffered and closes the files; a second call returns
// what the first did. It waits for a write in progress. Loggers stay usable:
// what is logged later still reaches standard output and error, at once, and
// counts as lost for files.
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
	for _, t := range append(l.current.Load().targets(), l.stdout, l.stderr) {
		if err := t.close(); err != nil {
			errs = append(errs, fmt.Errorf("logging: closing %s: %w", t.name, err))
		}
	}
	l.closed = errors.Join(errs...)
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
