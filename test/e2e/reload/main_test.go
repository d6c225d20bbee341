package reload_test

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// secretPattern finds a server-side key that is shown whole, or more of it than
// its last four characters, and every other secret of these tests.
var secretPattern = regexp.MustCompile(`ser\.[\w-]{5,}|hook-secret`)

// TestMain looks, after the last test, through everything that any process
// printed: secrets come from files that the harness has not seen.
func TestMain(m *testing.M) {
	code := m.Run()
	if secret := secretPattern.FindString(harness.Outputs()); secret != "" {
		fmt.Fprintf(os.Stderr, "a process printed a secret that begins with %q\n", secret[:6])
		code = 1
	}
	os.Exit(code)
}
