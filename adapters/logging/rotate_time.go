package logging

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// schedule is when a TimedRotatingFileHandler rotates.
type schedule struct {
	unit     time.Duration // 0 for a time of day
	interval int           // of units, of days, or of weeks
	weekday  time.Weekday  // -1 for every day; with unit 0
	at       time.Duration // since midnight; with unit 0
	utc      bool
	layout   string // of the suffix of a file put aside
}

// parseSchedule reads when: S, M, H, D, MIDNIGHT or W0 (Monday) to W6.
func parseSchedule(when string) (schedule, bool) {
	s := schedule{weekday: -1, layout: "2006-01-02"}
	switch w := strings.ToUpper(when); w {
	case "S":
		s.unit, s.layout = time.Second, "2006-01-02_15-04-05"
	case "M":
		s.unit, s.layout = time.Minute, "2006-01-02_15-04"
	case "H":
		s.unit, s.layout = time.Hour, "2006-01-02_15"
	case "D":
		s.unit = 24 * time.Hour
	case "MIDNIGHT":
	case "W0", "W1", "W2", "W3", "W4", "W5", "W6":
		s.weekday = time.Weekday((w[1] - '0' + 1) % 7)
	default:
		return schedule{}, false
	}
	return s, true
}

func (s schedule) zone(t time.Time) time.Time {
	if s.utc {
		return t.UTC()
	}
	return t
}

// next is the first rotation after t.
func (s schedule) next(t time.Time) time.Time {
	t = s.zone(t)
	if s.unit != 0 {
		return t.Add(s.unit * time.Duration(s.interval))
	}
	days := 0
	for !s.on(t, days).After(t) || s.weekday >= 0 && s.on(t, days).Weekday() != s.weekday {
		days++
	}
	return s.on(t, days+(s.interval-1)*s.step())
}

// last is the beginning of the interval that ends with the rotation at t.
func (s schedule) last(t time.Time) time.Time {
	t = s.zone(t)
	if s.unit != 0 {
		return t.Add(-s.unit * time.Duration(s.interval))
	}
	return t.AddDate(0, 0, -s.interval*s.step())
}

// on is the time of day of rotation, days after t's day.
func (s schedule) on(t time.Time, days int) time.Time {
	h, m, sec := int(s.at.Hours()), int(s.at.Minutes())%60, int(s.at.Seconds())%60
	return time.Date(t.Year(), t.Month(), t.Day()+days, h, m, sec, 0, t.Location())
}

// step is the days between two rotations of interval 1.
func (s schedule) step() int {
	if s.weekday >= 0 {
		return 7
	}
	return 1
}

// byTime is TimedRotatingFileHandler's rotation: the file becomes FILE.SUFFIX
// with the time its interval began, and the oldest of more than backups are
// removed (0 keeps all). A buffered line counts as of when it is written.
type byTime struct {
	schedule schedule
	backups  int
	nextAt   time.Time
}

func (r *byTime) due(_, _ int64, now time.Time) bool { return !now.Before(r.nextAt) }

func (r *byTime) rotate(path string, now time.Time) error {
	aside := path + "." + r.schedule.last(r.nextAt).Format(r.schedule.layout)
	_, err := os.Lstat(aside)
	switch {
	case err == nil:
		// Put aside already: by a run before this one, or when clocks go back.
		// The file is written on rather than that one lost.
		r.nextAt = r.schedule.next(now)
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := os.Rename(path, aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	r.nextAt = r.schedule.next(now)
	return r.prune(path)
}

// prune removes the oldest files put aside. Their names, in whose order a
// directory is read, order them by age.
func (r *byTime) prune(path string) error {
	if r.backups == 0 {
		return nil
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("looking for old files: %w", err)
	}
	var old []string
	for _, e := range entries {
		suffix, ok := strings.CutPrefix(e.Name(), filepath.Base(path)+".")
		if !ok {
			continue
		}
		if _, err := time.Parse(r.schedule.layout, suffix); err == nil {
			old = append(old, e.Name())
		}
	}
	var failed error
	for len(old) > r.backups {
		if err := os.Remove(filepath.Join(filepath.Dir(path), old[0])); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
		old = old[1:]
	}
	return failed
}
