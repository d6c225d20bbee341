package logging

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/ncruces/go-strftime"
)

// custom is a format of the operator's own, as Python's logging.Formatter
// reads it: literal text and attributes of the record.
type custom struct {
	pieces   []piece
	date     string    // of asctime, for strftime; "" is Python's default form
	started  time.Time // what relativeCreated counts from
	pid      int64
	needPath bool // some attribute tells where in the code the line came from
}

// piece is literal text, or an attribute when name is not empty.
type piece struct {
	literal string
	name    string
	spec    spec
	of      attribute // nil for literal text
}

// newCustom compiles a format. style is "%", "{" or "$"; an empty format is
// Python's default, the message alone. date is that of asctime.
func newCustom(format, style string, date string, started time.Time) (*custom, error) {
	var pieces []piece
	var err error
	switch style {
	case "%":
		pieces, err = parsePercent(cmp.Or(format, "%(message)s"))
	case "{":
		pieces, err = parseBrace(cmp.Or(format, "{message}"))
	case "$":
		pieces, err = parseDollar(cmp.Or(format, "${message}"))
	}
	if err != nil {
		return nil, err
	}
	c := &custom{pieces: pieces, date: date, started: started, pid: int64(os.Getpid())}
	for i, p := range pieces {
		switch p.name {
		case "":
			continue
		case "pathname", "filename", "module", "lineno", "funcName":
			c.needPath = true
		}
		of, ok := attributes[p.name]
		if !ok {
			return nil, fmt.Errorf("unknown attribute %s; allowed are %s", show(p.name), strings.Join(slices.Sorted(maps.Keys(attributes)), ", "))
		}
		pieces[i].of = of
		if of(c, &line{}).kind == text && p.spec.isNumeric() {
			return nil, fmt.Errorf("attribute %s is text and cannot be shown as %q", show(p.name), string(p.spec.verb))
		}
	}
	return c, nil
}

// kind is what an attribute's value is.
type kind int

const (
	text kind = iota
	integer
	decimal
)

// line is what a custom format draws from.
type line struct {
	at      time.Time
	level   slog.Level
	logger  string
	message []byte
	frame   runtime.Frame
}

func (c *custom) appendRecord(buf []byte, r *record) []byte {
	message := appendPrintable(nil, r.event, false)
	l := line{at: r.at, level: r.level, logger: r.logger, message: appendPairs(message, "", &r.attrs, noneReserved)}
	if c.needPath && r.pc != 0 {
		l.frame, _ = runtime.CallersFrames([]uintptr{r.pc}).Next()
	}
	return c.append(buf, &l)
}

func (c *custom) appendAccess(buf []byte, at time.Time, rec AccessRecord) []byte {
	return c.append(buf, &line{at: at, level: accessLevel, logger: accessLogger, message: rec.appendText(nil)})
}

func (c *custom) append(buf []byte, l *line) []byte {
	for _, p := range c.pieces {
		if p.of == nil {
			buf = append(buf, p.literal...)
			continue
		}
		buf = p.spec.append(buf, p.of(c, l))
	}
	return buf
}

// attribute returns what a format shows of a line. Its kind is the same for all lines.
type attribute func(c *custom, l *line) value

// attributes are the attributes of Python's records. A line without a place in the code
// has an empty file and line 0. The process has one name, as Python's has, and
// no threads to distinguish: thread is the process id, which on Linux is also
// the id of its main thread.
var attributes = map[string]attribute{
	"asctime":  func(c *custom, l *line) value { return textValue(c.asctime(l.at)) },
	"created":  func(_ *custom, l *line) value { return decimalValue(float64(l.at.UnixMicro()) / 1e6) },
	"filename": func(_ *custom, l *line) value { return textValue(base(l.frame.File)) },
	"funcName": func(_ *custom, l *line) value {
		return textValue(l.frame.Function[strings.LastIndexByte(l.frame.Function, '.')+1:])
	},
	"levelname": func(_ *custom, l *line) value { return textValue(levels[shown(l.level)].name) },
	"levelno":   func(_ *custom, l *line) value { return integerValue(levelNumber(l.level)) },
	"lineno":    func(_ *custom, l *line) value { return integerValue(int64(l.frame.Line)) },
	"message":   func(_ *custom, l *line) value { return textValue(string(l.message)) },
	"module":    func(_ *custom, l *line) value { return textValue(strings.TrimSuffix(base(l.frame.File), ".go")) },
	"msecs": func(_ *custom, l *line) value {
		return decimalValue(float64(l.at.Nanosecond() / int(time.Millisecond)))
	},
	"name":            func(_ *custom, l *line) value { return textValue(string(appendPrintable(nil, l.logger, false))) },
	"pathname":        func(_ *custom, l *line) value { return textValue(l.frame.File) },
	"process":         processID,
	"processName":     func(*custom, *line) value { return textValue("MainProcess") },
	"relativeCreated": func(c *custom, l *line) value { return decimalValue(float64(l.at.Sub(c.started).Microseconds()) / 1e3) },
	"thread":          processID,
	"threadName":      func(*custom, *line) value { return textValue("MainThread") },
}

func processID(c *custom, _ *line) value { return integerValue(c.pid) }

// asctime is in the zone of the record's time, which is the process's own, as
// in Python; the built-in formats are in UTC.
func (c *custom) asctime(at time.Time) string {
	if c.date == "" {
		return at.Format("2006-01-02 15:04:05,000")
	}
	return strftime.Format(c.date, at)
}

func base(path string) string {
	if path == "" {
		return ""
	}
	return filepath.Base(path)
}

var errUnfinished = errors.New("the format ends in the middle of an attribute")
