package commands

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/domain"
)

// adminHelp is what the help of every action says.
const adminHelp = "It asks the admin listener of a running proxy, and needs its token."

// actionChoice is which node an action is for, who acts and why, and in which form the
// command prints what came of it.
type actionChoice struct {
	adminChoice
	config, reason string
	author         string // "": the user's name
	json           bool
}

func (c *actionChoice) define(cmd *cobra.Command) {
	defineConfig(cmd, &c.config)
	c.adminChoice.define(cmd)
	cmd.Flags().StringVar(&c.reason, "reason", "", "`text` that the log and the events of the node keep")
	cmd.Flags().StringVar(&c.author, "author", "", "`NAME` of the person who acts, for the log (default: the user's)")
	defineJSON(cmd, &c.json)
}

// act has the chosen node do an action, reads its answer into answer, and prints it: as
// JSON, or what text writes.
func (p *Program) act(ctx context.Context, c actionChoice, method, path string, body map[string]any, answer any, text func(out io.Writer) error) error {
	admin, err := p.admin(c.adminChoice, c.config)
	if err != nil {
		return err
	}
	admin.author = c.author
	if err := admin.act(ctx, method, path, c.reason, body, answer); err != nil {
		return err
	}
	return p.print(c.json, answer, text)
}

func (p *Program) drain() *cobra.Command {
	var choice actionChoice
	var limit time.Duration
	cmd := &cobra.Command{
		Use:   "drain",
		Short: "take a running node out of service for a while",
		Long: "Makes a running node unready, so that load balancers send clients to others; answers ask clients to reconnect, and\n" +
			"streams of events end. It answers requests all the same, and keeps its documents fresh. It is ready again after\n" +
			"--for, or after undrain.\n" + adminHelp,
		Example: "edge-proxy drain --for 15m --reason \"new kernel\"\nedge-proxy drain --admin http://10.0.0.7:8001",
		Args:    operands(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var answer struct {
				Draining bool      `json:"draining"`
				Until    time.Time `json:"until"`
			}
			return p.act(cmd.Context(), choice, http.MethodPost, "/drain", map[string]any{"for": limit.String()}, &answer, func(out io.Writer) error {
				_, err := fmt.Fprintf(out, "draining until %s\n", answer.Until.Format(time.RFC3339))
				return err
			})
		},
	}
	choice.define(cmd)
	cmd.Flags().DurationVar(&limit, "for", 10*time.Minute, "how long, at most 24h")
	return cmd
}

func (p *Program) undrain() *cobra.Command {
	var choice actionChoice
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
			return p.act(cmd.Context(), choice, http.MethodDelete, "/drain", nil, &answer, func(out io.Writer) error {
				text := "in service again"
				if !answer.Was {
					text = "the node was not drained"
				}
				_, err := fmt.Fprintln(out, text)
				return err
			})
		},
	}
	choice.define(cmd)
	return cmd
}

func (p *Program) logLevel() *cobra.Command {
	var choice actionChoice
	var limit time.Duration
	var logger string
	var end bool
	cmd := &cobra.Command{
		Use:   "log-level [LEVEL]",
		Short: "change the log level of a running node for a while",
		Long: "Has a running node log from LEVEL on: DEBUG, INFO, WARNING, ERROR or CRITICAL. After --for, or with --end, the\n" +
			"configured level applies again; so it does after a restart. With --logger\n" +
			"only one logger and those below it are changed.\n" + adminHelp,
		Example: "edge-proxy log-level DEBUG --for 10m --reason \"polls fail\"\nedge-proxy log-level DEBUG --logger edge_proxy.store\nedge-proxy log-level --end",
		Args: func(cmd *cobra.Command, args []string) error {
			if end {
				return operands()(cmd, args)
			}
			return operands("LEVEL")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var answer struct {
				Logger string     `json:"logger"`
				Level  string     `json:"level,omitempty"`
				Until  *time.Time `json:"until,omitempty"`
				Was    *bool      `json:"was,omitempty"`
			}
			text := func(out io.Writer) error {
				what := "the log"
				if answer.Logger != "" {
					what = "the logger " + answer.Logger
				}
				var err error
				switch {
				case answer.Until != nil:
					_, err = fmt.Fprintf(out, "%s is at %s until %s\n", what, answer.Level, answer.Until.Format(time.RFC3339))
				case answer.Was != nil && *answer.Was:
					_, err = fmt.Fprintln(out, "the configured levels apply again")
				default:
					_, err = fmt.Fprintln(out, "the levels were the configured ones")
				}
				return err
			}
			if end {
				return p.act(cmd.Context(), choice, http.MethodDelete, "/log-level", nil, &answer, text)
			}
			body := map[string]any{"level": args[0], "for": limit.String()}
			if logger != "" {
				body["logger"] = logger
			}
			return p.act(cmd.Context(), choice, http.MethodPost, "/log-level", body, &answer, text)
		},
	}
	choice.define(cmd)
	cmd.Flags().DurationVar(&limit, "for", 10*time.Minute, "how long, at most 24h")
	cmd.Flags().StringVar(&logger, "logger", "", "`NAME` of the logger, such as edge_proxy.store (default: all)")
	cmd.Flags().BoolVar(&end, "end", false, "have the configured levels apply again now")
	return cmd
}

func (p *Program) refresh() *cobra.Command {
	var choice actionChoice
	var environment string
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
			err := p.act(cmd.Context(), choice, http.MethodPost, path, nil, &answer, answer.print)
			if err == nil && answer.failed() {
				err = ErrReported
			}
			return err
		},
	}
	choice.define(cmd)
	cmd.Flags().StringVar(&environment, "environment", "", "client-side `KEY` of the environment (default: all)")
	return cmd
}

// refreshAnswer is what the admin listener answers to a refresh.
type refreshAnswer struct {
	Environments []refreshedEnvironment `json:"environments"`
}

type refreshedEnvironment struct {
	Environment string     `json:"environment"`
	Outcome     string     `json:"outcome"`
	Cause       string     `json:"cause,omitempty"`
	Took        string     `json:"took,omitempty"`
	Changed     bool       `json:"changed"`
	Updated     *time.Time `json:"updated"`
}

func (e *refreshedEnvironment) failed() bool { return e.Outcome != "ok" && e.Outcome != "not_modified" }

// failed reports whether a document could not be fetched.
func (a *refreshAnswer) failed() bool {
	return slices.ContainsFunc(a.Environments, func(e refreshedEnvironment) bool { return e.failed() })
}

func (a *refreshAnswer) print(out io.Writer) error {
	for _, e := range a.Environments {
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
		if _, err := fmt.Fprintf(out, "%s: %s; %s\n", shownKey(domain.EnvironmentKey(e.Environment)), outcome, updated); err != nil {
			return err
		}
	}
	return nil
}
