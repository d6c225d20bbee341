package warmstart_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// patience is how long a test waits for what must come; only a failing test waits
// that long.
const patience = 30 * time.Second

// newFile returns the path of a store's file that does not exist yet.
func newFile(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "documents.db")
}

// withStore adds the store in a file, and an interval of polls in seconds.
func withStore(config map[string]any, path string, interval float64) map[string]any {
	config["store"] = map[string]any{"url": "bolt://" + path}
	config["api_poll_frequency_seconds"] = interval
	return config
}

// stop ends a proxy in good order.
func stop(t *testing.T, p *harness.Proxy) {
	t.Helper()
	p.Signal(t, syscall.SIGTERM)
	if code := p.Wait(t, patience); code != 0 {
		t.Fatalf("exit code %d after SIGTERM\n%s", code, p.Output())
	}
}

// logged tells whether an event was logged.
func logged(p *harness.Process, event string) bool {
	for _, e := range p.Events() {
		if e.Named(event) {
			return true
		}
	}
	return false
}

// aside returns the files that were set aside for the one at path.
func aside(t *testing.T, path string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), filepath.Base(path)+".damaged-") {
			found = append(found, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	return found
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
