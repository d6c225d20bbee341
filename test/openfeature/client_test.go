//go:build sdk

package openfeature_test

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

// installed is where "make test-sdk" installs the program with its SDKs.
const installed = "../../bin/sdk/openfeature"

// callTimeout bounds one call.
const callTimeout = 30 * time.Second

// client is the running program; see the package's documentation.
type client struct {
	in      io.Writer
	answers <-chan []byte // closed when the program has ended
}

// startClient starts the program, which ends with the test.
func startClient(t *testing.T) *client {
	t.Helper()
	if _, err := os.Stat(installed + "/client.mjs"); err != nil {
		t.Fatalf("%v: run \"make test-sdk\", which installs it", err)
	}
	cmd := exec.Command("node", "client.mjs")
	cmd.Dir = installed
	// No HTTP proxy between the two.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "NO_PROXY=*"}
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
	answers := make(chan []byte, 1)
	go func() { // ends with the program
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
		_ = in.Close() // it is told to end
		kill := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		for range answers { // nobody reads them any more
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the client: %v", err)
		}
		if t.Failed() {
			t.Logf("the client logged:\n%s", &logged)
		}
	})
	return &client{in, answers}
}

type object = map[string]any

// try makes a call, and returns what the SDK said instead of a result as an error.
func (c *client) try(t *testing.T, request object, result any) error {
	t.Helper()
	line, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.in.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	limit := time.NewTimer(callTimeout)
	defer limit.Stop()
	var text []byte
	select {
	case text = <-c.answers:
	case <-limit.C:
	}
	if text == nil {
		t.Fatalf("no answer to %s", line)
	}
	var answer struct {
		Result json.RawMessage
		Error  *string
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if answer.Error != nil {
		return errors.New(*answer.Error)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Result, result); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return nil
}

// call is try for what has to work.
func (c *client) call(t *testing.T, request object, result any) {
	t.Helper()
	if err := c.try(t, request, result); err != nil {
		t.Fatalf("%s: %v", request["call"], err)
	}
}

// open makes a client of an SDK, which is closed with the test, and returns its
// name.
func (c *client) open(t *testing.T, options object) string {
	t.Helper()
	name := t.Name()
	c.call(t, object{"call": "open", "client": name, "options": options}, nil)
	t.Cleanup(func() { c.call(t, object{"call": "close", "client": name}, nil) })
	return name
}

// details is what OpenFeature tells of an evaluation.
type details struct {
	Value        any
	Reason       string
	Variant      string
	ErrorCode    string
	ErrorMessage string
	FlagMetadata object
}

func (c *client) evaluate(t *testing.T, name, flag string, fallback any, context object) details {
	t.Helper()
	var d details
	c.call(t, object{"call": "evaluate", "client": name, "flag": flag, "default": fallback, "context": context}, &d)
	return d
}
