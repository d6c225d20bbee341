package logging_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/logging"
)

// change prepares and commits other options.
func change(t testing.TB, l *logging.Loggers, o logging.Options) {
	t.Helper()
	c, err := l.Prepare(o)
	if err != nil {
		t.Errorf("Prepare: %v", err)
		return
	}
	c.Commit()
	if c.AccessEnabled() != l.AccessEnabled() {
		t.Errorf("the change said that the access log would be on: %t", c.AccessEnabled())
	}
}

// toFile are options by which everything goes to a file, bare.
func toFile(path string, settings ...any) logging.Options {
	handler := map[string]any{"class": fileHandler, "filename": path, "formatter": "bare"}
	for i := 0; i < len(settings); i += 2 {
		handler[settings[i].(string)] = settings[i+1]
	}
	return logging.Options{EnableAccessLog: true, Override: map[string]any{
		"formatters": map[string]any{"bare": map[string]any{"format": "%(message)s"}},
		"handlers":   map[string]any{"f": handler},
		"root":       map[string]any{"handlers": []any{"f"}},
	}}
}

func TestLevelsChange(t *testing.T) {
	var out output
	l := open(t, logging.Options{Stdout: &out})
	pinned := override(t, `{"loggers":{"pinned":{"level":"INFO"}}}`)
	free, child, fixed := logger(l, "free"), logger(l, "free").With("a", 1), logger(l, "pinned")
	free.Debug("1")
	change(t, l, logging.Options{Level: "debug", Override: pinned})
	free.Debug("2")
	child.Debug("3")
	fixed.Debug("4")
	logger(l, "another").Debug("5")
	change(t, l, logging.Options{Level: "Critical", EnableAccessLog: true, Override: pinned})
	free.Error("6")
	fixed.Info("7")
	if l.AccessEnabled() {
		t.Error("the access log, which is of level INFO, is on at CRITICAL")
	}
	l.Access(request)
	change(t, l, logging.Options{})
	free.Info("8")
	child.Debug("9")
	if free.Enabled(context.Background(), slog.LevelDebug) {
		t.Error("DEBUG is still on")
	}
	var events []string
	for _, line := range lines(out.String()) {
		events = append(events, strings.Fields(line)[2])
	}
	if got := strings.Join(events, ""); got != "23578" {
		t.Errorf("got the events %q, want 23578", got)
	}
}

func TestFormatAndAccessLogChange(t *testing.T) {
	var out output
	l := open(t, logging.Options{Stdout: &out})
	log := l.Logger("x").WithGroup("g").With("a", 1)
	log.Info("generic")
	l.Access(request)
	change(t, l, logging.Options{Format: "json", EventFieldName: "event", EnableAccessLog: true})
	log.Info("json")
	l.Access(request)
	change(t, l, logging.Options{})
	log.Info("again") // brings the waiting access line along
	l.Access(request)
	got := lines(out.String())
	if len(got) != 4 {
		t.Fatalf("%d lines: %q", len(got), got)
	}
	if event := object(t, got[1]); event["event"] != "json" || fmt.Sprint(event["g"]) != "map[a:1]" {
		t.Errorf("the line in JSON is %v", event)
	}
	if event := object(t, got[2]); event["logger"] != "uvicorn.access" {
		t.Errorf("the access line is %v", event)
	}
	if !strings.Contains(got[0], "generic") || !strings.Contains(got[3], "again") || strings.HasPrefix(got[3], "{") {
		t.Errorf("the other lines are %q and %q", got[0], got[3])
	}
}

func TestFilesChange(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.log"), filepath.Join(dir, "b.log")
	l := open(t, toFile(a))
	log := l.Logger("x")
	log.Info("1")
	l.Access(request) // waits in a buffer
	change(t, l, toFile(b))
	log.Info("2")
	change(t, l, toFile(a))
	log.Info("3")
	if got := closed(t, l, b); got != "2\n" {
		t.Errorf("b.log has %q", got)
	}
	// The buffered line is written when the first file is closed, which may be
	// after the third line.
	got := lines(read(t, a))
	slices.Sort(got)
	if len(got) != 3 || got[0] != "1" || !strings.Contains(got[1], "GET") || got[2] != "3" {
		t.Errorf("a.log has %q", got)
	}
	if l.Lost() != 0 {
		t.Errorf("%d lines are lost", l.Lost())
	}
}

func TestAnOpenFileIsNotEmptied(t *testing.T) {
	for name, next := range map[string][]any{
		"the same settings":   {"mode", "w"},
		"another level":       {"mode", "w", "level", "INFO"},
		"another way to open": {"mode", "w", "delay", true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.log")
			if err := os.WriteFile(path, []byte("old\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			l := open(t, toFile(path, "mode", "w"))
			logger(l, "").Info("1")
			change(t, l, toFile(path, next...))
			logger(l, "").Info("2")
			if got := closed(t, l, path); got != "1\n2\n" {
				t.Errorf("the file has %q", got)
			}
		})
	}
}

func TestAWrongChangeChangesNothing(t *testing.T) {
	dir := t.TempDir()
	var out output
	l := open(t, logging.Options{Stdout: &out})
	wrong := toFile(filepath.Join(dir, "fine.log"))
	wrong.Level = "LOUD"
	wrong.Override["root"] = map[string]any{"level": secret}
	_, err := l.Prepare(wrong)
	if err == nil || len(lines(err.Error())) != 2 || !strings.Contains(err.Error(), `"LOUD"`) || strings.Contains(err.Error(), secret) {
		t.Errorf("Prepare: %v", err)
	}
	// Found only when the files are opened.
	occupied := toFile(filepath.Join(dir, "z.log"))
	occupied.Override["handlers"].(map[string]any)["g"] = map[string]any{"class": fileHandler, "filename": filepath.Join(dir, "directory")}
	if err := os.Mkdir(filepath.Join(dir, "directory"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Prepare(occupied); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("Prepare: %v", err)
	}
	logger(l, "x").Info("still")
	if got := out.String(); !strings.Contains(got, "INFO     still") {
		t.Errorf("standard output got %q", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "fine.log")); err == nil {
		t.Error("a file of wrong options was made")
	}
}

func TestDiscardedAndLateChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	var out output
	l := open(t, logging.Options{Stdout: &out})
	prepare := func() *logging.Change {
		c, err := l.Prepare(toFile(path))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	prepare().Discard()
	logger(l, "").Info("1")
	late := prepare()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	late.Commit()
	logger(l, "").Info("2")
	if n := len(lines(out.String())); n != 2 || read(t, path) != "" {
		t.Errorf("%d lines on standard output and %q in the file", n, read(t, path))
	}
}

// No line is lost or doubled, whenever the change comes.
func TestChangesUnderLoad(t *testing.T) {
	dir := t.TempDir()
	var out output
	option := func(i int) logging.Options {
		o := toFile(filepath.Join(dir, fmt.Sprint(i%3, ".log")))
		if i%3 == 2 {
			o = logging.Options{EnableAccessLog: true}
		}
		return o
	}
	first := option(0)
	first.Stdout = &out
	l := open(t, first)
	const workers, rounds = 4, 500
	var working, changing sync.WaitGroup
	done := make(chan struct{})
	for range workers {
		working.Go(func() {
			log := l.Logger("x")
			for range rounds {
				log.Info("ordinary")
				l.Access(request)
			}
		})
	}
	changing.Go(func() {
		for i := 1; ; i++ {
			select {
			case <-done:
				return
			default:
				change(t, l, option(i))
			}
		}
	})
	working.Wait()
	close(done)
	changing.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	all := lines(out.String())
	for _, text := range contents(t, dir) {
		all = append(all, lines(strings.ReplaceAll(text, "|", "\n"))...)
	}
	if len(all) != 2*workers*rounds || l.Lost() != 0 {
		t.Errorf("%d lines, %d lost, want %d", len(all), l.Lost(), 2*workers*rounds)
	}
}

func TestAStuckDestinationHoldsNoChangeUp(t *testing.T) {
	out := &stuck{release: make(chan struct{})}
	l := open(t, logging.Options{EnableAccessLog: true, Stdout: out})
	var writing sync.WaitGroup
	writing.Go(func() { l.Logger("").Info("stuck") })
	path := filepath.Join(t.TempDir(), "x.log")
	change(t, l, toFile(path)) // would deadlock the test if it waited
	l.Access(request)
	l.Logger("").Info("free")
	close(out.release)
	writing.Wait()
	if got := lines(closed(t, l, path)); len(got) < 2 {
		t.Errorf("the file has %q", got)
	}
}

// Levels apply to a logger and to those below it, in place of what the override says, and
// end with the next options.
func TestTemporaryLevels(t *testing.T) {
	for name, tt := range map[string]struct {
		levels map[string]slog.Level
		want   string // the loggers that log DEBUG
	}{
		"none":           {nil, ""},
		"all":            {map[string]slog.Level{"": slog.LevelDebug}, "a a.b a.b.c x"},
		"by name":        {map[string]slog.Level{"root": slog.LevelDebug}, "a a.b a.b.c x"},
		"one and below":  {map[string]slog.Level{"a.b": slog.LevelDebug}, "a.b a.b.c"},
		"two":            {map[string]slog.Level{"a": slog.LevelDebug, "a.b": slog.LevelWarn}, "a"},
		"not its prefix": {map[string]slog.Level{"a.": slog.LevelDebug}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out output
			pinned := override(t, `{"loggers":{"a.b":{"level":"WARNING"},"x":{"level":"ERROR"}}}`)
			l := open(t, logging.Options{Stdout: &out, Override: pinned})
			change(t, l, logging.Options{Override: pinned, Levels: tt.levels})
			log := func() (names []string) {
				before := len(out.String())
				for _, name := range []string{"a", "a.b", "a.b.c", "x"} {
					logger(l, name).Debug(name)
				}
				for _, line := range lines(out.String()[before:]) {
					if fields := strings.Fields(line); len(fields) > 2 {
						names = append(names, fields[2])
					}
				}
				return names
			}
			if got := strings.Join(log(), " "); got != tt.want {
				t.Errorf("%q log DEBUG, want %q", got, tt.want)
			}
			change(t, l, logging.Options{Override: pinned})
			if got := log(); len(got) > 0 {
				t.Errorf("afterwards %q log DEBUG", got)
			}
		})
	}
}
