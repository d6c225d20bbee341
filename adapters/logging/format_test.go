package logging_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/edge-proxy/edge-proxy/adapters/logging"
)

func TestGenericLine(t *testing.T) {
	const head = "2026-03-01T12:00:00.123Z "
	tests := []struct {
		name string
		log  func(l *slog.Logger)
		want string
	}{
		{"plain", func(l *slog.Logger) { l.Info("started") }, head + "INFO     started logger=edge_proxy"},
		{"attributes", func(l *slog.Logger) {
			l.Warn("poll_failed", "status", 503, "after", 1500*time.Millisecond, "ok", false, "ratio", 0.5, "n", uint64(7))
		}, head + "WARNING  poll_failed status=503 after=1.5s ok=false ratio=0.5 n=7 logger=edge_proxy"},
		{"quoted when needed", func(l *slog.Logger) { l.Error("e", "a", "two words", "b", "", "c", `q"`, "d", "x=y", "e", `\`) },
			head + `ERROR    e a="two words" b="" c="q\"" d="x=y" e="\\" logger=edge_proxy`},
		{"critical", func(l *slog.Logger) { l.Log(context.Background(), logging.LevelCritical, "c") }, head + "CRITICAL c logger=edge_proxy"},
		{"debug", func(l *slog.Logger) { l.Debug("d") }, head + "DEBUG    d logger=edge_proxy"},
		{"groups", func(l *slog.Logger) {
			l.With("a", 1).WithGroup("http").With("method", "GET").Info("e", slog.Group("peer", "ip", "::1"), slog.Group("empty"))
		}, head + "INFO     e a=1 http.method=GET http.peer.ip=::1 logger=edge_proxy"},
		{"an attribute called logger", func(l *slog.Logger) { l.Info("e", "logger", "x", "logger_", "y") },
			head + "INFO     e logger__=x logger_=y logger=edge_proxy"},
		{"last of equal names", func(l *slog.Logger) { l.With("a", 1).Info("e", "b", 2, "a", 3) }, head + "INFO     e a=3 b=2 logger=edge_proxy"},
		{"composite", func(l *slog.Logger) { l.Info("e", "m", map[string]any{"k": []int{1}}, "nil", nil) },
			head + `INFO     e m="{\"k\":[1]}" nil=null logger=edge_proxy`},
		{"time", func(l *slog.Logger) { l.Info("e", "at", noon) }, head + "INFO     e at=2026-03-01T12:00:00.123456789Z logger=edge_proxy"},
		{"error", func(l *slog.Logger) { l.Info("e", "err", errors.New("no\nway")) }, head + `INFO     e err="no\nway" logger=edge_proxy`},
		{"not a number", func(l *slog.Logger) { l.Info("e", "f", math.NaN()) }, head + "INFO     e f=NaN logger=edge_proxy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out output
			l := open(t, logging.Options{Level: "notset", Stdout: &out, Now: fixed(noon)})
			tt.log(logger(l, "edge_proxy"))
			if got := out.String(); got != tt.want+"\n" {
				t.Errorf("got  %q\nwant %q", got, tt.want+"\n")
			}
		})
	}
}

func TestDerivedLoggersDoNotMix(t *testing.T) {
	var out output
	parent := open(t, logging.Options{Stdout: &out, Now: fixed(noon)}).Logger("a")
	for i := range 5 { // whatever room the parent's list has
		parent = parent.With(string(rune('a'+i)), i)
	}
	one, two := parent.With("x", 1), parent.With("y", 2)
	one.Info("e")
	two.Info("e")
	const head = "2026-03-01T12:00:00.123Z INFO     e a=0 b=1 c=2 d=3 e=4 "
	if want := head + "x=1 logger=a\n" + head + "y=2 logger=a\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestTimesAreInUTC(t *testing.T) {
	at := noon.In(time.FixedZone("east", 5*3600+1800))
	for format, want := range map[string]string{
		"generic": "2026-03-01T12:00:00.123Z ",
		"json":    `{"timestamp":"2026-03-01T12:00:00.123456Z",`,
	} {
		var out output
		open(t, logging.Options{Format: format, Stdout: &out, Now: fixed(at)}).Logger("").Info("e")
		if !strings.HasPrefix(out.String(), want) {
			t.Errorf("%s: got %q, want prefix %q", format, out.String(), want)
		}
	}
}

func TestColours(t *testing.T) {
	for _, format := range []string{"generic", "json"} {
		for _, colours := range []bool{false, true} {
			var out output
			l := open(t, logging.Options{Level: "DEBUG", Format: format, Colours: colours, EnableAccessLog: true, Stdout: &out})
			log := logger(l, "a")
			for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, logging.LevelCritical} {
				log.Log(context.Background(), level, "e")
			}
			l.Access(logging.AccessRecord{})
			l.Close()
			want := colours && format == "generic"
			for _, line := range lines(out.String()) {
				if got := strings.Contains(line, "\x1b["); got != want {
					t.Errorf("%s, colours %v: %q", format, colours, line)
				}
			}
		}
	}
}

func TestLogInjection(t *testing.T) {
	evil := []string{
		"a\nINFO forged", "a\r\nb", "a\x1b[2Jb", "a\x00b", "a\u2028b\u2029c", "a\u0085b", "a\u009b31mb", "\xff\xfe", "a\u202eb", "a\x7fb", "\t",
	}
	custom := `{"formatters":{"own":{"format":"%(levelname)s %(name)s %(message)s"}},"handlers":{"default":{"formatter":"own"}}}`
	for _, o := range []logging.Options{{Format: "generic"}, {Format: "json"}, {Override: override(t, custom)}} {
		for _, s := range evil {
			var out output
			o.Stdout, o.EnableAccessLog = &out, true
			l := open(t, o)
			logger(l, "log"+s).WithGroup("g"+s).Info("event"+s, "key"+s, "value"+s, "err", errors.New(s), "any", []string{s}, "stringer", stringer(s))
			l.Access(logging.AccessRecord{RemoteAddr: s, Method: s, Path: s, HTTPVersion: s})
			l.Close()
			got := out.String()
			if n := strings.Count(got, "\n"); n != 2 {
				t.Errorf("%s: %q made %d lines: %q", o.Format, s, n, got)
			}
			for _, r := range strings.ReplaceAll(got, "\n", "") {
				if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
					t.Errorf("%s: %q left %q in the line: %q", o.Format, s, r, got)
				}
			}
			if !utf8.ValidString(got) {
				t.Errorf("%s: %q left invalid UTF-8: %q", o.Format, s, got)
			}
		}
	}
}

func TestAccessPathCannotLeaveItsQuotes(t *testing.T) {
	var out output
	l := open(t, logging.Options{EnableAccessLog: true, Stdout: &out, Now: fixed(noon)})
	l.Access(logging.AccessRecord{RemoteAddr: "c", Method: "GET", Path: `/x" 500 \`, HTTPVersion: "1.1", Status: 200})
	l.Close()
	if want := `c - "GET /x\" 500 \\ HTTP/1.1" 200 duration_ms=0.000 bytes=0 logger=uvicorn.access`; !strings.Contains(out.String(), want) {
		t.Errorf("got %q, want %q in it", out.String(), want)
	}
}

type stringer string

func (s stringer) String() string { return string(s) }

type panics struct{}

func (*panics) Error() string { panic("no") }

type badMarshaler struct{}

func (badMarshaler) MarshalJSON() ([]byte, error) { return []byte("{]"), nil }

type failingMarshaler struct{}

func (failingMarshaler) MarshalJSON() ([]byte, error) { return nil, errors.New("nope") }

type endless struct{}

func (e endless) LogValue() slog.Value { return slog.GroupValue(slog.Any("again", e)) }

func TestJSONValues(t *testing.T) {
	cycle := map[string]any{}
	cycle["self"] = cycle
	address, _ := url.Parse("redis://user:hunter2@store:6379/0")
	tests := []struct {
		name  string
		value any
		want  any // as encoding/json reads it; nil is any valid value
	}{
		{"text", "a\"\\\n\t\r\x01é", "a\"\\\n\t\r\x01é"},
		{"invalid UTF-8", "a\xffb", "a\ufffdb"},
		{"integer", int64(math.MaxInt64), float64(math.MaxInt64)},
		{"unsigned", uint64(1), 1.0},
		{"bool", true, true},
		{"float", 1e300, 1e300},
		{"NaN", math.NaN(), "NaN"},
		{"infinity", math.Inf(-1), "-Inf"},
		{"duration", 1500 * time.Millisecond, "1.5s"},
		{"time", noon, "2026-03-01T12:00:00.123456789Z"},
		{"error", fmt.Errorf("a: %w", io.EOF), "a: EOF"},
		{"stringer", stringer("s"), "s"},
		{"list", []any{1, "a", nil}, []any{1.0, "a", nil}},
		{"no HTML escapes", struct{ A string }{"<&>"}, map[string]any{"A": "<&>"}},
		{"NaN inside", map[string]any{"a": math.NaN()}, "!(map[string]interface {}: json: unsupported value: NaN)"},
		{"channel", make(chan int), "!(chan int: json: unsupported type: chan int)"},
		{"cycle", cycle, nil},
		{"panic", (*panics)(nil), "!(panic rendering *logging_test.panics)"},
		{"marshaler of no JSON", badMarshaler{}, nil},
		{"failing marshaler", failingMarshaler{}, nil},
		{"raw JSON with lines", json.RawMessage("{\n\"a\":1}"), map[string]any{"a": 1.0}},
		{"group", slog.GroupValue(slog.Int("a", 1), slog.Group("b", "c", 2)), map[string]any{"a": 1.0, "b": map[string]any{"c": 2.0}}},
		{"address with a password", address, "redis://xxxxx@store:6379/0"},
		{"address by value", *address, "redis://xxxxx@store:6379/0"},
		{"endless LogValuer", endless{}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out output
			l := open(t, logging.Options{Format: "json", Stdout: &out, Now: fixed(noon)})
			logger(l, "a.b").Warn("the event", "value", tt.value)
			if n := strings.Count(out.String(), "\n"); n != 1 {
				t.Fatalf("%d lines: %q", n, out.String())
			}
			got := object(t, out.String())
			for name, want := range map[string]any{
				"timestamp": "2026-03-01T12:00:00.123456Z", "level": "warning", "logger": "a.b", "message": "the event",
			} {
				if got[name] != want {
					t.Errorf("%s is %v, want %v", name, got[name], want)
				}
			}
			if v, ok := got["value"]; !ok || tt.want != nil && !reflect.DeepEqual(v, tt.want) {
				t.Errorf("value is %#v, want %#v", v, tt.want)
			}
		})
	}
}

func TestJSONNames(t *testing.T) {
	var out output
	l := open(t, logging.Options{Format: "json", EventFieldName: `the "event"`, Stdout: &out})
	logger(l, "").With("level", 1, "a", 1).WithGroup("g").With("level", "kept", "x", 1).Info("e",
		slog.Group("h", "y", 1), slog.Group("h", "z", 2), "x", 2, "\xff", 1, "\xfe", 2, slog.Attr{}, slog.Group("none"))
	logger(l, "").Info("e", "timestamp", 1, "logger", 2, "logger_", 3, `the "event"`, 4, "message", 5)
	got := lines(out.String())
	want := []map[string]any{
		{"level_": 1.0, "a": 1.0, "g": map[string]any{
			"level": "kept", "x": 2.0, "h": map[string]any{"y": 1.0, "z": 2.0}, "\ufffd": 2.0}},
		{"timestamp_": 1.0, "logger__": 2.0, "logger_": 3.0, `the "event"_`: 4.0, "message": 5.0},
	}
	for i, line := range got {
		m := object(t, line)
		if m[`the "event"`] != "e" || m["logger"] != "root" || m["level"] != "info" {
			t.Errorf("fixed members: %s", line)
		}
		for _, name := range []string{`the "event"`, "logger", "level", "timestamp"} {
			delete(m, name)
		}
		if !reflect.DeepEqual(m, want[i]) {
			t.Errorf("got %v\nwant %v", m, want[i])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d lines", len(got))
	}
}

func TestJSONLevels(t *testing.T) {
	var out output
	log := open(t, logging.Options{Level: "NOTSET", Format: "json", Stdout: &out}).Logger("")
	levels := []slog.Level{-9, slog.LevelDebug, slog.LevelInfo, 2, slog.LevelWarn, slog.LevelError, logging.LevelCritical, 99}
	want := []string{"debug", "debug", "info", "info", "warning", "error", "critical", "critical"}
	for _, level := range levels {
		log.Log(context.Background(), level, "e")
	}
	for i, line := range lines(out.String()) {
		if got := object(t, line)["level"]; got != want[i] {
			t.Errorf("level %d is %v, want %s", levels[i], got, want[i])
		}
	}
}

func FuzzJSONLine(f *testing.F) {
	f.Add("message", "event", "key", "value", 1.5, []byte(`{"a":1}`))
	f.Add("e", "a\nb", "level", "\xff", math.NaN(), []byte("{]"))
	f.Add("\"", "ser.0123456789abcdef", "\"\\", "a\u2028\x1b", math.Inf(1), []byte("\"ser.0123456789\""))
	f.Fuzz(func(t *testing.T, field, event, key, text string, number float64, raw []byte) {
		var out output
		l, err := logging.New(logging.Options{Format: "json", EventFieldName: field, EnableAccessLog: true, Stdout: &out, Now: fixed(noon)})
		if err != nil {
			return // a reserved name
		}
		logger(l, text).With(key, text, text, key).WithGroup(key).Info(event,
			key, number, text, raw, "raw", json.RawMessage(raw), "err", errors.New(text), "list", []any{text, number}, slog.Group(text, key, event))
		l.Access(logging.AccessRecord{RemoteAddr: text, Method: key, Path: event, HTTPVersion: field, Status: int(int8(len(raw))), Duration: time.Duration(len(text))})
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		got := out.String()
		if strings.Count(got, "\n") != 2 || !strings.HasSuffix(got, "\n") || !utf8.ValidString(got) {
			t.Fatalf("not two clean lines: %q", got)
		}
		for _, line := range lines(got) {
			var m map[string]any
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatalf("not JSON: %v\n%s", err, line)
			}
		}
	})
}
