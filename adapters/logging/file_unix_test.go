//go:build unix

package logging_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A write may end inside a line, as on a full disk. The next line begins on a
// line of its own all the same. A pipe whose reader leaves stands for the disk.
func TestALineCutShortSpoilsNoOther(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.log")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	reader := openPipe(t, path)
	l := fileLogs(t, dir, fileHandler, ``, nil)

	done := make(chan struct{})
	go func() {
		defer close(done)
		logger(l, "").Info(strings.Repeat("a", 1<<20)) // more than a pipe holds
	}()
	if _, err := io.ReadFull(reader, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	<-done
	if l.Lost() != 1 {
		t.Errorf("lost %d, want 1", l.Lost())
	}

	reader = openPipe(t, path)
	defer reader.Close()
	type result struct {
		text string
		err  error
	}
	all := make(chan result)
	go func() {
		b, err := io.ReadAll(reader)
		all <- result{string(b), err}
	}()
	logger(l, "").Info("b")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	got := <-all
	if _, last, ok := strings.Cut(got.text, "\n"); got.err != nil || !ok || last != "b\nlog_lines_lost lines=1\n" {
		t.Errorf("after what is left of the first line comes %q, %v", last, got.err)
	}
}

func openPipe(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
