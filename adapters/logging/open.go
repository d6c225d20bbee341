package logging

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
)

// open opens every handler, as Python does, be it used by a logger or not. On
// an error nothing stays open.
func (l *Loggers) open(o Options, handlers map[string]handlerConfig, formatters map[string]formatter) (map[string]sink, error) {
	// Handlers of one stream share a target, so that their lines keep in order.
	stderr := newTarget("standard error", stream{o.Stderr}, &l.lost, func(*target, error) {})
	report := func(t *target, err error) {
		// The only word about it: standard error is all that is left.
		line := redact(fmt.Appendf(nil, "edge-proxy: logging: writing to %s: %v (lines may be lost; not reported again)", t.name, err))
		stderr.write(append(appendPrintable(nil, string(line), false), '\n'))
	}
	stdout := newTarget("standard output", stream{o.Stdout}, &l.lost, report)

	sinks := make(map[string]sink, len(handlers))
	var files []*target
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(handlers)) {
		h := handlers[name]
		s := sink{level: h.level, format: formatters[h.format]}
		switch {
		case h.class == classNull:
		case h.stream != "":
			if g, ok := s.format.(generic); ok {
				g.colours = o.Colours
				s.format = g
			}
			s.target = stdout
			if h.stream == streamStderr {
				s.target = stderr
			}
		default:
			out, err := openFile(h, o)
			if err != nil {
				errs = append(errs, errors.New(string(redact([]byte(err.Error())))))
				continue
			}
			s.target = newTarget(show(h.filename), out, &l.lost, report)
			files = append(files, s.target)
		}
		sinks[name] = s
	}
	if len(errs) > 0 {
		for _, f := range files {
			errs = append(errs, f.close())
		}
		return nil, errors.Join(errs...)
	}
	// Standard error closes last: the others may still report to it.
	l.targets = append(files, stdout, stderr)
	return sinks, nil
}

func openFile(h handlerConfig, o Options) (*file, error) {
	f := &file{path: h.filename, now: o.now, truncate: h.truncate}
	switch {
	case !h.rotates():
	case h.schedule == nil:
		f.rotate = bySize{max: h.maxBytes, backups: h.backups}
	default:
		// A file of an earlier run goes on with the interval it was in.
		since := o.now()
		info, err := os.Stat(h.filename)
		switch {
		case err == nil:
			since = info.ModTime().In(since.Location())
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("%s: %s: %w", h.path, show(h.filename), err)
		}
		f.rotate = &byTime{schedule: *h.schedule, backups: h.backups, nextAt: h.schedule.next(since)}
	}
	if h.delay {
		return f, nil
	}
	if err := f.open(); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", h.path, show(h.filename), err)
	}
	return f, nil
}
