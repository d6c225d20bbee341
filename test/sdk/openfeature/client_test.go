//go:build sdk

package openfeature_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/sdkprogram"
)

// installed is where "make test-sdk" installs the program with its SDKs.
const installed = "../../../bin/sdk/openfeature"

// client is the running program; see the package's documentation.
type client struct{ *sdkprogram.Program }

// startClient starts the program, which ends with the test.
func startClient(t *testing.T) client {
	t.Helper()
	if _, err := os.Stat(installed + "/client.mjs"); err != nil {
		t.Fatalf("%v: run \"make test-sdk\", which installs it", err)
	}
	cmd := exec.Command("node", "client.mjs")
	cmd.Dir = installed
	return client{sdkprogram.Start(t, "the client", cmd)}
}

type object = map[string]any

// open makes a client of an SDK, which is closed with the test, and returns its
// name.
func (c client) open(t *testing.T, options object) string {
	t.Helper()
	name := t.Name()
	c.Call(t, object{"call": "open", "client": name, "options": options}, nil)
	t.Cleanup(func() { c.Call(t, object{"call": "close", "client": name}, nil) })
	return name
}

// details are what OpenFeature reports of an evaluation.
type details struct {
	Value        any
	Reason       string
	Variant      string
	ErrorCode    string
	ErrorMessage string
	FlagMetadata object
}

func (c client) evaluate(t *testing.T, name, flag string, fallback any, context object) details {
	t.Helper()
	var d details
	c.Call(t, object{"call": "evaluate", "client": name, "flag": flag, "default": fallback, "context": context}, &d)
	return d
}
