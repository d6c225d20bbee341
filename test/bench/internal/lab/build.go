package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const modulePath = "github.com/edge-proxy/edge-proxy"

// Build compiles a command of this module, given by its folder, into dir, static
// and stripped as releases are, and returns the binary's path.
func Build(ctx context.Context, dir, command string) (string, error) {
	path := filepath.Join(dir, filepath.Base(command))
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, modulePath+"/"+command)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", command, err, output)
	}
	return path, nil
}

// Need returns an error that says how to install the first of the programs that is
// missing.
func Need(programs ...string) error {
	packages := map[string]string{"wrk": "wrk", "taskset": "util-linux"}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is missing: apt-get install %s", program, packages[program])
		}
	}
	return nil
}
