//go:build sdk

package sdk_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"time"
)

// callTimeout bounds one call. It is longer than any SDK waits and tries again.
const callTimeout = 30 * time.Second

// program is a running client program. One goroutine at a time may call it.
type program struct {
	sdk
	in      io.Writer
	answers <-chan []byte // closed when the program has ended
	errors  *lockedBuffer
}

// startProgram starts the program of an SDK, which ends with the test.
func startProgram(t *testing.T, s sdk) *program {
	t.Helper()
	cmd := s.command(t)
	// No HTTP proxy between the two.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "NO_PROXY=*", "PYTHONUTF8=1"}
	p := &program{sdk: s, errors: &lockedBuffer{}}
	cmd.Stderr = p.errors
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
	p.in, p.answers = in, answers
	stop := make(chan struct{})
	go func() { // ends when the program does, which cleanup sees to
		defer close(answers)
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return
			}
			select {
			case answers <- line:
			case <-stop:
				return
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		_ = in.Close() // it is told to end
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for range answers { // nobody reads them any more
			}
			_ = cmd.Wait()
		}()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
			t.Errorf("%s did not end with its input", s.name)
		}
		if t.Failed() {
			t.Logf("%s logged:\n%s", s.name, p.errors)
		}
	})
	return p
}

// request is one call; see the package's documentation.
type request struct {
	Call     string    `json:"call"`
	Client   string    `json:"client,omitempty"`
	Options  *options  `json:"options,omitempty"`
	Identity *identity `json:"identity,omitempty"`
	Features []string  `json:"features,omitempty"`
}

type options struct {
	URL         string       `json:"url"`
	Key         string       `json:"key"`
	Default     *flagDefault `json:"default,omitempty"`
	Local       bool         `json:"local,omitempty"`
	RefreshMS   int          `json:"refresh_ms,omitempty"`
	RealtimeURL string       `json:"realtime_url,omitempty"`
	Analytics   bool         `json:"analytics,omitempty"`
	PageSize    int          `json:"page_size,omitempty"`
}

type flagDefault struct {
	Enabled bool `json:"enabled"`
	Value   any  `json:"value"`
}

type identity struct {
	Identifier string  `json:"identifier"`
	Traits     []trait `json:"traits,omitempty"`
	Transient  bool    `json:"transient,omitempty"`
}

type trait struct {
	Key       string `json:"key"`
	Value     any    `json:"value"`
	Transient bool   `json:"transient,omitempty"`
}

// try makes a call, and returns what the SDK said instead of a result as an error.
// A program that ends or hangs fails the test.
func (p *program) try(t *testing.T, r request, result any) error {
	t.Helper()
	line, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		t.Fatalf("%s: %s: %v", p.name, r.Call, err)
	}
	timeout := time.NewTimer(callTimeout)
	defer timeout.Stop()
	var text []byte
	select {
	case text = <-p.answers:
	case <-timeout.C:
		t.Fatalf("%s: no answer to %q within %s", p.name, r.Call, callTimeout)
	}
	if text == nil {
		t.Fatalf("%s ended instead of answering %q", p.name, r.Call)
	}
	var answer struct {
		Result json.RawMessage
		Error  *string
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%s: %s: %v in %s", p.name, r.Call, err, text)
	}
	if answer.Error != nil {
		return errors.New(*answer.Error)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Result, result); err != nil {
		t.Fatalf("%s: %s: %v in %s", p.name, r.Call, err, text)
	}
	return nil
}

// call is try for what has to work.
func (p *program) call(t *testing.T, r request, result any) {
	t.Helper()
	if err := p.try(t, r, result); err != nil {
		t.Fatalf("%s: %s: %v", p.name, r.Call, err)
	}
}

// open makes a client of the SDK, closed with the test, and returns its name.
func (p *program) open(t *testing.T, o options) string {
	t.Helper()
	name := t.Name()
	p.call(t, request{Call: "open", Client: name, Options: &o}, nil)
	t.Cleanup(func() { p.call(t, request{Call: "close", Client: name}, nil) })
	return name
}

// flags returns the flags that the SDK has: the environment's for a nil identity.
func (p *program) flags(t *testing.T, client string, who *identity) flags {
	t.Helper()
	var list []flag
	p.call(t, request{Call: "flags", Client: client, Identity: who}, &list)
	return flagsOf(list)
}

// lockedBuffer collects what a program logs.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(text)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
