package harness

import (
	"testing"
	"time"
)

// commandTimeout bounds a command that ends by itself.
const commandTimeout = 30 * time.Second

// Result is what a command did.
type Result struct {
	Stdout, Stderr string
	Code           int // exit code, -1 when a signal ended it
}

// Run runs the proxy's binary for a command that ends by itself, such as
// "validate", or a start that is to be refused.
func Run(t testing.TB, s Setup) Result {
	t.Helper()
	secrets := s.secrets(t)
	p := start(t, "edge-proxy", s.command(t), func(process *Process) {
		process.Kill(t)
		process.judge(t, secrets)
	})
	code := p.Wait(t, commandTimeout)
	return Result{Stdout: p.Stdout(), Stderr: p.Stderr(), Code: code}
}
