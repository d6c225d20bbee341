package logging_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/logging"
)

// TestLevelsAndPropagation logs one line of every level to a logger and tells
// what arrives at standard output (o) and standard error (e).
func TestLevelsAndPropagation(t *testing.T) {
	const err = `"handlers": {"err": {"class": "logging.StreamHandler"%s}}`
	handler := func(more string) string { return fmt.Sprintf(err, more) }
	tests := []struct {
		name     string
		level    string
		override string
		logger   string
		out, err string // first letters of the levels, in order
	}{
		{"default level", "", `{}`, "a", "IWEC", ""},
		{"debug", "debug", `{}`, "a", "DIWEC", ""},
		{"warning", "WARNING", `{}`, "", "WEC", ""},
		{"error", "Error", `{}`, "a.b", "EC", ""},
		{"critical", "CRITICAL", `{}`, "a", "C", ""},
		{"notset lets all pass", "NOTSET", `{}`, "a", "DIWEC", ""},
		{"root level over the option's", "DEBUG", `{"loggers":{"":{"level":"ERROR"}}}`, "a", "EC", ""},
		{"root key", "DEBUG", `{"root":{"level":"ERROR"}}`, "a", "EC", ""},
		{"root key wins over logger", "", `{"root":{"level":"ERROR"},"loggers":{"":{"level":"DEBUG"}}}`, "a", "EC", ""},
		{"root by its name", "", `{"loggers":{"root":{"level":"ERROR"}}}`, "root", "EC", ""},
		{"root NOTSET", "", `{"root":{"level":"NOTSET"}}`, "a", "DIWEC", ""},
		{"own level below the root's passes the root", "", `{"loggers":{"a":{"level":"DEBUG"}}}`, "a", "DIWEC", ""},
		{"level is inherited", "", `{"loggers":{"a":{"level":"ERROR"}}}`, "a.b.c", "EC", ""},
		{"nearest level wins", "", `{"loggers":{"a":{"level":"ERROR"},"a.b":{"level":"DEBUG"}}}`, "a.b.c", "DIWEC", ""},
		{"NOTSET inherits", "", `{"loggers":{"a":{"level":"ERROR"},"a.b":{"level":"NOTSET"}}}`, "a.b", "EC", ""},
		{"a name's prefix is not an ancestor", "", `{"loggers":{"a":{"level":"ERROR"}}}`, "ab", "IWEC", ""},
		{"level by number", "", `{"loggers":{"a":{"level":40}}}`, "a", "EC", ""},
		{"level between names", "", `{"loggers":{"a":{"level":31}}}`, "a", "EC", ""},
		{"level just above debug", "", `{"loggers":{"a":{"level":11}}}`, "a", "IWEC", ""},
		{"number 0 is NOTSET", "", `{"loggers":{"a":{"level":0}}}`, "a", "IWEC", ""},
		{"WARN and FATAL", "", `{"root":{"level":"FATAL"},"loggers":{"a":{"level":"warn"}}}`, "a", "WEC", ""},
		{"propagates by default", "", `{` + handler("") + `,"loggers":{"a":{"handlers":["err"]}}}`, "a", "IWEC", "IWEC"},
		{"propagate false", "", `{` + handler("") + `,"loggers":{"a":{"handlers":["err"],"propagate":false}}}`, "a", "", "IWEC"},
		{"children stop where propagate is false", "", `{` + handler("") + `,"loggers":{"a":{"handlers":["err"],"propagate":false}}}`, "a.b", "", "IWEC"},
		{"others are not stopped", "", `{` + handler("") + `,"loggers":{"a":{"handlers":["err"],"propagate":false}}}`, "b", "IWEC", ""},
		{"child stopped, parent has handlers", "", `{` + handler("") + `,"loggers":{"a":{"handlers":["err"]},"a.b":{"propagate":false}}}`, "a.b", "", ""},
		{"handler level", "", `{` + handler(`,"level":"ERROR"`) + `,"loggers":{"a":{"handlers":["err"]}}}`, "a", "IWEC", "EC"},
		{"handler level does not widen", "ERROR", `{` + handler(`,"level":"DEBUG"`) + `,"loggers":{"a":{"handlers":["err"]}}}`, "a", "EC", "EC"},
		{"attached twice", "ERROR", `{` + handler("") + `,"loggers":{"a":{"handlers":["err"]},"":{"handlers":["err"]}}}`, "a", "", "EECC"},
		{"no handlers at all", "", `{"root":{"handlers":[]}}`, "a", "", ""},
		{"level alone keeps the default handler", "", `{"root":{"level":"ERROR"}}`, "a", "EC", ""},
		{"null handler", "", `{"handlers":{"n":{"class":"logging.NullHandler"}},"root":{"handlers":["n"]}}`, "a", "", ""},
		{"default handler's own level", "", `{"handlers":{"default":{"level":"ERROR"}}}`, "a", "EC", ""},
		{"default handler redirected", "", `{"handlers":{"default":{"stream":"ext://sys.stderr"}}}`, "a", "", "IWEC"},
		{"default handler replaced", "", `{"handlers":{"default":{"class":"logging.NullHandler"}}}`, "a", "", ""},
		{"null is as good as absent", "", `{"root":null,"loggers":{"a":{"level":null,"handlers":null,"propagate":null}}}`, "a", "IWEC", ""},
		{"harmless keys", "", `{"version":1,"disable_existing_loggers":false,"incremental":false,"filters":{},"loggers":{"a":{"filters":[],"propagate":"yes"}}}`, "a", "IWEC", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr output
			l := open(t, logging.Options{Level: tt.level, Override: override(t, tt.override), Stdout: &stdout, Stderr: &stderr})
			log := logger(l, tt.logger)
			for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, logging.LevelCritical} {
				before := len(stdout.String()) + len(stderr.String())
				log.Log(context.Background(), level, "e")
				if wrote := len(stdout.String())+len(stderr.String()) > before; wrote != log.Enabled(context.Background(), level) &&
					!strings.Contains(tt.override, `"err"`) {
					t.Errorf("Enabled(%v) is %v, but wrote %v", level, !wrote, wrote)
				}
			}
			if got := initials(stdout.String()); got != tt.out {
				t.Errorf("standard output got %q, want %q", got, tt.out)
			}
			if got := initials(stderr.String()); got != tt.err {
				t.Errorf("standard error got %q, want %q", got, tt.err)
			}
		})
	}
}

// initials are the first letters of the levels of generic lines.
func initials(s string) string {
	var b strings.Builder
	for _, line := range lines(s) {
		b.WriteByte(strings.Fields(line)[1][0])
	}
	return b.String()
}

func TestParseLevel(t *testing.T) {
	for name, want := range map[string]slog.Level{
		"debug": slog.LevelDebug, "Info": slog.LevelInfo, "WARNING": slog.LevelWarn, "warn": slog.LevelWarn, "ERROR": slog.LevelError,
		"critical": logging.LevelCritical, "FATAL": logging.LevelCritical, "NOTSET": logging.LevelNotSet,
	} {
		if got, err := logging.ParseLevel(name); err != nil || got != want {
			t.Errorf("ParseLevel(%q) = %v, %v; want %v", name, got, err, want)
		}
	}
	for _, name := range []string{"", "TRACE", "10", "info+2"} {
		if _, err := logging.ParseLevel(name); err == nil {
			t.Errorf("ParseLevel(%q) returns no error", name)
		}
	}
}
