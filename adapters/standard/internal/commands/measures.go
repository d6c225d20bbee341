package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// measure is what the admin listener answers about a measure that it has taken.
type measure struct {
	SHA256  string          `json:"sha256,omitempty"`
	Feature string          `json:"feature,omitempty"`
	Enabled *bool           `json:"enabled,omitempty"`
	Value   json.RawMessage `json:"value,omitempty"`
	Author  string          `json:"author,omitempty"`
	Reason  string          `json:"reason,omitempty"`
	Since   string          `json:"since,omitempty"`
	Until   string          `json:"until,omitempty"`
	Ended   string          `json:"ended,omitempty"`
}

// measureChoice is for how long a measure lasts, or that it ends.
type measureChoice struct {
	actionChoice
	lasts time.Duration
	end   bool
}

const lastsHelp = "\n\nIt takes effect on all nodes that share a store, and ends by itself: --for says when, at most 24h from now. It needs a\n--reason, which is logged with the author. ENVIRONMENT is a client-side key."

func (c *measureChoice) define(cmd *cobra.Command) {
	c.actionChoice.define(cmd)
	cmd.Flags().DurationVar(&c.lasts, "for", 0, "`DURATION` until the end, such as 30m, at most 24h")
}

func (c *measureChoice) defineEnd(cmd *cobra.Command, what string) {
	cmd.Flags().BoolVar(&c.end, "end", false, "end the "+what+" now")
}

// body returns the body of a request that begins a measure.
func (c *measureChoice) body(members map[string]any) (map[string]any, error) {
	switch {
	case c.lasts <= 0 || c.lasts > 24*time.Hour:
		return nil, usage("say with --for when it ends: in more than 0s, and at most 24h")
	case strings.TrimSpace(c.reason) == "":
		return nil, usage("say with --reason why")
	}
	members["for"] = c.lasts.String()
	return members, nil
}

// takeMeasure begins a measure; described says what applies now.
func (p *Program) takeMeasure(ctx context.Context, c measureChoice, method, path string, members map[string]any, described func(measure) string) error {
	body, err := c.body(members)
	if err != nil {
		return err
	}
	var m measure
	return p.act(ctx, c.actionChoice, method, path, body, &m, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "%s until %s\n", described(m), m.Until)
		return err
	})
}

// endMeasure ends what is described.
func (p *Program) endMeasure(ctx context.Context, c measureChoice, path, described string) error {
	return p.act(ctx, c.actionChoice, http.MethodDelete, path, nil, new(measure), func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "%s has ended\n", described)
		return err
	})
}

func pinned(m measure) string { return "document " + m.SHA256 + " is pinned" }

func (p *Program) pin() *cobra.Command {
	var choice measureChoice
	cmd := &cobra.Command{
		Use:   "pin ENVIRONMENT [VERSION]",
		Short: "serve a former document for a time",
		Long: "Has a running proxy serve one document in place of newer ones, which are still fetched. VERSION is a number, 1 for\n" +
			"the document before the newest, or the first digits of a document's SHA-256; the command history lists both." + lastsHelp,
		Example: "edge-proxy pin sample_client_key 1 --for 2h --reason \"the import was wrong\"\nedge-proxy pin sample_client_key --end",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return operands("ENVIRONMENT", "VERSION")(cmd, args)
			}
			return operands("ENVIRONMENT")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			path := environmentPath(args[0]) + "/pin"
			switch {
			case choice.end && len(args) > 1:
				return usage("--end takes no VERSION")
			case choice.end:
				return p.endMeasure(cmd.Context(), choice, path, "the pin")
			case len(args) < 2:
				return usage("say which VERSION to serve, or --end")
			}
			return p.takeMeasure(cmd.Context(), choice, http.MethodPost, path, map[string]any{"version": args[1]}, pinned)
		},
	}
	choice.define(cmd)
	choice.defineEnd(cmd, "pin")
	return cmd
}

func (p *Program) rollback() *cobra.Command {
	var choice measureChoice
	cmd := &cobra.Command{
		Use:     "rollback ENVIRONMENT",
		Short:   "serve the document before the present one for a time",
		Long:    "Pins the document before the one that is pinned or, without a pin, before the newest. The command pin --end ends it." + lastsHelp,
		Example: `edge-proxy rollback sample_client_key --for 2h --reason "the last change broke the checkout"`,
		Args:    operands("ENVIRONMENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.takeMeasure(cmd.Context(), choice, http.MethodPost, environmentPath(args[0])+"/rollback", map[string]any{}, pinned)
		},
	}
	choice.define(cmd)
	return cmd
}

func (p *Program) override() *cobra.Command {
	var choice measureChoice
	var on, off bool
	var value string
	cmd := &cobra.Command{
		Use:   "override ENVIRONMENT FEATURE",
		Short: "set a feature for everybody, for a time",
		Long: "Has a running proxy turn a feature on or off for everybody, for example while Flagsmith's dashboard is away. The\n" +
			"overrides of segments and identities, and the feature's options, do not apply meanwhile." + lastsHelp,
		Example: "edge-proxy override sample_client_key gift_cards --off --for 30m --reason \"orders fail\"\nedge-proxy override sample_client_key gift_cards --end",
		Args:    operands("ENVIRONMENT", "FEATURE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := environmentPath(args[0]) + "/overrides/" + url.PathEscape(args[1])
			if choice.end {
				return p.endMeasure(cmd.Context(), choice, path, "the override of "+args[1])
			}
			if on == off {
				return usage("say --on or --off, or --end")
			}
			members := map[string]any{"enabled": on}
			if cmd.Flags().Changed("value") {
				if !json.Valid([]byte(value)) {
					return usage("--value must be JSON: a number, true, false, null, or a text in quotation marks")
				}
				members["value"] = json.RawMessage(value)
			}
			state := map[bool]string{true: "on", false: "off"}[on]
			return p.takeMeasure(cmd.Context(), choice, http.MethodPut, path, members, func(measure) string { return args[1] + " is " + state })
		},
	}
	choice.define(cmd)
	choice.defineEnd(cmd, "override")
	cmd.Flags().BoolVar(&on, "on", false, "turn the feature on")
	cmd.Flags().BoolVar(&off, "off", false, "turn the feature off")
	cmd.Flags().StringVar(&value, "value", "", "`JSON` of the value (default: the document's)")
	return cmd
}

func (p *Program) history() *cobra.Command {
	var choice adminChoice
	var configFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "history ENVIRONMENT",
		Short:   "list the former documents of an environment",
		Long:    "Lists the documents that a running proxy has of an environment, the newest first. ENVIRONMENT is a client-side key.",
		Example: "edge-proxy history sample_client_key",
		Args:    operands("ENVIRONMENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			admin, err := p.admin(choice, configFile)
			if err != nil {
				return err
			}
			content, err := admin.get(cmd.Context(), environmentPath(args[0])+"/history")
			if err != nil {
				return err
			}
			var list struct {
				Documents []struct {
					Version  int     `json:"version"`
					SHA256   string  `json:"sha256"`
					Updated  *string `json:"updated"`
					Replaced *string `json:"replaced"`
					Bytes    int     `json:"bytes"`
				} `json:"documents"`
			}
			if err := json.Unmarshal(content, &list); err != nil {
				return fmt.Errorf("the answer is not a history: %w", err)
			}
			return p.print(asJSON, list, func(out io.Writer) error {
				table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "VERSION\tSHA256\tUPDATED\tREPLACED\tBYTES")
				for _, d := range list.Documents {
					fmt.Fprintln(table, strings.Join([]string{strconv.Itoa(d.Version), d.SHA256[:min(12, len(d.SHA256))], textOr(d.Updated), textOr(d.Replaced), strconv.Itoa(d.Bytes)}, "\t"))
				}
				return table.Flush()
			})
		},
	}
	defineConfig(cmd, &configFile)
	choice.define(cmd)
	defineJSON(cmd, &asJSON)
	return cmd
}

func textOr(text *string) string {
	if text == nil {
		return "-"
	}
	return *text
}
