package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/ports"
)

// store is the command for operators, on whichever store.
func (p *Program) store() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "store COMMAND",
		Short: "look into the store of documents, export and import it",
		Long: "edge-proxy store works on the documents of a store, beside the proxies that use it or without any.\n\n" +
			"The store is that of the configuration (store.url, store.prefix), whose other settings may be\n" +
			"missing, or the one given with --store and --prefix. A store in a file serves one process at\n" +
			"a time: stop the proxy that uses it before you change the store. Commands that only read ask\n" +
			"that proxy at its admin listener instead, or the proxy that --admin names.\n\n" +
			"Characters of keys other than letters, digits and \"-._~\" are shown, and may be given, as %XX.",
		Args: unknownCommand,
		RunE: func(*cobra.Command, []string) error { return usage("a command is missing") },
	}
	cmd.AddCommand(p.storeList(), p.storeGet(), p.storeVerify(), p.storeDiff(), p.storeDelete(), p.storeExport(), p.storeImport())
	return cmd
}

// storeChoice is which store a command is to work on.
type storeChoice struct{ config, url, prefix string }

func (c *storeChoice) define(cmd *cobra.Command) {
	defineConfig(cmd, &c.config)
	cmd.Flags().StringVar(&c.url, "store", "", "`URL` of the store (default: store.url of the configuration, which keeps a password out of the list of processes)")
	cmd.Flags().StringVar(&c.prefix, "prefix", "", "`text` that names in a shared store begin with (default: store.prefix of the configuration)")
}

// insideProcess is the scheme of the store that no other process can reach.
const insideProcess = "memory"

// withStore opens the store of c, calls work with it, and closes it.
func (p *Program) withStore(ctx context.Context, c storeChoice, a Access, work func(ports.Store) error) error {
	settings, err := p.storeSettings(c)
	if err != nil {
		return err
	}
	return p.withStoreOf(ctx, settings, a, work)
}

// storeSettings returns the settings of the store of c.
func (p *Program) storeSettings(c storeChoice) (config.Store, error) {
	src := p.source(c.config)
	if c.url != "" {
		src.Overrides = append(src.Overrides, config.Override{Key: "store.url", Value: c.url, Origin: "flag --store"})
	}
	if c.prefix != "" {
		src.Overrides = append(src.Overrides, config.Override{Key: "store.prefix", Value: c.prefix, Origin: "flag --prefix"})
	}
	settings, warnings, err := config.LoadStore(src)
	p.warn(warnings)
	if err != nil {
		return settings, &ConfigurationError{Err: err}
	}
	return settings, nil
}

// withStoreOf is withStore for settings that are loaded already.
func (p *Program) withStoreOf(ctx context.Context, settings config.Store, a Access, work func(ports.Store) error) error {
	if settings.URL.Parse().Scheme == insideProcess {
		return usage("the store %q is inside the process that uses it; name the store to work on with store.url or --store, or the process with --admin", insideProcess+":")
	}
	logger := slog.New(slog.NewTextHandler(p.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	store, err := p.Wiring.OpenStore(ctx, settings, a, logger)
	if err != nil {
		return err
	}
	err = work(store)
	if closing := store.Close(); closing != nil {
		err = errors.Join(err, fmt.Errorf("closing the store: %w", closing))
	}
	return err
}
