package logging_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/logging"
)

var request = logging.AccessRecord{
	RemoteAddr: "127.0.0.1:5000", Method: "GET", Path: "/api/v1/flags/?feature=a", HTTPVersion: "1.1",
	Status: 200, Duration: 1234567, Bytes: 42,
}

func TestEverythingToAFile(t *testing.T) {
	t.Chdir(t.TempDir())
	var out output
	l := open(t, logging.Options{Stdout: &out, EnableAccessLog: true, Override: override(t, `{
		"handlers": {"file": {"level": "INFO", "class": "logging.FileHandler", "filename": "edge-proxy.log", "formatter": "json"}},
		"loggers": {"": {"handlers": ["file"], "level": "INFO", "propagate": true}}}`)})
	logger(l, "edge_proxy.environments").Info("environment_updated", "size", 1)
	logger(l, "uvicorn.error").Debug("hidden")
	l.Access(request)
	got := lines(closed(t, l, "edge-proxy.log"))
	if len(got) != 2 || object(t, got[0])["logger"] != "edge_proxy.environments" || object(t, got[1])["logger"] != "uvicorn.access" {
		t.Errorf("the file holds %q", got)
	}
	if out.String() != "" {
		t.Errorf("standard output got %q", out.String())
	}
	info, err := os.Stat("edge-proxy.log")
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode&0o137 != 0 {
		t.Errorf("the file's mode is %v", mode)
	}
}

func TestAccessLogToAFile(t *testing.T) {
	t.Chdir(t.TempDir())
	var out output
	l := open(t, logging.Options{Format: "json", Colours: true, Stdout: &out, Now: fixed(noon), Override: override(t, `{
		"handlers": {"file": {"level": "INFO", "class": "logging.FileHandler", "filename": "edge-proxy.log", "formatter": "generic"}},
		"loggers": {
			"": {"handlers": ["default"], "level": "INFO"},
			"uvicorn.access": {"handlers": ["file"], "level": "INFO", "propagate": false}}}`)})
	if !l.AccessEnabled() {
		t.Fatal("handlers of uvicorn.access did not turn the access log on")
	}
	logger(l, "edge_proxy").Info("started")
	l.Access(request)
	want := `2026-03-01T12:00:00.123Z INFO     127.0.0.1:5000 - "GET /api/v1/flags/?feature=a HTTP/1.1" 200 duration_ms=1.234 bytes=42 logger=uvicorn.access` + "\n"
	if got := closed(t, l, "edge-proxy.log"); got != want {
		t.Errorf("the file holds %q, want %q", got, want)
	}
	got := lines(out.String())
	if len(got) != 1 || object(t, got[0])["message"] != "started" {
		t.Errorf("standard output got %q", got)
	}
}

func TestWhenTheAccessLogIsOn(t *testing.T) {
	tests := []struct {
		name     string
		enable   bool
		level    string
		override string
		want     bool
	}{
		{"off by default", false, "", `{}`, false},
		{"switched on", true, "", `{}`, true},
		{"on, level above INFO", true, "WARNING", `{}`, false},
		{"declared without handlers", false, "", `{"loggers":{"uvicorn.access":{"level":"INFO"}}}`, false},
		{"no handlers", false, "", `{"loggers":{"uvicorn.access":{"handlers":[]}}}`, false},
		{"handlers", false, "", `{"loggers":{"uvicorn.access":{"handlers":["default"]}}}`, true},
		{"handlers of the parent", false, "", `{"loggers":{"uvicorn":{"handlers":["default"]}}}`, false},
		{"handler takes errors only", true, "", `{"handlers":{"default":{"level":"ERROR"}}}`, false},
		{"silenced by its logger", true, "", `{"loggers":{"uvicorn":{"level":"ERROR"}}}`, false},
		{"its own level beats the option's", true, "ERROR", `{"loggers":{"uvicorn.access":{"level":"INFO"}}}`, true},
		{"nowhere to go", true, "", `{"loggers":{"uvicorn.access":{"propagate":false}}}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out output
			l := open(t, logging.Options{Level: tt.level, EnableAccessLog: tt.enable, Override: override(t, tt.override), Stdout: &out})
			if got := l.AccessEnabled(); got != tt.want {
				t.Errorf("AccessEnabled is %v", got)
			}
			l.Access(request)
			l.Close()
			if got := out.String() != ""; got != tt.want {
				t.Errorf("wrote %q", out.String())
			}
		})
	}
}

func TestAccessJSON(t *testing.T) {
	var out output
	l := open(t, logging.Options{Format: "json", EventFieldName: "event", EnableAccessLog: true, Stdout: &out, Now: fixed(noon)})
	l.Access(request)
	l.Close()
	want := `{"timestamp":"2026-03-01T12:00:00.123456Z","level":"info","logger":"uvicorn.access",` +
		`"event":"127.0.0.1:5000 - \"GET /api/v1/flags/?feature=a HTTP/1.1\" 200","remote_addr":"127.0.0.1:5000","method":"GET",` +
		`"path":"/api/v1/flags/?feature=a","http_version":"1.1","status":200,"duration_ms":1.234,"bytes":42}` + "\n"
	if out.String() != want {
		t.Errorf("got  %s\nwant %s", out.String(), want)
	}
	object(t, out.String())
}

func TestHandlerFormatters(t *testing.T) {
	tests := []struct{ name, override, want string }{
		{"none is that of the default handler", `{"handlers":{"h":{"class":"logging.StreamHandler"}},"root":{"handlers":["h"]}}`, `{"timestamp":`},
		{"own", `{"formatters":{"own":{"format":"own %(message)s"}},"handlers":{"h":{"class":"logging.StreamHandler","formatter":"own"}},"root":{"handlers":["h"]}}`, "own e"},
		{"built-in redefined", `{"formatters":{"json":{"format":"mine %(message)s"}},"handlers":{"h":{"class":"logging.StreamHandler"}},"root":{"handlers":["h"]}}`, "mine e"},
		{"default with another", `{"handlers":{"default":{"formatter":"generic","stream":"ext://sys.stderr"}}}`, "2026-03-01T12:00:00.123Z INFO     e"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out output
			open(t, logging.Options{Format: "json", Stderr: &out, Override: override(t, tt.override), Now: fixed(noon)}).Logger("a").Info("e")
			if !strings.HasPrefix(out.String(), tt.want) {
				t.Errorf("got %q, want prefix %q", out.String(), tt.want)
			}
		})
	}
}

// TestBadSettings: one line per problem, with the path, the value and what is
// allowed, and no file made.
func TestBadSettings(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("plain", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const p = "logging.override."
	tests := []struct {
		name     string
		override string
		want     []string // each in one line of its own
	}{
		{"unknown key", `{"handler":{}}`, []string{p + `handler: {}: unknown key; allowed are version`}},
		{"version", `{"version":2}`, []string{p + `version: 2: allowed is 1`}},
		{"version text", `{"version":"one"}`, []string{p + `version: "one": must be a whole number`}},
		{"incremental", `{"incremental":true}`, []string{p + `incremental: true: allowed is false`}},
		{"filters", `{"filters":{"f":{}}}`, []string{p + `filters: {"f":{}}: filters have no equivalent`}},
		{"handlers no object", `{"handlers":[]}`, []string{p + `handlers: []: must be an object`}},
		{"handler no object", `{"handlers":{"h":"stdout"}}`, []string{p + `handlers.h: "stdout": must be an object`}},
		{"no class", `{"handlers":{"h":{}}}`, []string{p + `handlers.h.class: null: allowed are logging.FileHandler`}},
		{"class no text", `{"handlers":{"h":{"class":1}}}`, []string{p + `handlers.h.class: 1: must be text`}},
		{"foreign class", `{"handlers":{"h.x":{"class":"logging.handlers.SysLogHandler"}}}`,
			[]string{p + `handlers."h.x".class: "logging.handlers.SysLogHandler": allowed are logging.FileHandler, logging.StreamHandler`}},
		{"factory", `{"handlers":{"h":{"()":"my.Handler"}}}`, []string{p + `handlers.h.(): "my.Handler": factories`}},
		{"handler key", `{"handlers":{"h":{"class":"logging.StreamHandler","filename":"x"}}}`, []string{p + `handlers.h.filename: "x": unknown key; allowed are class`}},
		{"stream", `{"handlers":{"h":{"class":"logging.StreamHandler","stream":"ext://sys.stdin"}}}`,
			[]string{p + `handlers.h.stream: "ext://sys.stdin": allowed are ext://sys.stdout, ext://sys.stderr`}},
		{"level", `{"handlers":{"h":{"class":"logging.NullHandler","level":"LOUD"}}}`, []string{p + `handlers.h.level: "LOUD": allowed are CRITICAL`}},
		{"level number", `{"root":{"level":-1}}`, []string{p + `root.level: -1: allowed are CRITICAL`}},
		{"formatter", `{"handlers":{"h":{"class":"logging.StreamHandler","formatter":"xml"}}}`,
			[]string{p + `handlers.h.formatter: "xml": no such formatter; declared are generic, json`}},
		{"handler filters", `{"handlers":{"h":{"class":"logging.NullHandler","filters":["f"]}}}`, []string{p + `handlers.h.filters: ["f"]: filters have no equivalent`}},
		{"no filename", `{"handlers":{"h":{"class":"logging.FileHandler"}}}`, []string{p + `handlers.h.filename: null: must be the path of a file`}},
		{"filename no text", `{"handlers":{"h":{"class":"logging.FileHandler","filename":1}}}`, []string{p + `handlers.h.filename: 1: must be text`}},
		{"no directory", `{"handlers":{"h":{"class":"logging.FileHandler","filename":"none/x.log","delay":true}}}`,
			[]string{p + `handlers.h.filename: "none/x.log": directory "none" does not exist`}},
		{"directory is a file", `{"handlers":{"h":{"class":"logging.FileHandler","filename":"plain/x.log"}}}`,
			[]string{p + `handlers.h.filename: "plain/x.log": "plain" is not a directory`}},
		{"file is a directory", `{"handlers":{"h":{"class":"logging.FileHandler","filename":"folder"}}}`, []string{p + `handlers.h.filename: "folder": open folder`}},
		{"mode", `{"handlers":{"h":{"class":"logging.FileHandler","filename":"x","mode":"r"}}}`, []string{p + `handlers.h.mode: "r": allowed are a, w`}},
		{"encoding", `{"handlers":{"h":{"class":"logging.FileHandler","filename":"x","encoding":"latin-1"}}}`, []string{p + `handlers.h.encoding: "latin-1": allowed are utf-8`}},
		{"delay", `{"handlers":{"h":{"class":"logging.FileHandler","filename":"x","delay":"later"}}}`, []string{p + `handlers.h.delay: "later": must be true or false`}},
		{"maxBytes", `{"handlers":{"h":{"class":"logging.handlers.RotatingFileHandler","filename":"x","maxBytes":1.5}}}`,
			[]string{p + `handlers.h.maxBytes: 1.5: must be a whole number, 0 or more`}},
		{"backupCount", `{"handlers":{"h":{"class":"logging.handlers.RotatingFileHandler","filename":"x","backupCount":-1}}}`,
			[]string{p + `handlers.h.backupCount: -1: must be a whole number, 0 or more`}},
		{"backupCount huge", `{"handlers":{"h":{"class":"logging.handlers.RotatingFileHandler","filename":"x","backupCount":1e9}}}`,
			[]string{p + `handlers.h.backupCount: 1000000000: allowed are 0 to 100000`}},
		{"when", `{"handlers":{"h":{"class":"logging.handlers.TimedRotatingFileHandler","filename":"x","when":"W7"}}}`,
			[]string{p + `handlers.h.when: "W7": allowed are S, M, H, D, MIDNIGHT, W0`}},
		{"interval", `{"handlers":{"h":{"class":"logging.handlers.TimedRotatingFileHandler","filename":"x","interval":0}}}`,
			[]string{p + `handlers.h.interval: 0: must be a whole number, 1 or more`}},
		{"interval huge", `{"handlers":{"h":{"class":"logging.handlers.TimedRotatingFileHandler","filename":"x","when":"D","interval":40000}}}`,
			[]string{p + `handlers.h.interval: 40000: is too long`}},
		{"atTime", `{"handlers":{"h":{"class":"logging.handlers.TimedRotatingFileHandler","filename":"x","atTime":"25:00"}}}`,
			[]string{p + `handlers.h.atTime: "25:00": must be a time of day`}},
		{"one file, rotated under the other", `{"handlers":{
			"a":{"class":"logging.FileHandler","filename":"x"},
			"b":{"class":"logging.handlers.RotatingFileHandler","filename":"./x","maxBytes":1,"backupCount":1}}}`,
			[]string{p + `handlers.b.filename: "./x": is the file of handler "a" too`}},
		{"formatter class", `{"formatters":{"f":{"class":"my.Formatter"}}}`, []string{p + `formatters.f.class: "my.Formatter": allowed is logging.Formatter`}},
		{"formatter factory", `{"formatters":{"f":{"()":"uvicorn.logging.AccessFormatter"}}}`, []string{p + `formatters.f.(): "uvicorn.logging.AccessFormatter": unknown key`}},
		{"style", `{"formatters":{"f":{"style":"<"}}}`, []string{p + `formatters.f.style: "<": allowed are %, {, $`}},
		{"attribute", `{"formatters":{"f":{"format":"%(client)s"}}}`, []string{p + `formatters.f.format: "%(client)s": unknown attribute "client"; allowed are asctime`}},
		{"conversion", `{"formatters":{"f":{"format":"%(message)r"}}}`, []string{p + `formatters.f.format: "%(message)r": attribute "message": conversion "r" is not supported`}},
		{"text as a number", `{"formatters":{"f":{"format":"%(message)d"}}}`, []string{`attribute "message" is text and cannot be shown as "d"`}},
		{"datefmt", `{"formatters":{"f":{"datefmt":"%Q"}}}`, []string{p + `formatters.f.datefmt: "%Q": unknown directive "%Q"`}},
		{"logger no object", `{"loggers":{"a":1}}`, []string{p + `loggers.a: 1: must be an object`}},
		{"logger name", `{"loggers":{"a..b":{}}}`, []string{p + `loggers."a..b": a logger's name is words`}},
		{"logger key", `{"loggers":{"a":{"levels":1}}}`, []string{p + `loggers.a.levels: 1: unknown key; allowed are level, handlers, propagate`}},
		{"logger filters", `{"loggers":{"":{"filters":["f"]}}}`, []string{p + `loggers."".filters: ["f"]: filters have no equivalent`}},
		{"unknown handler", `{"loggers":{"uvicorn.access":{"handlers":["file"]}}}`,
			[]string{p + `loggers."uvicorn.access".handlers: "file": no such handler; declared are default`}},
		{"handlers no list", `{"root":{"handlers":"default"}}`, []string{p + `root.handlers: "default": must be a list`}},
		{"handler no text", `{"root":{"handlers":[1]}}`, []string{p + `root.handlers[0]: 1: must be text`}},
		{"propagate", `{"loggers":{"a":{"propagate":2}}}`, []string{p + `loggers.a.propagate: 2: must be true or false`}},
		{"several at once", `{"version":3,"handlers":{"h":{"class":"x"},"i":{"class":"logging.NullHandler","level":1.5}},"root":{"handlers":["j"]}}`,
			[]string{p + "version: 3", p + `handlers.h.class: "x"`, p + "handlers.i.level: 1.5", p + `root.handlers: "j": no such handler; declared are default, h, i`}},
		{"a good file beside a bad level makes no file", `{"handlers":{"h":{"class":"logging.FileHandler","filename":"made.log"}},"root":{"level":"X"}}`,
			[]string{p + `root.level: "X"`}},
		{"a secret", `{"handlers":{"h":{"class":"ser.0123456789abcdefghij"}}}`, []string{p + `handlers.h.class: "ser.ghij"`}},
		{"a long value", `{"handlers":{"h":{"class":"` + strings.Repeat("é", 500) + `"}}}`, []string{"é…: allowed are"}},
		{"a value of several lines", `{"handlers":{"h\ni":{"class":"a\nb"}}}`, []string{p + `handlers."h\ni".class: "a\nb"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := logging.New(logging.Options{Override: override(t, tt.override), Stdout: &output{}, Stderr: &output{}})
			if err == nil {
				l.Close()
				t.Fatal("no error")
			}
			checked := logging.Check(logging.Options{Override: override(t, tt.override)})
			if opens := tt.name == "file is a directory"; opens != (checked == nil) || !opens && checked.Error() != err.Error() {
				t.Errorf("Check says %v, New %v", checked, err)
			}
			got := strings.Split(err.Error(), "\n")
			if len(got) != len(tt.want) {
				t.Errorf("%d lines, want %d:\n%v", len(got), len(tt.want), err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got  %v\nwant %s in it", err, want)
				}
			}
		})
	}
	made, err := filepath.Glob("*")
	if err != nil || len(made) != 2 {
		t.Errorf("files were made: %v, %v", made, err)
	}
}

func TestBadOptions(t *testing.T) {
	_, err := logging.New(logging.Options{Level: "LOUD", Format: "xml", EventFieldName: "level"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`logging.log_level: "LOUD": allowed are CRITICAL, ERROR, WARNING, INFO, DEBUG, NOTSET`,
		`logging.log_format: "xml": allowed are generic, json`,
		`logging.log_event_field_name: "level": is the name of another field`,
	} {
		if !strings.Contains(err.Error()+"\n", want+"\n") {
			t.Errorf("got %v, want the line %s", err, want)
		}
	}
}

// Numbers may be written as text, and come as any of the types that parsers of
// JSON make of them.
func TestNumbersInAllForms(t *testing.T) {
	for _, n := range []any{1000, int64(1000), 1000.0, json.Number("1000"), "1000"} {
		open(t, logging.Options{Override: map[string]any{"handlers": map[string]any{"h": map[string]any{
			"class": "logging.handlers.RotatingFileHandler", "filename": filepath.Join(t.TempDir(), "x"), "maxBytes": n, "delay": "on",
		}}}})
	}
}

func TestAFileThatCannotBeOpenedClosesTheOthers(t *testing.T) {
	dir := t.TempDir()
	_, err := logging.New(logging.Options{Override: map[string]any{"handlers": map[string]any{
		"a": map[string]any{"class": "logging.FileHandler", "filename": filepath.Join(dir, "a")},
		"b": map[string]any{"class": "logging.FileHandler", "filename": dir},
	}}})
	if err == nil || !strings.Contains(err.Error(), "handlers.b.filename") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}
