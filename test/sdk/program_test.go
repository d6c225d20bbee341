//go:build sdk

package sdk_test

import (
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/sdkprogram"
)

// program is a running client program.
type program struct {
	sdk
	*sdkprogram.Program
}

// startProgram starts the program of an SDK, which ends with the test.
func startProgram(t *testing.T, s sdk) *program {
	t.Helper()
	return &program{s, sdkprogram.Start(t, s.name, s.command(t))}
}

// request is one call; see the package's documentation.
type request struct {
	Call     string    `json:"call"`
	Client   string    `json:"client,omitempty"`
	Options  *options  `json:"options,omitempty"`
	Identity *identity `json:"identity,omitempty"`
	Features []string  `json:"features,omitempty"`
	Event    string    `json:"event,omitempty"`
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
	EventsURL   string       `json:"events_url,omitempty"`
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

// open makes a client of the SDK, closed with the test, and returns its name.
func (p *program) open(t *testing.T, o options) string {
	t.Helper()
	name := t.Name()
	p.Call(t, request{Call: "open", Client: name, Options: &o}, nil)
	t.Cleanup(func() { p.Call(t, request{Call: "close", Client: name}, nil) })
	return name
}

// flags returns the flags that the SDK has: the environment's for a nil identity.
func (p *program) flags(t *testing.T, client string, who *identity) flags {
	t.Helper()
	var list []flag
	p.Call(t, request{Call: "flags", Client: client, Identity: who}, &list)
	return flagsOf(list)
}
