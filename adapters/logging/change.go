package logging

import (
	"context"
	"slices"
	"sync"
)

// generation holds the loggers of one set of options. It is immutable but for the
// lock.
type generation struct {
	hierarchy hierarchy
	access    *node // nil while the access log is off
	files     []openFile

	// inUse is held for reading while lines are written. It is locked once, after
	// another generation has replaced this one: then nothing writes to files that
	// only this one has open.
	inUse sync.RWMutex
}

func (g *generation) accessEnabled() bool { return g.access != nil && g.access.enabled(accessLevel) }

// targets returns the generation's files.
func (g *generation) targets() []*target {
	var all []*target
	for _, f := range g.files {
		all = append(all, f.target)
	}
	return all
}

// use returns the current generation with inUse held for reading. It does not
// wait.
func (l *Loggers) use() *generation {
	for {
		if g := l.current.Load(); g.inUse.TryRLock() {
			return g
		}
		// It was replaced in this moment, and its successor is current already.
	}
}

// Change is a new set of options that waits to be committed.
type Change struct {
	l    *Loggers
	next *generation
}

// Prepare checks options as New does and opens their destinations beside the present
// ones. Loggers do not change until the Change is committed. Commit or Discard must be
// called before Prepare is called again. Stdout, Stderr and Now stay those that New got.
// A file stays open when a handler of the same name has it open with the same
// settings. The error is that of New.
func (l *Loggers) Prepare(o Options) (*Change, error) {
	var p problems
	level := normalise(&o, &p)
	c := compiler{o: o, p: &p, started: l.started}
	cfg := c.compile()
	if err := p.err(); err != nil {
		return nil, err
	}
	var open []openFile
	if current := l.current.Load(); current != nil {
		open = current.files
	}
	sinks, files, err := l.open(o, cfg, c.formatters, open)
	if err != nil {
		return nil, err
	}
	cfg.setLevels(o.Levels)
	next := &generation{hierarchy: hierarchy{loggers: cfg.loggers, sinks: sinks, base: level}, files: files}
	if o.EnableAccessLog || len(cfg.loggers[accessLogger].handlers) > 0 {
		next.access = next.hierarchy.node(accessLogger)
	}
	return &Change{l, next}, nil
}

// AccessEnabled is what Loggers.AccessEnabled returns once the change is committed.
func (c *Change) AccessEnabled() bool { return c.next.accessEnabled() }

// Commit applies the options to every logger, including those handed out before. Each
// line follows either the old or the new options; none is lost or written twice. Files
// that are no longer used are closed after the lines in progress, for which Commit does
// not wait. After Close it does nothing.
func (c *Change) Commit() {
	l := c.l
	l.changing.Lock()
	defer l.changing.Unlock()
	old := l.current.Load()
	if l.isClosed {
		closeAll(l, c.next.targetsBeside(old))
		return
	}
	l.current.Store(c.next)
	if old == nil {
		return
	}
	over := old.targetsBeside(c.next)
	l.retiring.Go(func() { // ends with the lines being written; Close waits for it
		old.inUse.Lock()
		closeAll(l, over)
	})
}

// Discard closes what Prepare opened.
func (c *Change) Discard() { closeAll(c.l, c.next.targetsBeside(c.l.current.Load())) }

// targetsBeside returns the files that g has open and other does not.
func (g *generation) targetsBeside(other *generation) []*target {
	theirs := other.targets()
	return slices.DeleteFunc(g.targets(), func(t *target) bool { return slices.Contains(theirs, t) })
}

func closeAll(l *Loggers, targets []*target) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	for _, t := range targets {
		if err := t.close(ctx); err != nil {
			l.report(t, err)
		}
	}
}
