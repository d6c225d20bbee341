package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/app"
)

// validation is what came of validating a configuration, in JSON under these names.
type validation struct {
	Valid        bool     `json:"valid"` // the configuration; what --fetch finds is in the rest
	Problems     []string `json:"problems,omitempty"`
	Warnings     []string `json:"warnings,omitempty"`
	Environments int      `json:"environments"`
	ServerKeys   int      `json:"server_side_keys"`
	APIURL       string   `json:"api_url,omitempty"`
	// Of --fetch:
	Store     *triedStore    `json:"store,omitempty"`     // nil: it is inside the process
	Discovery *triedDiscover `json:"discovery,omitempty"` // nil without a proxy key
	Keys      []triedKey     `json:"keys,omitempty"`
}

// triedDiscover is what came of discovery.
type triedDiscover struct {
	OK         bool   `json:"ok"`
	Error      string `json:"error,omitempty"`
	Discovered int    `json:"discovered"`
	ToServe    int    `json:"to_serve"`
}

// triedKey is what came of fetching with one server-side key, which is masked.
type triedKey struct {
	Environment string     `json:"environment"`
	Key         string     `json:"key"`
	OK          bool       `json:"ok"`
	Error       string     `json:"error,omitempty"`
	Bytes       int        `json:"bytes"`
	Updated     *time.Time `json:"updated"`
	Problems    []string   `json:"problems,omitempty"`
	// BelongsTo is the client-side key of the document where that is another one.
	BelongsTo string `json:"belongs_to,omitempty"`
}

// usable reports whether what --fetch has tried can be served.
func (v *validation) usable() bool {
	for _, k := range v.Keys {
		if !k.OK {
			return false
		}
	}
	return (v.Store == nil || v.Store.OK) && (v.Discovery == nil || v.Discovery.OK)
}

func (p *Program) validate() *cobra.Command {
	var configFile string
	var fetch, strict, asJSON bool
	cmd := &cobra.Command{
		Use:     "validate",
		Short:   "check the configuration; with --fetch, the store and every key against the API",
		Long:    "Checks the configuration as serve does, without serving.\nThe exit code is 1 when --fetch finds a store, a key or a document that is not usable.",
		Example: "edge-proxy validate\nedge-proxy validate --fetch --config /etc/edge-proxy/config.json",
		Args:    operands(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := &validation{}
			err := p.validateInto(cmd.Context(), v, configFile, strict, fetch, func(print func(out io.Writer) error) error {
				if asJSON { // all of it is printed in the end
					return nil
				}
				return print(p.Stdout)
			})
			var configuration *ConfigurationError
			switch {
			case asJSON && errors.As(err, &configuration):
				v.Problems = strings.Split(strings.TrimSpace(configuration.Error()), "\n")
				for _, w := range configuration.Warnings {
					v.Warnings = append(v.Warnings, w.String())
				}
				err = errReportedConfiguration
			case err != nil:
				return err
			case !v.usable():
				err = ErrReported
			}
			if asJSON {
				err = errors.Join(printJSON(p.Stdout, v), err)
			}
			return err
		},
	}
	defineConfig(cmd, &configFile)
	cmd.Flags().BoolVar(&strict, "strict", false, "refuse a configuration with warnings, such as unknown settings")
	cmd.Flags().BoolVar(&fetch, "fetch", false, "write to the store, read it back and clean up; fetch the document of every environment with every server-side key and check it; with a proxy key, discover environments first")
	defineJSON(cmd, &asJSON)
	return cmd
}

// validateInto validates a configuration, and shows what it finds as it comes. Errors: a
// *ConfigurationError; those of show.
func (p *Program) validateInto(ctx context.Context, v *validation, configFile string, strict, fetch bool, show func(func(out io.Writer) error) error) error {
	settings, warnings, err := config.Load(p.source(configFile))
	if err != nil {
		return &ConfigurationError{Err: err, Warnings: warnings}
	}
	for _, w := range warnings {
		v.Warnings = append(v.Warnings, w.String())
	}
	if err := show(func(io.Writer) error { p.warn(warnings); return nil }); err != nil {
		return err
	}
	if strict && len(warnings) > 0 {
		return &ConfigurationError{Err: fmt.Errorf("%d warning(s), which --strict refuses", len(warnings))}
	}
	upstream, err := p.Wiring.OpenUpstream(settings)
	if err != nil {
		return err
	}
	defer upstream.Close()
	v.Valid, v.Environments, v.ServerKeys, v.APIURL = true, len(settings.Environments()), len(settings.EnvironmentKeyPairs), settings.APIURL.String()
	err = show(func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "configuration valid: %d environment(s), %d server-side key(s), %s\n", v.Environments, v.ServerKeys, v.APIURL)
		return err
	})
	if err != nil || !fetch {
		return err
	}
	if v.Store = p.tryStore(ctx, settings.Store); v.Store != nil {
		if err := show(v.Store.print); err != nil {
			return err
		}
	}
	list := settings.Environments()
	if upstream.Discoverer != nil {
		v.Discovery = &triedDiscover{}
		discovered, err := upstream.Discoverer.Discover(ctx)
		if err != nil {
			v.Discovery.Error = err.Error()
		} else {
			list = app.Unite(list, discovered, time.Now())
			*v.Discovery = triedDiscover{OK: true, Discovered: len(discovered), ToServe: len(list)}
		}
		if err := show(v.Discovery.print); err != nil {
			return err
		}
	}
	for _, c := range app.CheckAll(ctx, upstream, list, settings.APIPollConcurrency, time.Now) {
		k := keyOf(c)
		v.Keys = append(v.Keys, k)
		if err := show(k.print); err != nil {
			return err
		}
	}
	return nil
}

func keyOf(c app.Check) triedKey {
	k := triedKey{Environment: string(c.Environment), Key: c.Key.String()}
	if c.Err != nil {
		k.Error = c.Err.Error()
		return k
	}
	k.Bytes, k.BelongsTo, k.OK = c.Bytes, c.Mismatch, c.Mismatch == ""
	if !c.UpdatedAt.IsZero() {
		k.Updated = &c.UpdatedAt
	}
	for _, problem := range c.Problems {
		k.Problems = append(k.Problems, fmt.Sprint(problem))
	}
	return k
}

func (d *triedDiscover) print(out io.Writer) error {
	if !d.OK {
		_, err := fmt.Fprintf(out, "proxy_key: failed: %s\n", d.Error)
		return err
	}
	_, err := fmt.Fprintf(out, "proxy_key: ok, %d environment(s) discovered, %d to serve\n", d.Discovered, d.ToServe)
	return err
}

func (k triedKey) print(out io.Writer) error {
	if k.Error != "" {
		_, err := fmt.Fprintf(out, "%s with %s: failed: %s\n", k.Environment, k.Key, k.Error)
		return err
	}
	updated := "at an unknown time"
	if k.Updated != nil {
		updated = k.Updated.Format(time.RFC3339)
	}
	_, err := fmt.Fprintf(out, "%s with %s: ok, %d bytes, updated %s, %d problem(s)\n", k.Environment, k.Key, k.Bytes, updated, len(k.Problems))
	for _, problem := range k.Problems {
		fmt.Fprintf(out, "  %s\n", problem)
	}
	if k.BelongsTo != "" {
		fmt.Fprintf(out, "  the document belongs to the client-side key %s: the two keys are of different environments\n", k.BelongsTo)
	}
	return err
}
