package logging_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/logging"
)

// fileLogs opens loggers whose root writes "%(message)s" lines to dir/x.log
// through one handler; settings are the handler's further members.
func fileLogs(t *testing.T, dir, class, settings string, now func() time.Time) *logging.Loggers {
	t.Helper()
	o := override(t, fmt.Sprintf(`{
		"formatters": {"bare": {"format": "%%(message)s"}},
		"handlers": {"h": {"class": %q, "formatter": "bare" %s}},
		"root": {"handlers": ["h"]}}`, class, settings))
	o["handlers"].(map[string]any)["h"].(map[string]any)["filename"] = filepath.Join(dir, "x.log")
	return open(t, logging.Options{Override: o, Now: now, EnableAccessLog: true})
}

const (
	fileHandler  = "logging.FileHandler"
	sizeHandler  = "logging.handlers.RotatingFileHandler"
	timedHandler = "logging.handlers.TimedRotatingFileHandler"
)

// contents maps the names in a directory to what is in the files.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for _, e := range entries {
		m[e.Name()] = strings.ReplaceAll(read(t, filepath.Join(dir, e.Name())), "\n", "|")
	}
	return m
}

func checkContents(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	if got := contents(t, dir); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the files are %v\nwant %v", got, want)
	}
}

func TestFileModes(t *testing.T) {
	tests := []struct{ class, settings, want string }{
		{fileHandler, ``, "old|new|"},
		{fileHandler, `,"mode":"a","encoding":"UTF-8","errors":"strict"`, "old|new|"},
		{fileHandler, `,"mode":"w"`, "new|"},
		{fileHandler, `,"mode":"w","delay":true`, "new|"},
		{sizeHandler, `,"mode":"w"`, "new|"},
		{sizeHandler, `,"mode":"w","maxBytes":1000`, "old|new|"},
		{timedHandler, ``, "old|new|"},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "x.log"), []byte("old\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		l := fileLogs(t, dir, tt.class, tt.settings, nil)
		logger(l, "").Info("new")
		checkContents(t, dir, map[string]string{"x.log": tt.want}) // at once, before Close
	}
}

func TestDelay(t *testing.T) {
	dir := t.TempDir()
	l := fileLogs(t, dir, fileHandler, `,"delay":true`, nil)
	checkContents(t, dir, map[string]string{})
	logger(l, "").Info("a")
	checkContents(t, dir, map[string]string{"x.log": "a|"})
}

func TestFilesOfUnusedHandlersAreOpened(t *testing.T) {
	dir := t.TempDir()
	open(t, logging.Options{Override: map[string]any{"handlers": map[string]any{
		"h": map[string]any{"class": fileHandler, "filename": filepath.Join(dir, "x")}}}})
	checkContents(t, dir, map[string]string{"x": ""})
}

func TestRotationBySize(t *testing.T) {
	tests := []struct {
		name, settings string
		events         []string
		want           map[string]string
	}{
		{"as Python: at the size, not over it", `,"maxBytes":10,"backupCount":9`, []string{"1234", "5678", "x"},
			map[string]string{"x.log": "5678|x|", "x.log.1": "1234|"}},
		{"below it", `,"maxBytes":11,"backupCount":9`, []string{"1234", "5678"}, map[string]string{"x.log": "1234|5678|"}},
		{"oldest goes", `,"maxBytes":4,"backupCount":2`, []string{"a", "b", "c", "d", "e"},
			map[string]string{"x.log": "e|", "x.log.1": "d|", "x.log.2": "c|"}},
		{"longer than the file may be", `,"maxBytes":4,"backupCount":2`, []string{"a", "long line", "b"},
			map[string]string{"x.log": "b|", "x.log.1": "long line|", "x.log.2": "a|"}},
		{"an empty file is not put aside", `,"maxBytes":4,"backupCount":2`, []string{"long line"}, map[string]string{"x.log": "long line|"}},
		{"never without backups", `,"maxBytes":4,"backupCount":0`, []string{"a", "b", "c"}, map[string]string{"x.log": "a|b|c|"}},
		{"never without a size", `,"backupCount":3`, []string{"a", "b", "c"}, map[string]string{"x.log": "a|b|c|"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			l := fileLogs(t, dir, sizeHandler, tt.settings, nil)
			for _, e := range tt.events {
				logger(l, "").Info(e)
			}
			checkContents(t, dir, tt.want)
		})
	}
}

// Buffered lines are written in one go, and still each to the file it fits.
func TestRotationBySizeOfBufferedLines(t *testing.T) {
	dir := t.TempDir()
	l := fileLogs(t, dir, sizeHandler, `,"maxBytes":500,"backupCount":100`, nil)
	const n = 100
	for i := range n {
		l.Access(logging.AccessRecord{Path: fmt.Sprint("/", i)})
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var got int
	for name, text := range contents(t, dir) {
		if len(text) >= 500 {
			t.Errorf("%s holds %d bytes", name, len(text))
		}
		got += strings.Count(text, "|")
	}
	if got != n || l.Lost() != 0 {
		t.Errorf("%d lines in the files, %d counted as lost, of %d", got, l.Lost(), n)
	}
}

func TestRotationBySizeCountsWhatWasThere(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.log"), []byte("from before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := fileLogs(t, dir, sizeHandler, `,"maxBytes":13,"backupCount":1`, nil)
	logger(l, "").Info("a")
	checkContents(t, dir, map[string]string{"x.log": "a|", "x.log.1": "from before|"})
}

func TestRotationByTime(t *testing.T) {
	east := time.FixedZone("east", 3*3600)
	type line struct {
		at    time.Time
		event string
	}
	day := func(d, h, m, s int) time.Time { return time.Date(2026, 3, d, h, m, s, 0, time.UTC) } // 2026-03-01 is a Sunday
	tests := []struct {
		name, settings string
		start          time.Time
		lines          []line
		want           map[string]string
	}{
		{"seconds", `,"when":"S","interval":10`, day(1, 9, 0, 0),
			[]line{{day(1, 9, 0, 9), "a"}, {day(1, 9, 0, 10), "b"}, {day(1, 9, 0, 25), "c"}},
			map[string]string{"x.log.2026-03-01_09-00-00": "a|", "x.log.2026-03-01_09-00-10": "b|", "x.log": "c|"}},
		{"minutes, case ignored", `,"when":"m"`, day(1, 9, 0, 30), []line{{day(1, 9, 1, 29), "a"}, {day(1, 9, 1, 30), "b"}},
			map[string]string{"x.log.2026-03-01_09-00": "a|", "x.log": "b|"}},
		{"hours by default", ``, day(1, 9, 30, 0), []line{{day(1, 10, 29, 0), "a"}, {day(1, 10, 30, 0), "b"}},
			map[string]string{"x.log.2026-03-01_09": "a|", "x.log": "b|"}},
		{"days", `,"when":"D","interval":2`, day(1, 9, 0, 0), []line{{day(3, 8, 0, 0), "a"}, {day(3, 9, 0, 0), "b"}},
			map[string]string{"x.log.2026-03-01": "a|", "x.log": "b|"}},
		{"midnight", `,"when":"midnight"`, day(1, 23, 59, 0), []line{{day(1, 23, 59, 59), "a"}, {day(2, 0, 0, 0), "b"}, {day(2, 23, 0, 0), "c"}, {day(3, 1, 0, 0), "d"}},
			map[string]string{"x.log.2026-03-01": "a|", "x.log.2026-03-02": "b|c|", "x.log": "d|"}},
		{"midnight in the clock's zone", `,"when":"midnight"`, day(1, 20, 0, 0).In(east), []line{{day(1, 20, 59, 0).In(east), "a"}, {day(1, 21, 0, 0).In(east), "b"}},
			map[string]string{"x.log.2026-03-01": "a|", "x.log": "b|"}},
		{"midnight in UTC", `,"when":"midnight","utc":true`, day(1, 20, 0, 0).In(east), []line{{day(1, 21, 0, 0).In(east), "a"}, {day(2, 0, 0, 0).In(east), "b"}},
			map[string]string{"x.log.2026-03-01": "a|", "x.log": "b|"}},
		{"a time of day", `,"when":"midnight","atTime":"06:30"`, day(1, 6, 30, 0), []line{{day(2, 6, 29, 59), "a"}, {day(2, 6, 30, 0), "b"}},
			map[string]string{"x.log.2026-03-01": "a|", "x.log": "b|"}},
		{"a time of day with seconds, every other day", `,"when":"midnight","atTime":"06:30:15","interval":2`, day(1, 6, 0, 0),
			[]line{{day(2, 6, 30, 14), "a"}, {day(2, 6, 30, 15), "b"}}, map[string]string{"x.log.2026-02-28": "a|", "x.log": "b|"}},
		{"Mondays", `,"when":"W0"`, day(1, 12, 0, 0), []line{{day(1, 23, 0, 0), "a"}, {day(2, 0, 0, 0), "b"}, {day(8, 23, 0, 0), "c"}, {day(9, 0, 0, 0), "d"}},
			map[string]string{"x.log.2026-02-23": "a|", "x.log.2026-03-02": "b|c|", "x.log": "d|"}},
		{"Sundays", `,"when":"W6"`, day(1, 12, 0, 0), []line{{day(7, 23, 0, 0), "a"}, {day(8, 0, 0, 0), "b"}},
			map[string]string{"x.log.2026-03-01": "a|", "x.log": "b|"}},
		{"oldest goes", `,"when":"S","backupCount":1`, day(1, 9, 0, 0),
			[]line{{day(1, 9, 0, 0), "a"}, {day(1, 9, 0, 1), "b"}, {day(1, 9, 0, 2), "c"}},
			map[string]string{"x.log.2026-03-01_09-00-01": "b|", "x.log": "c|"}},
		{"a long silence", `,"when":"H"`, day(1, 9, 0, 0), []line{{day(1, 9, 0, 0), "a"}, {day(5, 9, 0, 0), "b"}, {day(5, 9, 59, 0), "c"}},
			map[string]string{"x.log.2026-03-01_09": "a|", "x.log": "b|c|"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, now := t.TempDir(), tt.start
			l := fileLogs(t, dir, timedHandler, tt.settings, func() time.Time { return now })
			for _, line := range tt.lines {
				now = line.at
				logger(l, "").Info(line.event)
			}
			checkContents(t, dir, tt.want)
		})
	}
}

func TestRotationByTimeOfAFileFromBefore(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.log")
	if err := os.WriteFile(path, []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, noon.AddDate(0, 0, -2), noon.AddDate(0, 0, -2)); err != nil {
		t.Fatal(err)
	}
	l := fileLogs(t, dir, timedHandler, `,"when":"midnight"`, fixed(noon))
	logger(l, "").Info("new")
	checkContents(t, dir, map[string]string{"x.log.2026-02-27": "old|", "x.log": "new|"})
}

func TestRotationByTimeKeepsOthersFiles(t *testing.T) {
	dir, now := t.TempDir(), noon
	others := map[string]string{"x.log.2026-03-01_12-00-00": "aside", "x.log.old": "mine", "y.log.2020-01-01_00-00-00": "other"}
	for name, text := range others {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := fileLogs(t, dir, timedHandler, `,"when":"S","backupCount":1`, func() time.Time { return now })
	logger(l, "").Info("a")
	now = noon.Add(time.Second)
	logger(l, "").Info("b") // the name it would get is taken: written on
	want := map[string]string{"x.log": "a|b|"}
	for name, text := range others {
		want[name] = text
	}
	checkContents(t, dir, want)
	now = noon.Add(2 * time.Second)
	logger(l, "").Info("c")
	delete(want, "x.log.2026-03-01_12-00-00")
	want["x.log.2026-03-01_12-00-01"], want["x.log"] = "a|b|", "c|"
	checkContents(t, dir, want)
}

// A file that cannot be put aside is written on, nothing is lost, and it is
// said once.
func TestRotationThatFails(t *testing.T) {
	dir := t.TempDir()
	var stderr output
	now := noon
	o := override(t, `{"formatters":{"bare":{}},"handlers":{"h":{"class":"logging.handlers.RotatingFileHandler","formatter":"bare","maxBytes":3,"backupCount":1}},"root":{"handlers":["h"]}}`)
	o["handlers"].(map[string]any)["h"].(map[string]any)["filename"] = filepath.Join(dir, "x.log")
	l := open(t, logging.Options{Override: o, Stderr: &stderr, Now: func() time.Time { return now }})
	obstacle := filepath.Join(dir, "x.log.1")
	if err := os.MkdirAll(filepath.Join(obstacle, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, e := range []string{"a", "b", "c"} {
		logger(l, "").Info(e)
	}
	if got := read(t, filepath.Join(dir, "x.log")); got != "a\nb\nc\n" {
		t.Errorf("the file holds %q", got)
	}
	if l.Lost() != 0 || strings.Count(stderr.String(), "\n") != 1 || !strings.Contains(stderr.String(), "rotating") {
		t.Errorf("lost %d, standard error got %q", l.Lost(), stderr.String())
	}
	if err := os.RemoveAll(obstacle); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	logger(l, "").Info("d")
	checkContents(t, dir, map[string]string{"x.log": "d|", "x.log.1": "a|b|c|"})
}

// A file whose directory vanished loses lines, which are counted, and comes
// back with it.
func TestFileThatVanishes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l := fileLogs(t, dir, fileHandler, `,"delay":true`, nil)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	logger(l, "").Info("a")
	if l.Lost() != 1 {
		t.Errorf("lost %d", l.Lost())
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	logger(l, "").Info("b")
	checkContents(t, dir, map[string]string{"x.log": "b|log_lines_lost lines=1|"})
}

func TestTwoHandlersOfOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	l := open(t, logging.Options{Override: map[string]any{
		"handlers": map[string]any{
			"a": map[string]any{"class": fileHandler, "filename": path},
			"b": map[string]any{"class": fileHandler, "filename": path},
		},
		"root": map[string]any{"handlers": []string{"a", "b"}},
	}})
	logger(l, "").Info("1")
	logger(l, "").Info("2")
	var events []string
	for _, line := range lines(read(t, path)) {
		events = append(events, strings.Fields(line)[2])
	}
	if !slices.Equal(events, []string{"1", "1", "2", "2"}) {
		t.Errorf("got %v", events)
	}
}
