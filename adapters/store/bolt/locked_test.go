package bolt_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/store/bolt"
)

// hold is a process that has the file open until it is killed.
func hold(path string) error {
	s, err := bolt.Open(context.Background(), location(path), deps(new(journal)))
	if err != nil {
		return err
	}
	fmt.Println("open")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return s.Close()
}

func TestFileOfAnotherProcess(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s, _ := open(t, path)
	put(t, s, "key", "{}", "")
	closeNow(t, s)

	other := start(t, "hold", path)
	input, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if line, _ := other.line(); line != "open" {
		t.Fatalf("the other process says %q", line)
	}
	wantInUse(t, path)
	if _, err := bolt.Open(t.Context(), location(path), deps(new(journal))); runtime.GOOS == "linux" && !strings.Contains(err.Error(), fmt.Sprintf("(process %d)", other.cmd.Process.Pid)) {
		t.Errorf("the error does not name process %d: %v", other.cmd.Process.Pid, err)
	}
	// What is in the file while another process writes it says nothing.
	if err := os.WriteFile(path, input[:len(input)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	wantInUse(t, path)
	if err := os.WriteFile(path, input, 0o600); err != nil {
		t.Fatal(err)
	}

	other.kill()
	s, _ = open(t, path)
	get(t, s, "key")
	wantInUse(t, path) // in one process, too
}

func wantInUse(t *testing.T, path string) {
	t.Helper()
	j := new(journal)
	s, err := bolt.Open(t.Context(), location(path), deps(j))
	if err == nil {
		_ = s.Close()
		t.Fatal("Open of a file in use succeeded")
	}
	for _, want := range []string{path, "in use by another process", "stop the other"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %q, want it to say %q", err, want)
		}
	}
	if len(aside(t, path)) > 0 || j.String() != "" {
		t.Errorf("a file in use was set aside: %v: %s", aside(t, path), j)
	}
}
