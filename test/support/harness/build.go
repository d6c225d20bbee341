package harness

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
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

// session holds the output of every process. It outlives a single test and belongs to the
// test process as a whole, which is why this package, unlike those of the product, keeps
// it in a variable.
var session = &testSession{}

type testSession struct {
	mu      sync.Mutex
	outputs []*output
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
	path, err := compiled()
	if err != nil {
		t.Fatalf("harness: %v", err)
	}
	return path
}

// compiled builds the proxy, once in a test process, with the race detector if the test has
// it.
var compiled = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	return compile(ctx, "cmd/edge-proxy")
})

// compile builds a command below bin/, where the test processes of all packages
// share it. A lock makes the others wait while the first one builds.
func compile(ctx context.Context, command string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	directory := filepath.Join(root, "bin", "test")
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
	// The lock's file says for which go command the binary was built last. Another package
	// of the same "go test" takes it as it is; asking whether it is up to date takes the go
	// command a second.
	run := goCommand()
	if builtFor, err := os.ReadFile(lock.Name()); err == nil && run != "" && string(builtFor) == run {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	if err := lock.Truncate(0); err != nil {
		return "", err
	}
	if _, err := goOutput(ctx, slices.Concat([]string{"build", "-o", path}, BuildFlags(), []string{modulePath + "/" + command})...); err != nil {
		return "", err
	}
	_, err = lock.WriteAt([]byte(run), 0)
	return path, err
}

// moduleRoot returns the directory of this module.
var moduleRoot = sync.OnceValues(func() (string, error) {
	root, err := goOutput(context.Background(), "list", "-m", "-f", "{{.Dir}}", modulePath)
	return strings.TrimSpace(root), err
})

// goCommand identifies the go command that runs this test process, by its number and its
// start. It returns "" if there is none, or where the system has no /proc.
func goCommand() string {
	for pid := os.Getppid(); pid > 1; {
		// The fields behind the name: state, parent and, as the 20th, the time of the start.
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		at := bytes.LastIndexByte(text, ')')
		fields := strings.Fields(string(text[at+1:]))
		if at < 0 || len(fields) < 20 {
			return ""
		}
		if bytes.HasSuffix(text[:at], []byte("(go")) {
			return fmt.Sprint(pid, " ", fields[19])
		}
		if pid, _ = strconv.Atoi(fields[1]); pid == 0 {
			return ""
		}
	}
	return ""
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
