package harness

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

const (
	modulePath = "github.com/edge-proxy/edge-proxy"
	// buildTimeout is generous: with the race detector and a cold cache the
	// whole standard library is compiled.
	buildTimeout = 8 * time.Minute
)

// session is what outlives a single test: the binaries, built once, and the
// output of every process. It belongs to the test process as a whole, which is
// why this package, unlike those of the product, keeps it in a variable.
var session = &testSession{binaries: map[string]*binary{}}

type testSession struct {
	mu       sync.Mutex
	dir      string // holds the binaries; "" before the first build
	binaries map[string]*binary
	outputs  []*output
}

// binary is one command of this module; its build runs once.
type binary struct {
	once sync.Once
	path string
	err  error
}

// Main runs the tests and removes what the harness built. Its result is the
// exit code of the test process.
func Main(m *testing.M) int {
	code := m.Run()
	session.mu.Lock()
	defer session.mu.Unlock()
	if session.dir != "" {
		if err := os.RemoveAll(session.dir); err != nil {
			fmt.Fprintln(os.Stderr, "harness:", err)
		}
	}
	return code
}

// Binary returns the path of the proxy's binary: that of EDGE_PROXY_BINARY, or
// one built from this module the first time it is asked for.
func Binary(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("EDGE_PROXY_BINARY"); path != "" {
		absolute, err := filepath.Abs(path)
		if err != nil {
			t.Fatalf("harness: EDGE_PROXY_BINARY: %v", err)
		}
		return absolute
	}
	return build(t, "cmd/edge-proxy")
}

// build compiles a command of this module, with the race detector if the test
// has it, and returns the path of the result.
func build(t testing.TB, command string) string {
	t.Helper()
	session.mu.Lock()
	b := session.binaries[command]
	if b == nil {
		b = &binary{}
		session.binaries[command] = b
	}
	session.mu.Unlock()

	b.once.Do(func() { b.path, b.err = compile(command) })
	if b.err != nil {
		t.Fatalf("harness: %v", b.err)
	}
	return b.path
}

func compile(command string) (string, error) {
	dir, err := session.directory()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, filepath.Base(command))
	arguments := []string{"build", "-o", path}
	if RaceEnabled {
		arguments = append(arguments, "-race")
	}
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	output, err := exec.CommandContext(ctx, "go", append(arguments, modulePath+"/"+command)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", command, err, output)
	}
	return path, nil
}

func (s *testSession) directory() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "edge-proxy-test-")
		if err != nil {
			return "", fmt.Errorf("directory for binaries: %w", err)
		}
		s.dir = dir
	}
	return s.dir, nil
}
