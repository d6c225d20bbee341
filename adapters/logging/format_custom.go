package logging

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
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
}

// newCustom compiles a format. style is "%", "{" or "$"; an empty format is
// Python's default, the message alone. date is that of asctime.
func newCustom(format, style string, date string, started time.Time) (*custom, error) {
	var pieces []piece
	var err error
	switch style {
	case "%":
		pieces, err = parsePercent(cmpOr(format, "%(message)s"))
	case "{":
		pieces, err = parseBrace(cmpOr(format, "{message}"))
	case "$":
		pieces, err = parseDollar(cmpOr(format, "${message}"))
	}
	if err != nil {
		return nil, err
	}
	c := &custom{pieces: pieces, date: date, started: started, pid: int64(os.Getpid())}
	for _, p := range pieces {
		switch p.name {
		case "":
			continue
		case "pathname", "filename", "module", "lineno", "funcName":
			c.needPath = true
		}
		k, ok := attributeKind(p.name)
		if !ok {
			return nil, fmt.Errorf("unknown attribute %s; allowed are %s", show(p.name), attributeNames)
		}
		if k == text && p.spec.isNumeric() {
			return nil, fmt.Errorf("attribute %s is text and cannot be shown as %q", show(p.name), string(p.spec.verb))
		}
	}
	return c, nil
}

func cmpOr(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// kind is what an attribute's value is.
type kind int

const (
	text kind = iota
	integer
	decimal
)

const attributeNames = "asctime, created, filename, funcName, levelname, levelno, lineno, message, module, msecs, name, " +
	"pathname, process, processName, relativeCreated, thread, threadName"

func attributeKind(name string) (kind, bool) {
	switch name {
	case "asctime", "filename", "funcName", "levelname", "message", "module", "name", "pathname", "processName", "threadName":
		return text, true
	case "levelno", "lineno", "process", "thread":
		return integer, true
	case "created", "msecs", "relativeCreated":
		return decimal, true
	}
	return 0, false
}

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
		if p.name == "" {
			buf = append(buf, p.literal...)
			continue
		}
		buf = p.spec.append(buf, c.attribute(p.name, l))
	}
	return buf
}

// attribute is the value of an attribute. A line without a place in the code
// has an empty file and line 0. The process has one name, as Python's has, and
// no threads to distinguish: thread is the process id, which on Linux is also
// the id of its main thread.
func (c *custom) attribute(name string, l *line) value {
	switch name {
	case "asctime":
		return textValue(c.asctime(l.at))
	case "created":
		return decimalValue(float64(l.at.UnixMicro()) / 1e6)
	case "filename":
		return textValue(base(l.frame.File))
	case "funcName":
		return textValue(l.frame.Function[strings.LastIndexByte(l.frame.Function, '.')+1:])
	case "levelname":
		return textValue(levelName(l.level))
	case "levelno":
		return integerValue(levelNumber(l.level))
	case "lineno":
		return integerValue(int64(l.frame.Line))
	case "module":
		return textValue(strings.TrimSuffix(base(l.frame.File), ".go"))
	case "msecs":
		return decimalValue(float64(l.at.Nanosecond() / int(time.Millisecond)))
	case "name":
		return textValue(string(appendPrintable(nil, l.logger, false)))
	case "pathname":
		return textValue(l.frame.File)
	case "process", "thread":
		return integerValue(c.pid)
	case "processName":
		return textValue("MainProcess")
	case "relativeCreated":
		return decimalValue(float64(l.at.Sub(c.started).Microseconds()) / 1e3)
	case "threadName":
		return textValue("MainThread")
	}
	return textValue(string(l.message))
}

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
