package logging

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"
)

const overridePath = "logging.override"

// Names that are there without being declared.
const (
	defaultHandler = "default"
	formatGeneric  = "generic"
	formatJSON     = "json"
)

// config is what the options and the override come to.
type config struct {
	handlers map[string]handlerConfig
	loggers  map[string]loggerConfig // the root's name is ""
}

// loggerConfig is what is said of one logger.
type loggerConfig struct {
	level     *slog.Level // nil: not said
	handlers  []string
	hasOwn    bool // handlers were said, be it none
	propagate bool
}

// compiler turns the settings into a config.
type compiler struct {
	o          Options
	p          *problems
	formatters map[string]formatter // nil under a name whose definition is wrong
	started    time.Time
}

func (c *compiler) compile() config {
	override := object{path: overridePath, members: c.o.Override, p: c.p}
	override.only("version", "disable_existing_loggers", "incremental", "formatters", "filters", "handlers", "loggers", "root")
	override.none("filters", noFilters)
	if override.integer("version", 0, 1) != 1 {
		override.problem("version", "allowed is 1")
	}
	override.boolean("disable_existing_loggers", false) // none exist
	if override.boolean("incremental", false) {
		override.problem("incremental", "allowed is false")
	}
	c.readFormatters(override.child("formatters"))
	cfg := config{handlers: c.readHandlers(override.child("handlers"))}
	cfg.loggers = c.readLoggers(override, cfg.handlers)
	return cfg
}

func (c *compiler) readFormatters(all object) {
	c.formatters = map[string]formatter{
		formatGeneric: newGeneric(),
		formatJSON:    newJSONLines(c.o.EventFieldName),
	}
	for _, name := range all.keys() {
		if f, ok := asObject(join(all.path, name), all.members[name], c.p); ok {
			c.formatters[name] = c.readFormatter(f)
		} else {
			c.formatters[name] = nil
		}
	}
}

func (c *compiler) readFormatter(o object) formatter {
	before := len(c.p.list)
	o.only("class", "format", "datefmt", "style", "validate")
	if class := o.text("class", "logging.Formatter"); class != "logging.Formatter" {
		o.problem("class", "allowed is logging.Formatter")
	}
	o.boolean("validate", true) // a wrong format is always refused
	style := o.oneOf("style", "%", "%", "{", "$")
	format, datefmt := o.text("format", ""), o.text("datefmt", "")
	if len(c.p.list) > before {
		return nil
	}
	if err := checkDate(datefmt); err != nil {
		o.problem("datefmt", "%v", err)
	}
	f, err := newCustom(format, style, datefmt, c.started)
	if err != nil {
		o.problem("format", "%v", err)
		return nil
	}
	return f
}

// readHandlers reads the declared handlers and adds the built-in one. A
// declaration of "default" without a class changes the built-in one.
func (c *compiler) readHandlers(all object) map[string]handlerConfig {
	handlers := map[string]handlerConfig{}
	for _, name := range all.keys() {
		o, ok := asObject(join(all.path, name), all.members[name], c.p)
		if !ok {
			handlers[name] = handlerConfig{}
			continue
		}
		if name == defaultHandler && !o.has("class") {
			o.members = maps.Clone(o.members)
			if o.members == nil {
				o.members = map[string]any{}
			}
			o.members["class"] = classStream
			if !o.has("stream") {
				o.members["stream"] = streamStdout
			}
		}
		handlers[name] = c.readHandler(o)
	}
	if _, declared := handlers[defaultHandler]; !declared {
		handlers[defaultHandler] = handlerConfig{class: classStream, stream: streamStdout, level: LevelNotSet, format: c.o.Format}
	}
	c.checkSharedFiles(all.path, handlers)
	return handlers
}

// readLoggers reads loggers and root, which is another name of the logger "".
func (c *compiler) readLoggers(override object, handlers map[string]handlerConfig) map[string]loggerConfig {
	loggers := map[string]loggerConfig{}
	all := override.child("loggers")
	for _, name := range all.keys() {
		o, ok := asObject(join(all.path, name), all.members[name], c.p)
		if !ok {
			continue
		}
		if name != "" && name != rootName && slices.Contains(strings.Split(name, "."), "") {
			c.p.note("%s: a logger's name is words with single dots between them", o.path)
			continue
		}
		loggers[canonical(name)] = c.readLogger(o, handlers)
	}
	if override.has("root") {
		said := c.readLogger(override.child("root"), handlers)
		root := loggers[""]
		if said.level != nil {
			root.level = said.level
		}
		if said.hasOwn {
			root.handlers, root.hasOwn = said.handlers, true
		}
		loggers[""] = root
	}
	root := loggers[""]
	if !root.hasOwn {
		root.handlers = []string{defaultHandler}
	}
	loggers[""] = root
	return loggers
}

func (c *compiler) readLogger(o object, handlers map[string]handlerConfig) loggerConfig {
	o.only("level", "handlers", "propagate", "filters")
	o.none("filters", noFilters)
	l := loggerConfig{handlers: o.texts("handlers"), hasOwn: o.has("handlers"), propagate: o.boolean("propagate", true)}
	if o.has("level") {
		level := c.readLevel(o)
		l.level = &level
	}
	for _, name := range l.handlers {
		if _, ok := handlers[name]; !ok {
			c.p.add(join(o.path, "handlers"), name, "no such handler; declared are %s",
				strings.Join(slices.Sorted(maps.Keys(handlers)), ", "))
		}
	}
	return l
}

// readLevel reads a level by name or, as Python allows, by number.
func (c *compiler) readLevel(o object) slog.Level {
	switch v := o.members["level"].(type) {
	case nil:
		return LevelNotSet
	case string:
		if level, err := ParseLevel(v); err == nil {
			return level
		}
	default:
		if n, ok := wholeNumber(v); ok && n >= 0 && n <= 1000 {
			return levelFromNumber(int(n))
		}
	}
	o.problem("level", "allowed are %s, or a number from 0 to 1000", levelNames)
	return LevelNotSet
}
