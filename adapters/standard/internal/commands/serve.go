package commands

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

func (p *Program) serve() *cobra.Command {
	var configFile string
	var sample bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "serve the configured environments (the default)",
		Long: "Serves the configured environments until SIGINT or SIGTERM.\n\n" +
			"With --sample it serves a sample environment, for a first try without Flagsmith and without a file. Its document is\n" +
			"in a temporary directory, where you can change it while the proxy runs. Variables apply, such as SERVER_PORT.",
		Example: "edge-proxy serve --config /etc/edge-proxy/config.json\nedge-proxy serve --sample",
		Args:    operands(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case sample && configFile != "":
				return usage("--sample goes without --config")
			case sample:
				return p.serveSample(cmd.Context())
			}
			return p.Wiring.Serve(cmd.Context(), p.source(configFile))
		},
	}
	defineConfig(cmd, &configFile)
	cmd.Flags().BoolVar(&sample, "sample", false, "serve a sample environment, for a first try")
	return cmd
}

// serveSample serves the sample from a directory, which it removes again.
func (p *Program) serveSample(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "edge-proxy-sample-")
	if err != nil {
		return fmt.Errorf("the sample needs a directory for temporary files: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a file that is left does no harm
	if err := os.CopyFS(dir, p.Sample); err != nil {
		return fmt.Errorf("writing the sample: %w", err)
	}
	src := p.source(filepath.Join(dir, "config.json"))
	server, _, err := config.LoadServer(src)
	if err != nil {
		return &ConfigurationError{Err: err}
	}
	address := "http://" + net.JoinHostPort(reachableHost(server.Host), strconv.Itoa(server.Port))
	fmt.Fprintf(p.Stderr, "edge-proxy: serving the sample environment in %s; try\n\n"+
		"  curl -H 'X-Environment-Key: sample_client_key' %s/api/v1/flags/\n"+
		"  edge-proxy explain --identifier ada --trait plan=gold --feature gift_cards\n\n",
		filepath.Join(dir, "environments"), address)
	return p.Wiring.Serve(ctx, src)
}
