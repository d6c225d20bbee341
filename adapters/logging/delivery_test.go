package logging_test

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/edge-proxy/edge-proxy/adapters/logging"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAccessLinesAreFlushedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out output
		l := open(t, logging.Options{EnableAccessLog: true, Stdout: &out})
		for i := range 3 { // each round begins with an empty buffer
			l.Access(request)
			<-time.After(50 * time.Millisecond)
			l.Access(request)
			synctest.Wait()
			if n := len(lines(out.written())); n != 2*i {
				t.Fatalf("round %d: %d lines before the delay", i, n)
			}
			<-time.After(200 * time.Millisecond)
			synctest.Wait()
			if n := len(lines(out.written())); n != 2*i+2 {
				t.Fatalf("round %d: %d lines after the delay", i, n)
			}
		}
	})
}

func TestAFullBufferIsFlushedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out output
		l := open(t, logging.Options{EnableAccessLog: true, Stdout: &out})
		rec := request
		rec.Path = "/" + strings.Repeat("a", 1000)
		for range 66 {
			l.Access(rec)
		}
		synctest.Wait() // no time passes
		if n := len(lines(out.written())); n < 50 {
			t.Errorf("%d lines of over 1000 bytes are written, want the first 64 KiB at least", n)
		}
	})
}

func TestOrdinaryLinesAreWrittenAtOnceAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out output
		l := open(t, logging.Options{EnableAccessLog: true, Stdout: &out, Override: override(t, `{
			"formatters": {"bare": {"format": "%(name)s"}},
			"handlers": {"default": {"formatter": "bare"}, "again": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "bare"}},
			"loggers": {"two": {"handlers": ["again"], "propagate": false}}}`)})
		l.Logger("one").Info("e")
		l.Access(request)
		l.Logger("two").Info("e")
		if got := strings.Fields(out.String()); fmt.Sprint(got) != "[one uvicorn.access two]" {
			t.Errorf("got %v", got)
		}
	})
}

func TestCloseFlushes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	var out output
	l := open(t, logging.Options{EnableAccessLog: true, Stdout: &out, Override: map[string]any{
		"handlers": map[string]any{"f": map[string]any{"class": fileHandler, "filename": path}},
		"loggers":  map[string]any{"uvicorn.access": map[string]any{"handlers": []any{"f"}}},
	}})
	const n = 1000
	for range n {
		l.Access(request)
	}
	if got := len(lines(closed(t, l, path))); got != n {
		t.Errorf("%d lines in the file, want %d", got, n)
	}
	if got := len(lines(out.String())); got != n {
		t.Errorf("%d lines on standard output, want %d", got, n)
	}
	if err := l.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	l.Logger("").Info("late")
	l.Access(request)
	if got := len(lines(out.String())); got != n+2 {
		t.Errorf("%d lines on standard output after Close, want %d", got, n+2)
	}
	if got := len(lines(read(t, path))); got != n || l.Lost() != 1 {
		t.Errorf("%d lines in the closed file, %d lost", got, l.Lost())
	}
}

// faulty is a writer that fails while fail is set.
type faulty struct {
	output
	fail error
	part int // bytes it takes before it fails
}

func (w *faulty) Write(p []byte) (int, error) {
	if w.fail != nil {
		n, _ := w.output.Write(p[:min(w.part, len(p))])
		return n, w.fail
	}
	return w.output.Write(p)
}

func TestWriteErrorsAreCountedAndReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stderr output
		out := &faulty{fail: errors.New("no space left for " + secret)}
		l := open(t, logging.Options{EnableAccessLog: true, Stdout: out, Stderr: &stderr})
		for range 3 {
			l.Logger("").Info("e")
			synctest.Wait()
			l.Access(request)
		}
		out.fail = nil
		l.Logger("").Info("again") // takes the last access line along
		synctest.Wait()
		if l.Lost() != 5 {
			t.Errorf("lost %d, want 5", l.Lost())
		}
		got := lines(out.written())
		if len(got) != 3 || !strings.Contains(got[1], "again") || !strings.Contains(got[2], "WARNING  log_lines_lost lines=5 logger=edge_proxy.logging") {
			t.Errorf("after the failure, these lines are written: %q", got)
		}
		l.Logger("").Info("later")
		synctest.Wait()
		if n := len(lines(out.written())); n != 4 {
			t.Errorf("the loss is logged again: %q", out.written())
		}
		want := "edge-proxy: logging: writing to standard output: no space left for ser.mA7c (lines may be lost; not reported again)\n"
		want = strings.Replace(want, "ser.mA7c", "ser."+secret[len(secret)-4:], 1)
		if stderr.written() != want {
			t.Errorf("standard error got %q, want %q", stderr.written(), want)
		}
	})
}

func TestOddWriters(t *testing.T) {
	for name, w := range map[string]io.Writer{
		"short":      counts(func(n int) int { return n / 2 }),
		"impossible": counts(func(n int) int { return n + 1 }),
		"negative":   counts(func(int) int { return -1 }),
	} {
		var stderr output
		l := open(t, logging.Options{Stdout: w, Stderr: &stderr})
		l.Logger("").Info("e")
		l.Flush(t.Context())
		if l.Lost() != 1 || len(lines(stderr.String())) != 1 {
			t.Errorf("%s: lost %d, standard error got %q", name, l.Lost(), stderr.String())
		}
	}
}

// counts is a writer that claims to have written f(len(p)) bytes.
type counts func(int) int

func (f counts) Write(p []byte) (int, error) { return f(len(p)), nil }

func TestNothingIsSaidOfAFailingStandardError(t *testing.T) {
	l := open(t, logging.Options{Stderr: &faulty{fail: io.ErrClosedPipe}, Override: override(t, `{"handlers":{"default":{"stream":"ext://sys.stderr"}}}`)})
	l.Logger("").Info("e")
	l.Flush(t.Context())
	if l.Lost() != 1 {
		t.Errorf("lost %d", l.Lost())
	}
}

// stuck is a writer that takes nothing until it is released.
type stuck struct {
	output
	release chan struct{}
}

func (w *stuck) Write(p []byte) (int, error) {
	<-w.release
	return w.output.Write(p)
}

func TestAStuckDestinationStopsNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuck{release: make(chan struct{})}
		l := open(t, logging.Options{EnableAccessLog: true, Stdout: out})
		rec := request
		rec.Path = "/" + strings.Repeat("a", 1000)
		const n = 10_000 // more than may wait
		for range n {
			l.Access(rec) // would deadlock the test if it waited
		}
		if l.Lost() == 0 {
			t.Error("nothing was lost: the memory that waits is not bounded")
		}
		close(out.release)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		written := lines(out.String())
		notice := fmt.Sprintf("log_lines_lost lines=%d", l.Lost())
		if got := uint64(len(written)-1) + l.Lost(); got != n || !strings.Contains(out.String(), notice) {
			t.Errorf("%d lines written or counted as lost, want %d and %s", got, n, notice)
		}
	})
}

// A caller that logs never waits for a destination that takes nothing, and Close gives it
// up after a second.
func TestAStuckDestinationDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuck{release: make(chan struct{})}
		l, err := logging.New(logging.Options{EnableAccessLog: true, Stdout: out, Stderr: out})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		l.Logger("").Error("blocks the writer")
		synctest.Wait()
		for range 100 {
			l.Logger("").Error("e")
			l.Access(request)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("logging took %v", took)
		}
		if err := l.Close(); err == nil || !strings.Contains(err.Error(), "standard output: it took no lines for 1s") {
			t.Errorf("Close: %v", err)
		}
		if took := time.Since(began); took > 1100*time.Millisecond {
			t.Errorf("Close took %v", took)
		}
		l.Logger("").Error("late") // would deadlock the test if it waited
		if l.Lost() < 100 {
			t.Errorf("%d lines are counted as lost", l.Lost())
		}
		close(out.release)
	})
}

func TestConcurrentUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	var out output
	options := logging.Options{Format: "json", EnableAccessLog: true, Stdout: &out, Override: map[string]any{
		"handlers": map[string]any{"f": map[string]any{
			"class": sizeHandler, "filename": path, "maxBytes": 20_000, "backupCount": 1000, "formatter": "json"}},
		"root": map[string]any{"handlers": []any{"default", "f"}},
	}}
	l := open(t, options)
	const workers, rounds = 8, 200
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			log := l.Logger(fmt.Sprint("worker.", w)).With("worker", w)
			for i := range rounds {
				log.WithGroup("g").Info("e", "i", i)
				l.Access(request)
				l.AccessEnabled()
			}
		})
	}
	wg.Go(func() { // the file stays open all the while: two would rotate it
		for range rounds {
			change(t, l, options)
		}
	})
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var filed []string
	for _, text := range contents(t, filepath.Dir(path)) {
		filed = append(filed, lines(strings.ReplaceAll(text, "|", "\n"))...)
	}
	for where, got := range map[string][]string{"standard output": lines(out.String()), "files": filed} {
		if len(got) != 2*workers*rounds {
			t.Errorf("%s: %d lines, want %d", where, len(got), 2*workers*rounds)
		}
		for _, line := range got {
			object(t, line)
		}
	}
	if l.Lost() != 0 {
		t.Errorf("lost %d", l.Lost())
	}
}

func TestConcurrentClose(t *testing.T) {
	var out output
	l := open(t, logging.Options{EnableAccessLog: true, Stdout: &out})
	const n = 500
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range n {
				l.Access(request)
			}
			l.Close()
		})
	}
	wg.Wait()
	if got := len(lines(out.String())); got != 4*n {
		t.Errorf("%d lines, want %d", got, 4*n)
	}
}
