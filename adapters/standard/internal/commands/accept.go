package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os/user"

	"github.com/spf13/cobra"
)

// actChoice is where a command acts, who acts and why.
type actChoice struct {
	adminChoice
	config, author, reason string
	json                   bool
}

func (c *actChoice) define(cmd *cobra.Command) {
	defineConfig(cmd, &c.config)
	c.adminChoice.define(cmd)
	cmd.Flags().StringVar(&c.author, "author", "", "`NAME` of the person who acts, for the log (default: the user's)")
	cmd.Flags().StringVar(&c.reason, "reason", "", "`TEXT` that says why, for the log")
	cmd.Flags().BoolVar(&c.json, "json", false, "print one JSON object")
}

// act has a running proxy do something. The members of body are sent with the reason; the
// answer is read into result and, with --json, printed.
func (p *Program) act(ctx context.Context, c actChoice, method, path string, body map[string]any, result any) error {
	admin, err := p.admin(c.adminChoice, c.config)
	if err != nil {
		return err
	}
	if admin.author = c.author; admin.author == "" {
		if u, err := user.Current(); err == nil {
			admin.author = u.Username
		}
	}
	if c.reason != "" {
		body["reason"] = c.reason
	}
	content, err := json.Marshal(body)
	if err != nil {
		return err
	}
	answer, err := admin.do(ctx, method, path, content)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, result); err != nil {
		return fmt.Errorf("the answer to %s is not what this command knows: %w", path, err)
	}
	if c.json {
		return printJSON(p.Stdout, result)
	}
	return nil
}

// environmentPath returns the path of an environment's page on the admin listener.
func environmentPath(key string) string { return "/environments/" + url.PathEscape(key) }

func (p *Program) accept() *cobra.Command {
	var choice actChoice
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
			err := p.act(cmd.Context(), choice, http.MethodPost, environmentPath(args[0])+"/accept", map[string]any{}, &accepted)
			if err == nil && !choice.json {
				fmt.Fprintf(p.Stdout, "accepted document %s of %s\n", accepted.Accepted, accepted.Environment)
			}
			return err
		},
	}
	choice.define(cmd)
	return cmd
}
