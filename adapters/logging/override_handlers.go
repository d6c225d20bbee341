package logging

import (
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	classStream   = "logging.StreamHandler"
	classFile     = "logging.FileHandler"
	classSize     = "logging.handlers.RotatingFileHandler"
	classTime     = "logging.handlers.TimedRotatingFileHandler"
	classNull     = "logging.NullHandler"
	classNames    = classFile + ", " + classStream + ", " + classSize + ", " + classTime + ", " + classNull
	streamStdout  = "ext://sys.stdout"
	streamStderr  = "ext://sys.stderr"
	noFilters     = "filters have no equivalent here; use levels and propagate"
	allowedFormat = "no such formatter; declared are %s"
)

// handlerConfig is one handler, checked but not opened.
type handlerConfig struct {
	class  string // "" when the declaration is wrong
	level  slog.Level
	format string // the name of a formatter
	stream string
	path   string // where its file is declared, for errors
	fileConfig
}

// fileConfig is what a declaration says about a handler's file.
type fileConfig struct {
	filename        string
	truncate, delay bool
	maxBytes        int64
	backups         int
	schedule        schedule // zero for none
}

func (c *compiler) readHandler(o object) handlerConfig {
	h := handlerConfig{path: join(o.path, "filename"), class: o.text("class", "")}
	common := []string{"class", "level", "formatter", "filters"}
	files := append(common, "filename", "mode", "encoding", "delay", "errors")
	switch h.class {
	case classNull:
		o.only(common...)
	case classStream:
		o.only(append(common, "stream")...)
		h.stream = o.oneOf("stream", streamStderr, streamStdout, streamStderr)
	case classFile:
		o.only(files...)
		c.readFile(o, &h)
	case classSize:
		o.only(append(files, "maxBytes", "backupCount")...)
		c.readFile(o, &h)
		h.maxBytes = o.integer("maxBytes", 0, 0)
		h.backups = backupCount(o)
		if h.maxBytes > 0 {
			h.truncate = false // as in Python: what was logged is to be rotated
		}
	case classTime:
		o.only(append(slices.DeleteFunc(files, func(k string) bool { return k == "mode" }),
			"when", "interval", "backupCount", "utc", "atTime")...)
		c.readFile(o, &h)
		h.backups = backupCount(o)
		h.schedule = readSchedule(o)
	default:
		if o.has("()") {
			o.problem("()", "factories have no equivalent here; give a class: %s", classNames)
			return handlerConfig{}
		}
		if _, said := o.members["class"].(string); said || !o.has("class") {
			o.problem("class", "allowed are %s", classNames)
		}
		return handlerConfig{}
	}
	o.none("filters", noFilters)
	h.level = c.readLevel(o)
	h.format = o.text("formatter", c.o.Format)
	if _, ok := c.formatters[h.format]; !ok {
		o.problem("formatter", allowedFormat, strings.Join(slices.Sorted(maps.Keys(c.formatters)), ", "))
	}
	return h
}

func backupCount(o object) int {
	const most = 100_000
	n := o.integer("backupCount", 0, 0)
	if n > most {
		o.problem("backupCount", "allowed are 0 to %d", most)
		return 0
	}
	return int(n)
}

// readFile reads what all handlers of files have in common. Lines are UTF-8,
// which no value fails to encode to, so errors has no effect.
func (c *compiler) readFile(o object, h *handlerConfig) {
	before := len(c.p.list)
	h.filename = o.text("filename", "")
	if len(c.p.list) > before {
		return
	}
	h.truncate = o.oneOf("mode", "a", "a", "w") == "w"
	h.delay = o.boolean("delay", false)
	o.oneOf("encoding", "utf-8", "utf-8", "utf8", "utf_8")
	o.oneOf("errors", "strict", "strict", "ignore", "replace", "backslashreplace", "surrogateescape")
	if h.filename == "" || strings.ContainsRune(h.filename, 0) {
		o.problem("filename", "must be the path of a file")
		return
	}
	if err := checkParent(h.filename); err != nil {
		o.problem("filename", "%v", err)
	}
}

func readSchedule(o object) schedule {
	when := o.text("when", "h")
	s, ok := parseSchedule(when)
	if !ok {
		o.problem("when", "allowed are S, M, H, D, MIDNIGHT, W0 (Monday) to W6")
	}
	const most = 1_000_000 // of any unit: keeps times within what a duration holds
	n := o.integer("interval", 1, 1)
	if n > most || s.unit > 0 && n > int64(100*365*24*time.Hour/s.unit) {
		o.problem("interval", "is too long")
		n = 1
	}
	s.interval = int(n)
	s.utc = o.boolean("utc", false)
	if at := o.text("atTime", ""); at != "" {
		t, err := time.Parse("15:04:05", at)
		if err != nil {
			t, err = time.Parse("15:04", at)
		}
		if err != nil {
			o.problem("atTime", "must be a time of day, HH:MM or HH:MM:SS")
		}
		s.at = t.Sub(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC))
	}
	return s
}

// rotates tells whether a handler ever puts its file aside. With either number
// zero, RotatingFileHandler never does, as in Python.
func (f fileConfig) rotates() bool {
	return f.schedule != schedule{} || f.maxBytes > 0 && f.backups > 0
}

// checkSharedFiles refuses a file that is rotated under another handler's feet.
func (c *compiler) checkSharedFiles(path string, handlers map[string]handlerConfig) {
	first := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(handlers)) {
		h := handlers[name]
		if h.filename == "" {
			continue
		}
		file, err := filepath.Abs(h.filename)
		if err != nil {
			file = filepath.Clean(h.filename)
		}
		other, taken := first[file]
		if !taken {
			first[file] = name
			continue
		}
		if h.rotates() || handlers[other].rotates() {
			c.p.add(join(join(path, name), "filename"), h.filename,
				"is the file of handler %s too, and one of them rotates it; give each its own, or both loggers one handler", show(other))
		}
	}
}
