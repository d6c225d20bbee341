package logging

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/edge-proxy/edge-proxy/domain"
)

// handler is a slog.Handler that writes to the sinks of a logger.
type handler struct {
	name  *named
	scope []scope // what With and WithGroup added, in order
}

// named is a logger by its name, whatever generation says about it.
type named struct {
	l        *Loggers
	name     string
	resolved atomic.Pointer[resolved]
}

// resolved is what a generation says about a logger.
type resolved struct {
	by   *generation
	node *node
}

// in returns the logger as g has it.
func (n *named) in(g *generation) *node {
	if r := n.resolved.Load(); r != nil && r.by == g {
		return r.node
	}
	r := &resolved{g, g.hierarchy.node(n.name)}
	n.resolved.Store(r)
	return r.node
}

// scope is an opened group when name is not empty, else attributes.
type scope struct {
	name  string
	attrs []slog.Attr
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return h.name.in(h.name.l.current.Load()).enabled(level)
}

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
	return &handler{name: h.name, scope: append(slices.Clip(h.scope), s)}
}

// Handle implements slog.Handler. It never fails: see Loggers.Lost.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	l := h.name.l
	g := l.use()
	defer g.inUse.RUnlock()
	node := h.name.in(g)
	line := record{at: r.Time, level: r.Level, logger: node.name, event: r.Message, pc: r.PC}
	if line.at.IsZero() || l.fixedClock {
		line.at = l.now()
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
	if r.Level >= node.floor {
		l.counts.add(r.Level)
	}
	for _, s := range node.sinks {
		if r.Level >= s.level {
			buf := l.takeBuffer()
			*buf = finish(s.format.appendRecord(*buf, &line))
			s.target.write(*buf)
			l.giveBuffer(buf)
		}
	}
	return nil
}

// finish ends a line.
func finish(line []byte) []byte { return endLine(domain.RedactServerKeysInPlace(line)) }

// endLine is finish for a line that has no key.
func endLine(line []byte) []byte { return append(line, '\n') }
