package commands

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

// measureTarget is where a command changes what is served, and in which form it prints
// what came of that.
type measureTarget struct {
	actionChoice
	json bool
}

func (c *measureTarget) define(cmd *cobra.Command) {
	c.actionChoice.define(cmd)
	cmd.Flags().StringVar(&c.author, "author", "", "`NAME` of the person who acts, for the log (default: the user's)")
	cmd.Flags().BoolVar(&c.json, "json", false, "print one JSON object")
}

// measure is act, and prints the answer with --json.
func (p *Program) measure(ctx context.Context, c measureTarget, method, path string, body map[string]any, result any) error {
	if err := p.act(ctx, c.actionChoice, method, path, body, result); err != nil {
		return err
	}
	if c.json {
		return printJSON(p.Stdout, result)
	}
	return nil
}

// environmentPath returns the path of an environment's page on the admin listener.
func environmentPath(key string) string { return "/environments/" + url.PathEscape(key) }

func (p *Program) accept() *cobra.Command {
	var choice measureTarget
	cmd := &cobra.Command{
		Use:   "accept ENVIRONMENT",
		Short: "serve a document that is held back as suspicious",
		Long: "Has a running proxy, and all nodes that share its store, serve the document of an environment that document_guard\n" +
			"holds back. ENVIRONMENT is a client-side key.",
		Example: `edge-proxy accept sample_client_key --reason "the old features were archived on purpose"`,
		Args:    operands("ENVIRONMENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var accepted struct {
				Environment string `json:"environment"`
				Accepted    string `json:"accepted"`
			}
			err := p.measure(cmd.Context(), choice, http.MethodPost, environmentPath(args[0])+"/accept", map[string]any{}, &accepted)
			if err == nil && !choice.json {
				fmt.Fprintf(p.Stdout, "accepted document %s of %s\n", accepted.Accepted, accepted.Environment)
			}
			return err
		},
	}
	choice.define(cmd)
	return cmd
}
