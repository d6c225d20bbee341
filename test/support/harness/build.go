package harness

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	modulePath = "github.com/edge-proxy/edge-proxy"
	// buildTimeout is generous: with the race detector and a cold cache the
	// whole standard library is compiled.
	buildTimeout = 8 * time.Minute
)

// session holds what outlives a single test: the paths of the built binaries and
// the output of every process. It belongs to the test process as a whole, which is
// why this package, unlike those of the product, keeps it in a variable.
var session = &testSession{binaries: map[string]*binary{}}

type testSession struct {
	mu       sync.Mutex
	binaries map[string]*binary
	outputs  []*output
}

// binary is one command of this module. A test process builds it at most once.
type binary struct {
	once sync.Once
	path string
	err  error
}

// Binary returns the path of the proxy's binary: that of EDGE_PROXY_BINARY, or
// one built from this module.
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

	b.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
		defer cancel()
		b.path, b.err = compile(ctx, command)
	})
	if b.err != nil {
		t.Fatalf("harness: %v", b.err)
	}
	return b.path
}

// compile builds a command below bin/, where the test processes of all packages
// share it: the go command leaves a binary alone that is up to date. A lock makes
// the others wait while the first one builds.
func compile(ctx context.Context, command string) (string, error) {
	root, err := goOutput(ctx, "list", "-m", "-f", "{{.Dir}}", modulePath)
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	directory := filepath.Join(strings.TrimSpace(root), "bin", "test")
	if RaceEnabled {
		directory = filepath.Join(directory, "race")
	}
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(directory, filepath.Base(command))
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close() // and with it the lock ends
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	_, err = goOutput(ctx, slices.Concat([]string{"build", "-o", path}, BuildFlags(), []string{modulePath + "/" + command})...)
	return path, err
}

// BuildFlags returns the flags of the go command that decide whether it compiles
// packages again for a test that runs it: with them it finds the packages that were
// compiled for the test itself.
func BuildFlags() []string {
	if RaceEnabled {
		return []string{"-race"}
	}
	return nil
}

// goOutput runs the go command and returns its standard output.
func goOutput(ctx context.Context, arguments ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", arguments...)
	var problems strings.Builder
	cmd.Stderr = &problems
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(arguments, " "), err, problems.String())
	}
	return string(text), nil
}
