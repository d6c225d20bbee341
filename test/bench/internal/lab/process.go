package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	startTimeout = 60 * time.Second
	stopTimeout  = 20 * time.Second
)

// Command is a program to start.
type Command struct {
	Path string
	Args []string
	Env  []string // NAME=value; nothing else is passed on
	// Cores are those it may run on, in taskset's notation; "" for all.
	Cores string
	// Processors is its GOMAXPROCS; 0 leaves it to the runtime.
	Processors int
}

// Process is a running program that has told where it listens.
type Process struct {
	Address string // host and port
	PID     int

	cmd    *exec.Cmd
	exited chan struct{}

	mu   sync.Mutex
	tail []byte // of what it printed
}

// Start starts a program and waits until it has logged, as JSON, the event
// "listening" with its address.
func Start(ctx context.Context, c Command) (*Process, error) {
	arguments := append([]string{c.Path}, c.Args...)
	if c.Cores != "" {
		arguments = append([]string{"taskset", "-c", c.Cores}, arguments...)
	}
	cmd := exec.CommandContext(ctx, arguments[0], arguments[1:]...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, c.Env...)
	if c.Processors > 0 {
		cmd.Env = append(cmd.Env, "GOMAXPROCS="+strconv.Itoa(c.Processors))
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = write, write
	err = cmd.Start()
	_ = write.Close() // the process has its own
	if err != nil {
		_ = read.Close()
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	p := &Process{PID: cmd.Process.Pid, cmd: cmd, exited: make(chan struct{})}
	listening := make(chan string, 1)
	go p.listen(read, listening)
	select {
	case p.Address = <-listening:
		return p, nil
	case <-p.exited:
		return nil, fmt.Errorf("%s ended before it listened:\n%s", c.Path, p.Output())
	case <-time.After(startTimeout):
		p.Stop()
		return nil, fmt.Errorf("%s did not listen within %s:\n%s", c.Path, startTimeout, p.Output())
	}
}

// listen reads what the process prints until it ends.
func (p *Process) listen(output io.ReadCloser, listening chan<- string) {
	defer close(p.exited)
	defer func() { _ = p.cmd.Wait() }()
	defer func() { _ = output.Close() }()
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 1<<20)
	told := false
	for lines.Scan() {
		p.keep(lines.Bytes())
		var event struct{ Message, Address string }
		if !told && json.Unmarshal(lines.Bytes(), &event) == nil && event.Message == "listening" {
			told = true
			listening <- event.Address
		}
	}
	_, _ = io.Copy(io.Discard, output) // after a line that is too long, so that the process does not block
}

// keptOutput is how many bytes of a process's output are kept for reports.
const keptOutput = 16 << 10

func (p *Process) keep(line []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tail = append(append(p.tail, line...), '\n')
	if len(p.tail) > 2*keptOutput {
		p.tail = append(p.tail[:0], p.tail[len(p.tail)-keptOutput:]...)
	}
}

// Output returns the end of what the process printed.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.tail)
}

// Stop ends the process and waits until it is gone.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

// Alive returns an error with what the process printed once it has ended.
func (p *Process) Alive() error {
	select {
	case <-p.exited:
		return errors.New("the process ended:\n" + p.Output())
	default:
		return nil
	}
}
