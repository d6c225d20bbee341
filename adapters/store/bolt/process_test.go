package bolt_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"go.uber.org/goleak"
)

// Some tests need a second process: they start the test binary again, which then
// does what this variable says to the file that the other one names.
const (
	roleVariable = "BOLT_TEST_ROLE"
	fileVariable = "BOLT_TEST_FILE"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(role, os.Getenv(fileVariable)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func play(role, path string) error {
	switch role {
	case "hold":
		return hold(path)
	case "storm":
		return storm(path)
	}
	return playLimited(role, path)
}

// process is the test binary at work in a role.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	output *bufio.Scanner
}

// start starts a process, which is killed at the end of the test at the latest.
func start(t testing.TB, role, path string) *process {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(executable)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, fileVariable+"="+path)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil { // open until the process is waited for
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: cmd, output: bufio.NewScanner(output)}
	t.Cleanup(p.kill)
	return p
}

// line returns the next line that the process prints; ok is false when it has ended.
func (p *process) line() (line string, ok bool) {
	ok = p.output.Scan()
	return p.output.Text(), ok
}

// kill kills the process, if it has not ended, with SIGKILL.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	for p.output.Scan() { // what was printed before
	}
	_ = p.cmd.Wait()
}

// finish waits for the process to end well.
func (p *process) finish() {
	p.t.Helper()
	for p.output.Scan() {
		p.t.Log(p.output.Text())
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("the other process: %v", err)
	}
}
