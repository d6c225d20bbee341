package commands

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/domain"
)

// adminHelp is what the help of every action says.
const adminHelp = "It asks the admin listener of a running proxy, and needs its token."

// actionChoice is which node an action is for, and why.
type actionChoice struct {
	adminChoice
	config, reason string
	author         string // "": the user's name
}

func (c *actionChoice) define(cmd *cobra.Command) {
	defineConfig(cmd, &c.config)
	c.adminChoice.define(cmd)
	cmd.Flags().StringVar(&c.reason, "reason", "", "`text` that the log and the events of the node keep")
}

// act has the chosen node do an action.
func (p *Program) act(ctx context.Context, c actionChoice, method, path string, body map[string]any, answer any) error {
	admin, err := p.admin(c.adminChoice, c.config)
	if err != nil {
		return err
	}
	admin.author = c.author
	return admin.act(ctx, method, path, c.reason, body, answer)
}

func (p *Program) drain() *cobra.Command {
	var choice actionChoice
	var limit time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "drain",
		Short: "take a running node out of service for a while",
		Long: "Makes a running node unready, so that load balancers send clients to others; answers ask clients to reconnect.\n" +
			"It answers requests all the same, and keeps its documents fresh. It is ready again after --for, or after undrain.\n" + adminHelp,
		Example: "edge-proxy drain --for 15m --reason \"new kernel\"\nedge-proxy drain --admin http://10.0.0.7:8001",
		Args:    operands(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var answer struct {
				Draining bool      `json:"draining"`
				Until    time.Time `json:"until"`
			}
			if err := p.act(cmd.Context(), choice, http.MethodPost, "/drain", map[string]any{"for": limit.String()}, &answer); err != nil {
				return err
			}
			if asJSON {
				return printJSON(p.Stdout, answer)
			}
			_, err := fmt.Fprintf(p.Stdout, "draining until %s\n", answer.Until.Format(time.RFC3339))
			return err
		},
	}
	choice.define(cmd)
	cmd.Flags().DurationVar(&limit, "for", 10*time.Minute, "how long, at most 24h")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func (p *Program) undrain() *cobra.Command {
	var choice actionChoice
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "undrain",
		Short:   "put a drained node into service again",
		Long:    "Ends what drain has begun: the node is ready again if its documents are fresh.\n" + adminHelp,
		Example: "edge-proxy undrain",
		Args:    operands(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var answer struct {
				Draining bool `json:"draining"`
				Was      bool `json:"was"`
			}
			if err := p.act(cmd.Context(), choice, http.MethodDelete, "/drain", nil, &answer); err != nil {
				return err
			}
			if asJSON {
				return printJSON(p.Stdout, answer)
			}
			text := "in service again"
			if !answer.Was {
				text = "the node was not drained"
			}
			_, err := fmt.Fprintln(p.Stdout, text)
			return err
		},
	}
	choice.define(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func (p *Program) refresh() *cobra.Command {
	var choice actionChoice
	var environment string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "refresh",
		Short: "have a running node poll now, and print what came",
		Long: "Has a running node ask Flagsmith for documents now, and prints what came for each environment.\n" +
			"The exit code is 1 when a document could not be fetched.\n" + adminHelp,
		Example: "edge-proxy refresh\nedge-proxy refresh --environment your_client_side_key --json",
		Args:    operands(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := "/refresh"
			if environment != "" {
				path += "/" + url.PathEscape(environment)
			}
			var answer refreshAnswer
			if err := p.act(cmd.Context(), choice, http.MethodPost, path, nil, &answer); err != nil {
				return err
			}
			return p.printRefresh(answer, asJSON)
		},
	}
	choice.define(cmd)
	cmd.Flags().StringVar(&environment, "environment", "", "client-side `KEY` of the environment (default: all)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// refreshAnswer is what the admin listener answers to a refresh.
type refreshAnswer struct {
	Environments []struct {
		Environment string     `json:"environment"`
		Outcome     string     `json:"outcome"`
		Cause       string     `json:"cause,omitempty"`
		Took        string     `json:"took,omitempty"`
		Changed     bool       `json:"changed"`
		Updated     *time.Time `json:"updated"`
	} `json:"environments"`
}

// printRefresh prints what came of a refresh; its error says that not all of it is good.
func (p *Program) printRefresh(answer refreshAnswer, asJSON bool) error {
	failed := false
	for _, e := range answer.Environments {
		good := e.Outcome == "ok" || e.Outcome == "not_modified"
		failed = failed || !good
		if asJSON {
			continue
		}
		updated := "has no document"
		if e.Updated != nil {
			updated = "serves the document of " + e.Updated.Format(time.RFC3339)
		}
		outcome := e.Outcome
		switch {
		case outcome == "":
			outcome = "not fetched in time"
		case e.Changed:
			outcome += ", changed"
		}
		if e.Cause != "" {
			outcome += " (" + e.Cause + ")"
		}
		fmt.Fprintf(p.Stdout, "%s: %s; %s\n", shownKey(domain.EnvironmentKey(e.Environment)), outcome, updated)
	}
	if asJSON {
		if err := printJSON(p.Stdout, answer); err != nil {
			return err
		}
	}
	if failed {
		return ErrReported
	}
	return nil
}
