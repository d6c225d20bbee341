package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/logging"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

func fixed(at time.Time) func() time.Time { return func() time.Time { return at } }

// output is a standard output that a test can read while it is written to.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
	l  *logging.Loggers // that write to it, set by open
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

// String returns what was written, once all lines logged so far are.
func (o *output) String() string {
	if o.l != nil {
		o.l.Flush(context.Background())
	}
	return o.written()
}

// written returns what was written.
func (o *output) written() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// open builds loggers that the end of the test closes; what the options leave
// out of the process's own is discarded.
func open(t testing.TB, o logging.Options) *logging.Loggers {
	t.Helper()
	if o.Stdout == nil {
		o.Stdout = &output{}
	}
	if o.Stderr == nil {
		o.Stderr = &output{}
	}
	l, err := logging.New(o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	for _, w := range []io.Writer{o.Stdout, o.Stderr} {
		switch w := w.(type) {
		case *output:
			w.l = l
		case *faulty:
			w.l = l
		}
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return l
}

// override parses the JSON of a logging.override.
func override(t testing.TB, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("override %s: %v", text, err)
	}
	return m
}

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// closed closes the loggers and returns what is in the file then.
func closed(t testing.TB, l *logging.Loggers, path string) string {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	return read(t, path)
}

func lines(s string) []string {
	s = strings.TrimSuffix(s, "\n")
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

// object parses one line of JSON and refuses names that are there twice.
func object(t testing.TB, line string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(line), &m); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, line)
	}
	checkUnique(t, json.NewDecoder(strings.NewReader(line)), line)
	return m
}

func checkUnique(t testing.TB, d *json.Decoder, line string) {
	t.Helper()
	token, err := d.Token()
	if err != nil {
		t.Fatalf("not JSON: %v\n%s", err, line)
	}
	switch token {
	case json.Delim('{'):
		seen := map[string]bool{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				t.Fatalf("not JSON: %v\n%s", err, line)
			}
			if seen[key.(string)] {
				t.Fatalf("member %q is there twice: %s", key, line)
			}
			seen[key.(string)] = true
			checkUnique(t, d, line)
		}
	case json.Delim('['):
		for d.More() {
			checkUnique(t, d, line)
		}
	default:
		return
	}
	if _, err := d.Token(); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, line)
	}
}

// logger returns a logger each of whose lines is written before it returns.
func logger(l *logging.Loggers, name string) *slog.Logger {
	return slog.New(flushing{l.Logger(name).Handler(), l})
}

type flushing struct {
	slog.Handler
	l *logging.Loggers
}

func (f flushing) Handle(ctx context.Context, r slog.Record) error {
	err := f.Handler.Handle(ctx, r)
	f.l.Flush(ctx)
	return err
}

func (f flushing) WithAttrs(attrs []slog.Attr) slog.Handler {
	return flushing{f.Handler.WithAttrs(attrs), f.l}
}

func (f flushing) WithGroup(name string) slog.Handler {
	return flushing{f.Handler.WithGroup(name), f.l}
}
