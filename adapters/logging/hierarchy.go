package logging

import (
	"log/slog"
	"math"
	"strings"
)

// rootName is the name of the root logger in lines. Loggers are asked for by it or
// by the empty name.
const rootName = "root"

func canonical(name string) string {
	if name == rootName {
		return ""
	}
	return name
}

// sink is an opened handler.
type sink struct {
	level  slog.Level
	format formatter
	target *target // nil writes nothing
}

// node is one logger, with all it inherits. It is immutable.
type node struct {
	name  string
	level slog.Level // the effective level
	floor slog.Level // the lowest level any sink takes
	sinks []sink     // in the order of Python: its own, then its ancestors'
}

func (n *node) enabled(l slog.Level) bool { return l >= n.floor && l >= n.level }

// setLevels has levels apply in place of those of loggers and of all that are below them.
func (c *config) setLevels(levels map[string]slog.Level) {
	for name := range levels {
		name = canonical(name)
		for declared, l := range c.loggers {
			if declared != name && (name == "" || strings.HasPrefix(declared, name+".")) {
				l.level = nil
				c.loggers[declared] = l
			}
		}
	}
	for name, level := range levels {
		name = canonical(name)
		l, declared := c.loggers[name]
		if !declared {
			l.propagate = true
		}
		l.level = &level
		c.loggers[name] = l
	}
}

// hierarchy knows every declared logger.
type hierarchy struct {
	loggers map[string]loggerConfig
	sinks   map[string]sink
	base    slog.Level // the root's, unless the override has one
}

// node resolves a logger as Python does at each call.
func (h hierarchy) node(name string) *node {
	name = canonical(name)
	n := &node{name: name, floor: math.MaxInt}
	propagating, levelled := true, false
	for at := name; ; at = parent(at) {
		c, declared := h.loggers[at]
		if declared && !levelled && c.level != nil && (*c.level != LevelNotSet || at == "") {
			n.level, levelled = *c.level, true
		}
		if declared && propagating {
			for _, handler := range c.handlers {
				if s := h.sinks[handler]; s.target != nil {
					n.sinks = append(n.sinks, s)
					n.floor = min(n.floor, s.level)
				}
			}
			propagating = c.propagate
		}
		if at == "" {
			break
		}
	}
	if !levelled {
		n.level = h.base
	}
	if name == "" {
		n.name = rootName
	}
	return n
}

// parent is the name up to the last dot; the root's is empty.
func parent(name string) string {
	return name[:max(strings.LastIndexByte(name, '.'), 0)]
}
