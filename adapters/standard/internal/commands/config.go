package commands

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

// config is the command that explains the configuration.
func (p *Program) config() *cobra.Command {
	var configFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "print every setting as it applies, and where its value comes from",
		Long: "Prints every setting with its value, where the value comes from, and when a change takes effect: \"live\" while\n" +
			"the proxy runs, \"value\" the same but not from or to unset, \"restart\" at the next start. Secrets are masked.\n" +
			"The hash is the same for two nodes that are configured alike, masked secrets aside.",
		Example: "edge-proxy config\nedge-proxy config --json --config /etc/edge-proxy/config.json",
		Args:    operands(),
		RunE: func(*cobra.Command, []string) error {
			_, effective, warnings, err := config.LoadEffective(p.source(configFile))
			if err != nil {
				return &ConfigurationError{Err: err, Warnings: warnings}
			}
			p.warn(warnings)
			return p.print(asJSON, effective, func(out io.Writer) error { return printEffective(out, effective) })
		},
	}
	defineConfig(cmd, &configFile)
	defineJSON(cmd, &asJSON)
	return cmd
}

// printEffective prints a table, with values that fit into a line.
func printEffective(out io.Writer, e config.Effective) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SETTING\tVALUE\tSOURCE\tCHANGES")
	for _, s := range e.Settings {
		source := s.Source
		if s.Origin != "" {
			source = s.Origin
			if s.Source == "secret file" {
				source = "secret file named by " + s.Origin
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", s.Key, shownValue(s.Value), source, s.Reload)
	}
	fmt.Fprintf(t, "\nhash %s\n", e.Hash)
	return t.Flush()
}

// shownValue returns a value as JSON, texts without their quotes, cut where it is long.
func shownValue(value any) string {
	text, isText := value.(string)
	switch {
	case value == nil:
		return "-"
	case !isText || text == "" || strings.ContainsAny(text, "\t\n\"") || strings.HasPrefix(text, " "):
		encoded, err := json.Marshal(value)
		if err != nil {
			return "?" // cannot be: the value came from JSON
		}
		text = string(encoded)
	}
	return shortened(text)
}
