package logging_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/logging"
)

// own opens loggers whose default handler has a format of its own.
func own(out *output, style, format, datefmt string, now func() time.Time) (*logging.Loggers, error) {
	l, err := logging.New(logging.Options{Stdout: out, Stderr: &output{}, Now: now, EnableAccessLog: true, Override: map[string]any{
		"formatters": map[string]any{"own": map[string]any{"format": format, "style": style, "datefmt": datefmt}},
		"handlers":   map[string]any{"default": map[string]any{"formatter": "own"}},
	}})
	out.l = l
	return l, err
}

func TestCustomFormats(t *testing.T) {
	pid := fmt.Sprint(os.Getpid())
	tests := []struct{ style, format, want string }{
		{"%", "%(asctime)s [%(levelname)s] %(name)s: %(message)s", `2026-03-01 15:00:00,123 [WARNING] a.b: the event k="v w"`},
		{"%", "", `the event k="v w"`},
		{"%", "plain", "plain"},
		{"%", "%(levelname)-8s|%(levelname)9s|%(levelname).4s|%(levelname)-6.2s|", "WARNING |  WARNING|WARN|WA    |"},
		{"%", "%(levelno)d %(levelno)s %(levelno)05d %(levelno)+d % (levelno)d", ""},
		{"%", "%(levelno)d %(levelno)s %(levelno)05d %(levelno)+d %(levelno)-4d| %(levelno)4d %(levelno)i %(levelno)+05d %(levelno) d", "30 30 00030 +30 30  |   30 30 +0030  30"},
		{"%", "%(levelno).1f %(levelno)e %(levelno)g", "30.0 3.000000e+01 30"},
		{"%", "%(created)f %(created).3f %(created)d %(created)s", "1772366400.123456 1772366400.123 1772366400 1772366400.123456"},
		{"%", "%(msecs)d %(msecs)03d %(msecs)s %(relativeCreated)d", "123 123 123.0 0"},
		{"%", "%(process)d %(thread)d %(processName)s %(threadName)s", pid + " " + pid + " MainProcess MainThread"},
		{"%", "%(filename)s %(module)s %(funcName)s", "custom_test.go custom_test func1"},
		{"%", "100%% %(name)s", "100% a.b"},
		{"{", "{asctime} {levelname:<8}|{levelname:>8}|{levelname:^9}|{levelname:*^9}|{levelname:.2}", "2026-03-01 15:00:00,123 WARNING | WARNING| WARNING |*WARNING*|WA"},
		{"{", "{levelno} {levelno:5}| {levelno:05d} {levelno:+d} {levelno:<5}| {levelno:-d} {levelno: d}", "30    30| 00030 +30 30   | 30  30"},
		{"{", "{created:.2f} {msecs:.0f} {msecs} {msecs:.2}", "1772366400.12 123 123.0 1.2e+02"},
		{"{", "{{{name!s}}} {message}", `{a.b} the event k="v w"`},
		{"{", "", `the event k="v w"`},
		{"{", "{levelname:é>9}", "ééWARNING"},
		{"$", "$asctime ${levelname}x $name$$ $message", `2026-03-01 15:00:00,123 WARNINGx a.b$ the event k="v w"`},
		{"$", "", `the event k="v w"`},
		{"$", "$created $levelno", "1772366400.123456 30"},
	}
	at := noon.In(time.FixedZone("EAT", 3*3600))
	for _, tt := range tests {
		t.Run(tt.style+tt.format, func(t *testing.T) {
			var out output
			l, err := own(&out, tt.style, tt.format, "", fixed(at))
			if tt.want == "" {
				if err == nil {
					l.Close()
					t.Fatal("no error")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			logger(l, "a.b").Warn("the event", "k", "v w")
			if out.String() != tt.want+"\n" {
				t.Errorf("got  %q\nwant %q", out.String(), tt.want+"\n")
			}
		})
	}
}

func TestCustomFormatPlace(t *testing.T) {
	var out output
	l, err := own(&out, "%", "%(pathname)s:%(lineno)d:%(filename)s", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	logger(l, "a").Info("e")
	if got := out.String(); !strings.Contains(got, "custom_test.go:") || strings.Contains(got, ":0:") {
		t.Errorf("got %q", got)
	}
	out.b.Reset()
	l.Access(request) // has no place in the code
	l.Close()
	if got := out.String(); got != ":0:\n" {
		t.Errorf("access: got %q", got)
	}
}

func TestCustomFormatOfTheAccessLog(t *testing.T) {
	var out output
	l, err := own(&out, "%", "%(levelname)s %(name)s %(message)s", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	l.Access(request)
	l.Close()
	want := `INFO uvicorn.access 127.0.0.1:5000 - "GET /api/v1/flags/?feature=a HTTP/1.1" 200 duration_ms=1.234 bytes=42` + "\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestDateFormats(t *testing.T) {
	at := time.Date(2026, 1, 4, 3, 5, 9, 7_000, time.FixedZone("EAT", 3*3600)) // a Sunday
	for datefmt, want := range map[string]string{
		"%Y-%m-%dT%H:%M:%S%z": "2026-01-04T03:05:09+0300",
		"%d/%b/%Y:%H:%M":      "04/Jan/2026:03:05",
		"%a %A %B %h":         "Sun Sunday January Jan",
		"%y %e %I %p %j":      "26  4 03 AM 004",
		"%Z %F %T %R %D":      "EAT 2026-01-04 03:05:09 03:05 01/04/26",
		"%c|%x|%X":            "Sun Jan  4 03:05:09 2026|01/04/26|03:05:09",
		"%f %s":               "000007 1767485109",
		"%u %w %G %V":         "7 0 2026 01",
		"100%% 2006":          "100% 2006",
		"":                    "2026-01-04 03:05:09,000",
	} {
		var out output
		l, err := own(&out, "%", "%(asctime)s", datefmt, fixed(at))
		if err != nil {
			t.Errorf("%q: %v", datefmt, err)
			continue
		}
		logger(l, "a").Info("e")
		l.Close()
		if out.String() != want+"\n" {
			t.Errorf("%q: got %q, want %q", datefmt, out.String(), want)
		}
	}
}

func TestBadCustomFormats(t *testing.T) {
	tests := []struct{ style, format, datefmt, want string }{
		{"%", "%(message", "", "ends in the middle"},
		{"%", "%(message)", "", "ends in the middle"},
		{"%", "%(message)-10", "", "ends in the middle"},
		{"%", "50% done", "", "must be followed by a name"},
		{"%", "%s", "", "must be followed by a name"},
		{"%", "%", "", "must be followed by a name"},
		{"%", "%()s", "", "unknown attribute"},
		{"%", "%(client_addr)s", "", "unknown attribute"},
		{"%", "%(message)999999s", "", "over 1000"},
		{"%", "%(created).99999f", "", "over 1000"},
		{"%", "%(levelno)x", "", "is not supported"},
		{"%", "%(levelname)*s", "", "is not supported"},
		{"%", "%(asctime)f", "", "is text"},
		{"{", "{message", "", "ends in the middle"},
		{"{", "message}", "", "closes nothing"},
		{"{", "{}", "", "unknown attribute"},
		{"{", "{0}", "", "unknown attribute"},
		{"{", "{message!r}", "", "unknown attribute"},
		{"{", "{message:d}", "", "is text"},
		{"{", "{levelno:,}", "", "is not supported"},
		{"{", "{levelno:5dd}", "", "not part of a format"},
		{"{", "{created:.f}", "", "no digits"},
		{"{", "{created:9999}", "", "over 1000"},
		{"$", "${message", "", "ends in the middle"},
		{"$", "$", "", "must be followed by a name"},
		{"$", "cost: $ 5", "", "must be followed by a name"},
		{"$", "${}", "", "must be followed by a name"},
		{"$", "$other", "", "unknown attribute"},
		{"%", "", "%", "ends in a single %"},
		{"%", "", "%Y-%q", "unknown directive"},
	}
	for _, tt := range tests {
		l, err := own(&output{}, tt.style, tt.format, tt.datefmt, nil)
		if err == nil {
			l.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %q %q: got %v, want %q", tt.style, tt.format, tt.datefmt, err, tt.want)
		}
	}
}

// FuzzCustomFormat: any format is refused or works, in lines that only its own
// line ends break.
func FuzzCustomFormat(f *testing.F) {
	f.Add(byte(0), "%(asctime)s %(levelname)-8s %(message)s %(created)+010.3f", "%Y")
	f.Add(byte(1), "{asctime} {levelname:*^9} {created:+015.3f}", "%d %H")
	f.Add(byte(2), "$asctime ${message} $$", "%%")
	f.Fuzz(func(t *testing.T, style byte, format, datefmt string) {
		var out output
		l, err := own(&out, []string{"%", "{", "$"}[style%3], format, datefmt, fixed(noon))
		if err != nil {
			return
		}
		logger(l, "a").Warn("e\n", "k", "v\n")
		l.Access(request)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		most := 2 * (1 + strings.Count(format, "\n") + strings.Count(format, "asctime")*strings.Count(datefmt, "\n"))
		if n := strings.Count(out.String(), "\n"); n > most {
			t.Fatalf("%d line ends, want at most %d: %q", n, most, out.String())
		}
	})
}

// FuzzOverride: whatever the override says, New returns, and what it accepts
// works.
func FuzzOverride(f *testing.F) {
	f.Add(`{"handlers":{"h":{"class":"logging.FileHandler","filename":"x"}},"root":{"handlers":["h"],"level":10}}`)
	f.Add(`{"handlers":{"h":{"class":"logging.handlers.TimedRotatingFileHandler","filename":"x","when":"W3","atTime":"01:02","delay":1}}}`)
	f.Add(`{"formatters":{"f":{"style":"{","format":"{message}"}},"loggers":{"":{"level":"debug"},"a.b":{"propagate":false}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var m map[string]any
		if json.Unmarshal([]byte(text), &m) != nil {
			return
		}
		handlers, _ := m["handlers"].(map[string]any)
		for _, h := range handlers {
			if h, ok := h.(map[string]any); ok && h["filename"] != nil {
				h["filename"] = filepath.Join(t.TempDir(), "x") // and nowhere else
			}
		}
		l, err := logging.New(logging.Options{Override: m, Stdout: &output{}, Stderr: &output{}})
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an error without words")
			}
			return
		}
		logger(l, "a.b.c").Info("e")
		logger(l, "").Error("e")
		l.Access(request)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
