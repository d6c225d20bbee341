// Package sdkprogram drives a program in another language, in which a test has an SDK
// do what applications do. The program reads requests from standard input, one JSON
// object a line, and answers each with one line on standard output:
// {"result": …} or {"error": "what the SDK said"}. What it logs goes to standard
// error. It ends with its input.
package sdkprogram

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

const (
	// callTimeout bounds one call. It is longer than any SDK waits and tries again.
	callTimeout = 30 * time.Second
	// endTimeout bounds the time between the end of a program's input and its own.
	endTimeout = 10 * time.Second
)

// Program is a running program. One goroutine at a time may call it.
type Program struct {
	name    string
	in      io.Writer
	answers <-chan []byte // closed when the program has ended
}

// Start starts cmd, whose environment and streams it sets. The program ends with
// the test, which fails when it does not, or not well; a failed test shows what it
// logged. Failures call it by its name.
func Start(t testing.TB, name string, cmd *exec.Cmd) *Program {
	t.Helper()
	// No HTTP proxy between the SDK and the one that is tested.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "NO_PROXY=*", "PYTHONUTF8=1"}
	var logged bytes.Buffer // complete once the program has ended
	cmd.Stderr = &logged
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	answers := make(chan []byte)
	go func() { // ends when the program does, which cleanup sees to
		defer close(answers)
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return
			}
			answers <- line
		}
	}()
	t.Cleanup(func() {
		_ = in.Close() // which asks it to end
		kill := time.AfterFunc(endTimeout, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		for range answers { // nobody reads them any more
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if t.Failed() {
			t.Logf("%s logged:\n%s", name, &logged)
		}
	})
	return &Program{name, in, answers}
}

// Try makes a call and decodes its result, which nil leaves alone. What the SDK
// said instead of a result is the error. A program that ends or hangs fails the
// test.
func (p *Program) Try(t testing.TB, request, result any) error {
	t.Helper()
	line, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		t.Fatalf("%s: %s: %v", p.name, line, err)
	}
	limit := time.NewTimer(callTimeout)
	defer limit.Stop()
	var text []byte
	select {
	case text = <-p.answers:
	case <-limit.C:
		t.Fatalf("%s: no answer within %s to %s", p.name, callTimeout, line)
	}
	if text == nil {
		t.Fatalf("%s ended instead of answering %s", p.name, line)
	}
	var answer struct {
		Result json.RawMessage
		Error  *string
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%s: %s: %v in %s", p.name, line, err, text)
	}
	if answer.Error != nil {
		return errors.New(*answer.Error)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Result, result); err != nil {
		t.Fatalf("%s: %s: %v in %s", p.name, line, err, text)
	}
	return nil
}

// Call is Try for what has to work.
func (p *Program) Call(t testing.TB, request, result any) {
	t.Helper()
	if err := p.Try(t, request, result); err != nil {
		line, _ := json.Marshal(request) // which Try has done before
		t.Fatalf("%s: %s: %v", p.name, line, err)
	}
}
