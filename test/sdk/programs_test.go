//go:build sdk

package sdk_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// capability is something that an SDK can do with a proxy. Each has a scenario.
type capability string

const (
	remote         capability = "remote evaluation"
	serverSide     capability = "remote evaluation with a server-side key"
	transient      capability = "transient identities and traits"
	anonymous      capability = "identities without an identifier"
	refusals       capability = "errors"
	unavailability capability = "document not there yet"
	defaults       capability = "defaults"
	crossOrigin    capability = "cross-origin requests"
	local          capability = "local evaluation"
	polling        capability = "polling"
	paging         capability = "pages of the environment document"
	realTime       capability = "real time"
	analytics      capability = "analytics"
	localAnalytics capability = "analytics with a server-side key"
	experiments    capability = "experiments"
)

// sdk is one SDK and the program that drives it.
type sdk struct {
	name string
	// runtime runs the program, where the program does not run itself.
	runtime string
	program string
	can     []capability
	// conditional says whether it polls with conditional requests.
	conditional bool
	// splitsByIdentifier: local evaluation picks the variants of a multivariate
	// feature by the identifier alone, where Flagsmith and all other SDKs take
	// the environment's key and the identifier.
	splitsByIdentifier bool
}

// sdks are the SDKs tested; docs/compatibility.md has the same table.
func sdks() []sdk {
	return []sdk{
		{
			name:    "go",
			program: "go/client",
			can: []capability{
				remote, serverSide, transient, anonymous, refusals, unavailability, defaults,
				local, polling, realTime, analytics, localAnalytics,
			},
			splitsByIdentifier: true,
		},
		{
			name:    "javascript",
			runtime: "node",
			program: "javascript/client.mjs",
			can: []capability{
				remote, transient, anonymous, refusals, unavailability, defaults, crossOrigin,
				polling, realTime, analytics, experiments,
			},
		},
		{
			name:    "node",
			runtime: "node",
			program: "node/client.mjs",
			can: []capability{
				remote, serverSide, transient, refusals, unavailability, defaults,
				local, polling, paging, analytics, localAnalytics,
			},
		},
		{
			name:    "python",
			runtime: "./python/venv/bin/python",
			program: "python/client.py",
			can: []capability{
				remote, serverSide, transient, anonymous, refusals, unavailability, defaults,
				local, polling, realTime, analytics, localAnalytics, experiments,
			},
		},
	}
}

func (s sdk) has(c capability) bool { return slices.Contains(s.can, c) }

// installed is where "make test-sdk" installs the programs with their SDKs.
const installed = "../../bin/sdk"

// command runs the SDK's program.
func (s sdk) command(t *testing.T) *exec.Cmd {
	t.Helper()
	dir, err := filepath.Abs(filepath.FromSlash(installed))
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, filepath.FromSlash(s.program))
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("%v: run \"make test-sdk\", which installs it", err)
	}
	switch {
	case s.runtime == "":
		return exec.Command(program)
	case strings.HasPrefix(s.runtime, "./"):
		return exec.Command(filepath.Join(dir, filepath.FromSlash(s.runtime)), program)
	default:
		return exec.Command(s.runtime, program)
	}
}
