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
	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/doctor"
)

// theAPI is what answers can be compared with.
const theAPI = "api"

func (p *Program) doctor() *cobra.Command {
	var configFile, address, against string
	var admin adminChoice
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "check all that the proxy needs, and say how to fix what is wrong",
		Long: "Checks the configuration, the way to the API, every key and document, the clock, the store, the machine, and the\n" +
			"proxy that runs here, if one does. For each problem it prints what was found, why it matters and how to fix it.\n" +
			"It changes nothing, but for a record in the store that it removes again.\n\n" +
			"The exit code is 0 when nothing fails, 1 when a check fails, and 2 when the configuration is not usable; then\n" +
			"nothing else is checked. A warning does not change it.",
		Example: "edge-proxy doctor\nedge-proxy doctor --json --config /etc/edge-proxy/config.json",
		Args:    operands(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if against != "" && against != theAPI {
				return usage("--against is %q, must be %s", against, theAPI)
			}
			o := doctor.Options{Source: p.source(configFile), AgainstAPI: against == theAPI}
			var err error
			if o.Proxy, err = p.runningAt(cmd.Context(), address, configFile); err != nil {
				return err
			}
			o.OwnCertificate = address == ""
			client, err := p.adminOfDoctor(admin, configFile)
			if err != nil {
				return err
			}
			if client != nil {
				o.Admin, o.AdminToken, o.AdminTLS = client.base, client.token, client.tls
			}
			report := p.Wiring.Examine(cmd.Context(), o)
			err = p.report(asJSON, report.Status == doctor.Failure || !report.Configuration, report, func(out io.Writer) error { return printReport(out, report) })
			if errors.Is(err, ErrReported) && !report.Configuration {
				return errReportedConfiguration
			}
			return err
		},
	}
	defineConfig(cmd, &configFile)
	cmd.Flags().StringVar(&address, "url", "", "`address` of the proxy that runs here (default: from server.host and server.port)")
	admin.define(cmd)
	cmd.Flags().StringVar(&against, "against", "", "with `api`: also compare the answers of the running proxy and of the API about 20 identities of the first environment; Flagsmith stores nothing of them")
	defineJSON(cmd, &asJSON)
	return cmd
}

// runningAt returns the address of the proxy that may run here, "" where it is not
// known. Its error is about the given address.
func (p *Program) runningAt(ctx context.Context, given, configFile string) (string, error) {
	address, err := p.healthAddress(ctx, given, configFile)
	if err != nil && given == "" {
		return "", nil // the report says what is wrong with the configuration
	}
	return address, err
}

// adminOfDoctor returns a client of the admin listener, nil where it is not known. Its
// error is about the given address or token.
func (p *Program) adminOfDoctor(c adminChoice, configFile string) (*adminClient, error) {
	settings, _, err := config.LoadAdmin(p.source(configFile))
	if c.address == "" && (err != nil || settings.Port.Number == 0) {
		return nil, nil // the report says what is wrong with the configuration
	}
	return p.adminOf(c, settings)
}

// printReport prints a report for people: a line for each result, and what to do about
// those that are not well.
func printReport(out io.Writer, r *doctor.Report) error {
	var b strings.Builder
	for _, result := range r.Results {
		for i, found := range result.Found {
			if i == 0 {
				fmt.Fprintf(&b, "%-7s  %s  %s: %s\n", result.Status, result.ID, result.Check, found)
			} else {
				fmt.Fprintf(&b, "%-7s      %s\n", "", found)
			}
		}
		if result.Status == doctor.Warning || result.Status == doctor.Failure {
			fmt.Fprintf(&b, "%-13swhy: %s\n%-13sfix: %s\n%-13ssee: %s\n", "", result.Why, "", result.Fix, "", result.Link)
		}
	}
	took := time.Duration(r.Milliseconds * float64(time.Millisecond)).Round(time.Millisecond)
	fmt.Fprintf(&b, "\n%d ok, %s, %s, %d skipped, in %s\n",
		r.Count(doctor.OK), plural(r.Count(doctor.Warning), "warning"), plural(r.Count(doctor.Failure), "failure"), r.Count(doctor.Skipped), took)
	_, err := io.WriteString(out, b.String())
	return err
}

// plural returns a number of things, such as "1 warning" or "2 warnings".
func plural(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
