package commands

import (
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"
)

func (p *Program) accept() *cobra.Command {
	var choice actionChoice
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
			return p.act(cmd.Context(), choice, http.MethodPost, environmentPath(args[0])+"/accept", nil, &accepted, func(out io.Writer) error {
				_, err := fmt.Fprintf(out, "accepted document %s of %s\n", accepted.Accepted, accepted.Environment)
				return err
			})
		},
	}
	choice.define(cmd)
	return cmd
}
