package resilience_test

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// wholeKey finds a server-side key that is shown whole, or more of it than its
// last four characters. Every key in this package's tests is longer.
var wholeKey = regexp.MustCompile(`ser\.[\w-]{5,}`)

// TestMain looks, after the last test, through everything that any process
// printed.
func TestMain(m *testing.M) {
	code := m.Run()
	if key := wholeKey.FindString(harness.Outputs()); key != "" {
		fmt.Fprintf(os.Stderr, "a process printed a server-side key that begins with %q\n", key[:6])
		code = 1
	}
	os.Exit(code)
}
