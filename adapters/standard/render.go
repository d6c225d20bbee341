package standard

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

func (p *program) renderConfig(_ context.Context, args []string) int {
	if code, ok := p.parse(newFlags("render-config"), args,
		"Writes the default configuration to CONFIG_PATH (config.json) unless a file is there, and prints it.\nReplace the placeholder keys before you serve."); !ok {
		return code
	}
	rendered := config.Render()
	path := config.Path(p.Environ)
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.WorkingDir, path)
	}
	switch err := writeNew(path, rendered); {
	case errors.Is(err, fs.ErrExist):
		fmt.Fprintf(p.Stderr, "edge-proxy: %s is there already and was left as it is\n", path)
	case err != nil:
		fmt.Fprintf(p.Stderr, "edge-proxy: warning: the configuration could not be written: %v\n", err)
	default:
		fmt.Fprintf(p.Stderr, "edge-proxy: wrote %s; replace the placeholder keys in it before you serve\n", path)
	}
	if _, err := p.Stdout.Write(rendered); err != nil {
		return exitFailure
	}
	return exitOK
}

// writeNew writes a file that must not be there yet, readable by its owner only:
// it is going to hold keys.
func writeNew(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}
