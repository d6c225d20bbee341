package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

func (p *Program) renderConfig() *cobra.Command {
	var configFile string
	var options config.RenderOptions
	cmd := &cobra.Command{
		Use:   "render-config",
		Short: "write the default configuration unless a file is there, and print it",
		Long: "Writes the default configuration to the file that --config or CONFIG_PATH names (config.json by default),\n" +
			"unless that file exists, and prints it. Replace the placeholder keys before you serve.",
		Example: "edge-proxy render-config\nedge-proxy render-config --minimal --comments\nedge-proxy render-config --config /etc/edge-proxy/config.json",
		Args:    operands(),
		RunE: func(*cobra.Command, []string) error {
			rendered := config.Render(options)
			path := p.path(config.Path(p.source(configFile)))
			switch err := writeNew(path, rendered); {
			case errors.Is(err, fs.ErrExist):
				fmt.Fprintf(p.Stderr, "edge-proxy: %s is there already and was left as it is\n", path)
			case err != nil:
				fmt.Fprintf(p.Stderr, "edge-proxy: warning: the configuration could not be written: %v\n", err)
			default:
				fmt.Fprintf(p.Stderr, "edge-proxy: wrote %s; replace the placeholder keys in it before you serve\n", path)
			}
			_, err := p.Stdout.Write(rendered)
			return err
		},
	}
	defineConfig(cmd, &configFile)
	cmd.Flags().BoolVar(&options.Minimal, "minimal", false, "write only the settings without which nothing is served")
	cmd.Flags().BoolVar(&options.Comments, "comments", false, "write before each setting what it does, as a comment")
	return cmd
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
