package harness

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// StartTimeout bounds how long a process may take until it listens, and
	// until it is ready.
	StartTimeout = 30 * time.Second
	// stopTimeout bounds how long a process may take to end when told to.
	stopTimeout = 20 * time.Second
	// pipeTimeout bounds the wait for the output of a process that has ended,
	// should a child of its own hold on to it.
	pipeTimeout = 5 * time.Second
)

// Process is a running process and what it printed. It is safe for concurrent
// use; methods that take a testing.TB fail that test.
type Process struct {
	name   string
	cmd    *exec.Cmd
	output *output
	exited chan struct{} // closed once the process has ended and its output is complete
}

// start runs a command until the end of the test at most. How the test wants
// it to end is a matter of finish, which runs at cleanup.
func start(t testing.TB, name string, cmd *exec.Cmd, finish func(*Process)) *Process {
	t.Helper()
	p := &Process{name: name, cmd: cmd, output: newOutput(), exited: make(chan struct{})}
	cmd.Stdout = stream{p.output, stdout}
	cmd.Stderr = stream{p.output, stderr}
	cmd.WaitDelay = pipeTimeout
	if err := cmd.Start(); err != nil {
		t.Fatalf("harness: start %s: %v", name, err)
	}
	go func() { // ends with the process, which cleanup ends
		_ = cmd.Wait() // the result is in cmd.ProcessState
		close(p.exited)
	}()
	t.Cleanup(func() { finish(p) })
	return p
}

// Output returns what the process printed so far, on both streams.
func (p *Process) Output() string {
	text, _ := p.output.text()
	return text
}

// Stdout returns what the process printed on standard output so far.
func (p *Process) Stdout() string {
	text, _ := p.output.stream(stdout)
	return text
}

// Stderr returns what the process printed on standard error so far.
func (p *Process) Stderr() string {
	text, _ := p.output.stream(stderr)
	return text
}

// Exited is closed once the process has ended and all its output is there.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Signal sends a signal. A process that has ended already fails the test.
func (p *Process) Signal(t testing.TB, signal os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatalf("harness: signal %s to %s: %v\n%s", signal, p.name, err, p.Output())
	}
}

// PID returns the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process without giving it a chance, and waits until it is gone.
func (p *Process) Kill(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("harness: kill %s: %v", p.name, err)
	}
	if !p.ended(stopTimeout) {
		t.Errorf("harness: %s survived being killed", p.name)
	}
}

// Wait waits for the process to end and returns its exit code: -1 when a
// signal ended it.
func (p *Process) Wait(t testing.TB, within time.Duration) int {
	t.Helper()
	if !p.ended(within) {
		t.Fatalf("harness: %s did not end within %s\n%s", p.name, within, p.Output())
	}
	return p.code()
}

// ended waits for the process's end and says whether it came in time.
func (p *Process) ended(within time.Duration) bool {
	if within <= 0 {
		select {
		case <-p.exited:
			return true
		default:
			return false
		}
	}
	limit := time.NewTimer(within)
	defer limit.Stop()
	select {
	case <-p.exited:
		return true
	case <-limit.C:
		return false
	}
}

// code is the exit code of a process that has ended.
func (p *Process) code() int { return p.cmd.ProcessState.ExitCode() }

// stop ends the process as an operator would, and reports it when that does
// not work: then its goroutines are printed and it is killed.
func (p *Process) stop(t testing.TB) {
	t.Helper()
	if p.ended(0) {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended this moment
	if p.ended(stopTimeout) {
		if code := p.code(); code != 0 {
			t.Errorf("harness: %s ended with exit code %d after SIGTERM\n%s", p.name, code, p.tail())
		}
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGQUIT)
	p.ended(pipeTimeout)
	p.Kill(t)
	t.Errorf("harness: %s did not end within %s after SIGTERM\n%s", p.name, stopTimeout, p.Output())
}

// tailSize is how much of a process's output a failed test shows.
const tailSize = 16 << 10

// tail is the end of the output, from the beginning of a line.
func (p *Process) tail() string {
	text := p.Output()
	if len(text) <= tailSize {
		return text
	}
	text = text[len(text)-tailSize:]
	return "…\n" + text[strings.IndexByte(text, '\n')+1:]
}
