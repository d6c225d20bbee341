package logging

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/edge-proxy/edge-proxy/domain"
)

// openFile is the file of a handler, open.
type openFile struct {
	key    fileKey
	target *target
}

// fileKey is what makes a file of the next generation one that is open already:
// the handler's name, and all that its declaration says about the file.
type fileKey struct {
	handler string
	fileConfig
}

// open opens every handler, as Python does, be it used by a logger or not. Files
// that are open already, in files, are taken over, and no file is emptied again
// that a handler has open. On an error nothing is open that was not before.
func (l *Loggers) open(o Options, cfg config, formatters map[string]formatter, open []openFile) (map[string]sink, []openFile, error) {
	sinks := make(map[string]sink, len(cfg.handlers))
	var files, opened []openFile
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(cfg.handlers)) {
		h := cfg.handlers[name]
		s := sink{level: h.level, format: formatters[h.format]}
		switch {
		case h.class == classNull:
		case h.stream != "":
			// Handlers of one stream share a target, so that their lines keep in order.
			if g, ok := s.format.(generic); ok {
				g.colours = o.Colours
				s.format = g
			}
			s.target = l.stdout
			if h.stream == streamStderr {
				s.target = l.stderr
			}
		default:
			f := openFile{key: fileKey{name, h.fileConfig}}
			if i := slices.IndexFunc(open, func(other openFile) bool { return other.key == f.key }); i >= 0 {
				f = open[i]
			} else {
				h.truncate = h.truncate && !slices.ContainsFunc(open, func(other openFile) bool { return other.key.filename == h.filename })
				out, err := l.openFile(h)
				if err != nil {
					errs = append(errs, errors.New(string(domain.RedactServerKeysInPlace([]byte(err.Error())))))
					continue
				}
				f.target = l.newTarget(show(h.filename), out)
				opened = append(opened, f)
			}
			s.target = f.target
			files = append(files, f)
		}
		sinks[name] = s
	}
	if len(errs) > 0 {
		for _, f := range opened {
			errs = append(errs, f.target.close(context.Background())) // nothing waits
		}
		return nil, nil, errors.Join(errs...)
	}
	return sinks, files, nil
}

func (l *Loggers) openFile(h handlerConfig) (*file, error) {
	f := &file{path: h.filename, now: l.now, truncate: h.truncate}
	switch {
	case !h.rotates():
	case h.schedule == schedule{}:
		f.rotate = bySize{max: h.maxBytes, backups: h.backups}
	default:
		// A file of an earlier run goes on with the interval it was in.
		since := l.now()
		info, err := os.Stat(h.filename)
		switch {
		case err == nil:
			since = info.ModTime().In(since.Location())
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("%s: %s: %w", h.path, show(h.filename), err)
		}
		f.rotate = &byTime{schedule: h.schedule, backups: h.backups, nextAt: h.schedule.next(since)}
	}
	if h.delay {
		return f, nil
	}
	if err := f.open(); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", h.path, show(h.filename), err)
	}
	return f, nil
}
