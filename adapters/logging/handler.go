package logging

import (
	"context"
	"log/slog"
	"slices"
	"strings"
)

// handler is a slog.Handler that writes to the sinks of a logger.
type handler struct {
	l     *Loggers
	node  *node
	scope []scope // what With and WithGroup added, in order
}

// scope is an opened group when name is not empty, else attributes.
type scope struct {
	name  string
	attrs []slog.Attr
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool { return h.node.enabled(level) }

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return h.with(scope{attrs: attrs})
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.with(scope{name: strings.ToValidUTF8(name, "\ufffd")})
}

func (h *handler) with(s scope) *handler {
	return &handler{l: h.l, node: h.node, scope: append(slices.Clip(h.scope), s)}
}

// Handle implements slog.Handler. It never fails: see Loggers.Lost.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	line := record{at: r.Time, level: r.Level, logger: h.node.name, event: r.Message, pc: r.PC}
	if line.at.IsZero() || h.l.fixedClock {
		line.at = h.l.now()
	}
	in := &line.attrs
	for _, s := range h.scope {
		if s.name != "" {
			in = in.open(s.name)
		}
		for _, a := range s.attrs {
			in.add(a, 0)
		}
	}
	r.Attrs(func(a slog.Attr) bool {
		in.add(a, 0)
		return true
	})
	line.attrs.prune()
	for _, s := range h.node.sinks {
		if r.Level >= s.level {
			buf := h.l.takeBuffer()
			*buf = finish(s.format.appendRecord(*buf, &line))
			s.target.write(*buf)
			h.l.giveBuffer(buf)
		}
	}
	return nil
}

// finish ends a line.
func finish(line []byte) []byte { return append(redact(line), '\n') }
