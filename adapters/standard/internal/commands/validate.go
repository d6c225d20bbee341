package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/app"
)

func (p *Program) validate() *cobra.Command {
	var configFile string
	var fetch, strict bool
	cmd := &cobra.Command{
		Use:     "validate",
		Short:   "check the configuration; with --fetch, the store and every key against the API",
		Long:    "Checks the configuration as serve does, without serving.\nThe exit code is 1 when --fetch finds a store, a key or a document that is not usable.",
		Example: "edge-proxy validate\nedge-proxy validate --fetch --config /etc/edge-proxy/config.json",
		Args:    operands(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, warnings, err := config.Load(p.source(configFile))
			if err != nil {
				return &ConfigurationError{Err: err, Warnings: warnings}
			}
			p.warn(warnings)
			if strict && len(warnings) > 0 {
				return &ConfigurationError{Err: fmt.Errorf("%d warning(s), which --strict refuses", len(warnings))}
			}
			upstream, err := p.Wiring.OpenUpstream(settings)
			if err != nil {
				return err
			}
			defer upstream.Close()
			fmt.Fprintf(p.Stdout, "configuration valid: %d environment(s), %d server-side key(s), %s\n",
				len(settings.Environments()), len(settings.EnvironmentKeyPairs), settings.APIURL)
			if !fetch {
				return nil
			}
			stored := p.tryStore(cmd.Context(), settings.Store)
			if err := p.fetchAll(cmd.Context(), settings, upstream); err != nil {
				return err
			}
			return stored
		},
	}
	defineConfig(cmd, &configFile)
	cmd.Flags().BoolVar(&strict, "strict", false, "refuse a configuration with warnings, such as unknown settings")
	cmd.Flags().BoolVar(&fetch, "fetch", false, "write to the store, read it back and clean up; fetch the document of every environment with every server-side key and check it; with a proxy key, discover environments first")
	return cmd
}

// fetchAll prints what comes of discovery and of each key. Its error says that one
// of them is not fit to serve.
func (p *Program) fetchAll(ctx context.Context, settings config.Settings, upstream Upstream) error {
	list, failed := settings.Environments(), false
	if upstream.Discoverer != nil {
		discovered, err := upstream.Discoverer.Discover(ctx)
		if err != nil {
			fmt.Fprintf(p.Stdout, "proxy_key: failed: %v\n", err)
			failed = true
		} else {
			list = app.Unite(list, discovered, time.Now())
			fmt.Fprintf(p.Stdout, "proxy_key: ok, %d environment(s) discovered, %d to serve\n", len(discovered), len(list))
		}
	}
	for _, c := range app.CheckAll(ctx, upstream, list, settings.APIPollConcurrency, time.Now) {
		if !p.printCheck(c) {
			failed = true
		}
	}
	if failed {
		return ErrReported
	}
	return nil
}

// printCheck prints what came of one key and reports whether it is fit to serve.
func (p *Program) printCheck(c app.Check) bool {
	if c.Err != nil {
		fmt.Fprintf(p.Stdout, "%s with %s: failed: %v\n", c.Environment, c.Key, c.Err)
		return false
	}
	updated := "at an unknown time"
	if !c.UpdatedAt.IsZero() {
		updated = c.UpdatedAt.Format(time.RFC3339)
	}
	fmt.Fprintf(p.Stdout, "%s with %s: ok, %d bytes, updated %s, %d problem(s)\n", c.Environment, c.Key, c.Bytes, updated, len(c.Problems))
	for _, problem := range c.Problems {
		fmt.Fprintf(p.Stdout, "  %s\n", problem)
	}
	if c.Mismatch != "" {
		fmt.Fprintf(p.Stdout, "  the document belongs to the client-side key %s: the two keys are of different environments\n", c.Mismatch)
		return false
	}
	return true
}
