package commands

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/app/inspect"
	"github.com/edge-proxy/edge-proxy/domain"
)

// maxIdentityFile bounds what is read of a file with an identity.
const maxIdentityFile = 1 << 20

func (p *Program) explain() *cobra.Command {
	var choice documentChoice
	var who identityChoice
	var from, compare string
	var features []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "show how the flags of an identity come about",
		Long: "Shows how flags come about for an identity: its overrides, each segment that overrides the flag with its rules\n" +
			"and the values that its conditions saw, the first condition that failed, splits, and flags that conditions read.\n" +
			"Without an identity it explains the flags that GET /flags returns.\n\n" + placesHelp + "\n\n" +
			"With --compare the exit code is 1 if a flag is not the same in the other document.",
		Example: "edge-proxy explain --admin http://127.0.0.1:8001 --identifier ada --trait plan=pro --trait age:int=17 --feature new_checkout\n" +
			"edge-proxy explain --compare api --identity body.json\nedge-proxy explain --document document.json --json",
		Args: operands(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			id, err := who.identity(p)
			if err != nil {
				return err
			}
			question := inspect.Question{Identity: id, Features: features}
			e, err := p.explanations(cmd.Context(), choice, question, from, compare)
			if err != nil {
				return err
			}
			differ := e.Compared != nil && len(e.Compared.Different) > 0
			return p.report(asJSON, differ, e, func(out io.Writer) error { return printExplanation(out, e, id) })
		},
	}
	choice.define(cmd)
	who.define(cmd)
	cmd.Flags().StringVar(&from, "document", inspect.PlaceProxy, "`FILE` with the document, or proxy, history:N, api or store")
	cmd.Flags().StringVar(&compare, "compare", "", "`FILE` with another document, or proxy, history:N, api or store, for which to show the flags that are not the same")
	cmd.Flags().StringArrayVar(&features, "feature", nil, "`NAME` of a feature to explain; may be repeated (default: all)")
	defineJSON(cmd, &asJSON)
	return cmd
}

// explained is an explanation with what it was compared with, and its JSON.
type explained struct {
	*inspect.Explanation
	From     string    `json:"from"`
	Served   *servedBy `json:"served_by,omitempty"`
	Compared *compared `json:"compared,omitempty"`
}

// compared is how the flags of another document differ.
type compared struct {
	With      string                  `json:"with"`
	Different []inspect.DifferentFlag `json:"different"`
}

// explanations explains a document, and compares it with another one unless compare is
// "".
func (p *Program) explanations(ctx context.Context, c documentChoice, q inspect.Question, from, compare string) (*explained, error) {
	places := []string{from}
	if compare != "" {
		places = append(places, compare)
	}
	documents, err := p.documents(ctx, c, places...)
	if err != nil {
		return nil, err
	}
	e := &explained{From: from, Served: documents[0].served}
	if compare == "" {
		e.Explanation, err = inspect.Explain(documents[0].Source, q)
		return e, err
	}
	e.Compared = &compared{With: compare}
	e.Explanation, e.Compared.Different, err = inspect.ExplainBoth(documents[0].Source, documents[1].Source, q)
	return e, err
}

// identityChoice is whose flags a command works on.
type identityChoice struct {
	file, identifier string
	traits           []string
	cmd              *cobra.Command
}

func (c *identityChoice) define(cmd *cobra.Command) {
	c.cmd = cmd
	cmd.Flags().StringVar(&c.file, "identity", "", "`FILE` with the identity, the body of a request for /identities; - is standard input")
	cmd.Flags().StringVar(&c.identifier, "identifier", "", "`IDENTIFIER` of the identity")
	cmd.Flags().StringArrayVar(&c.traits, "trait", nil, "`KEY=VALUE` of a trait that is a text, or KEY:TYPE=VALUE with the type int, float, bool or str; may be repeated")
}

// identity returns the chosen identity, nil without one.
func (c *identityChoice) identity(p *Program) (*domain.Identity, error) {
	given := c.cmd.Flags().Changed("identifier") || len(c.traits) > 0
	if c.file == "" {
		if !given {
			return nil, nil
		}
		id := &domain.Identity{Identifier: c.identifier}
		for _, argument := range c.traits {
			trait, err := inspect.ParseTrait(argument)
			if err != nil {
				return nil, usage("--trait %s: %v", argument, err)
			}
			id.Traits = append(id.Traits, trait)
		}
		return id, nil
	}
	if given {
		return nil, usage("--identity goes without --identifier and --trait")
	}
	in := p.Stdin
	if c.file != "-" {
		file, err := os.Open(p.path(c.file))
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	body, err := io.ReadAll(io.LimitReader(in, maxIdentityFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", c.file, err)
	case len(body) > maxIdentityFile:
		return nil, fmt.Errorf("%s: an identity has at most %d bytes", c.file, maxIdentityFile)
	}
	id, err := inspect.ReadIdentity(string(body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.file, err)
	}
	return id, nil
}
