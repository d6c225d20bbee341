package commands

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/ports"
)

func (p *Program) storeDelete() *cobra.Command {
	var choice storeChoice
	var yes, asJSON bool
	cmd := &cobra.Command{
		Use:   "delete KEY",
		Short: "delete a document from the store",
		Long: "Deletes the document under the client-side key KEY. It asks first, and needs --yes where it cannot ask. A proxy\n" +
			"that still serves the environment stores its document again. A store in a file that a process uses is refused.\n" +
			"The exit code is 1 when the store has no such document.",
		Example: "edge-proxy store delete former_client_key\nedge-proxy store delete former_client_key --yes --store redis://127.0.0.1:6379",
		Args:    operands("KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			key := keyArgument(args[0])
			return p.withStore(cmd.Context(), choice, Reads, func(store ports.Store) error {
				record, err := store.Get(cmd.Context(), key)
				switch {
				case errors.Is(err, ports.ErrNotFound):
					return fmt.Errorf("the store has no document under %s", shownKey(key))
				case err != nil && !errors.Is(err, ports.ErrCorrupt):
					return err
				}
				if !yes {
					if err := p.confirm(fmt.Sprintf("Delete the document under %s, %d bytes?", shownKey(key), len(record.Body))); err != nil {
						return err
					}
				}
				if err := store.Delete(cmd.Context(), key); err != nil {
					return err
				}
				return p.print(asJSON, map[string]string{"deleted": shownKey(key)}, func(out io.Writer) error {
					_, err := fmt.Fprintf(out, "%s: deleted\n", shownKey(key))
					return err
				})
			})
		},
	}
	choice.define(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "delete without asking")
	defineJSON(cmd, &asJSON)
	return cmd
}

// confirm asks a question on the terminal. Its error is that the answer is not yes, or that
// there is nobody to ask.
func (p *Program) confirm(question string) error {
	if !p.Terminal {
		return usage("nobody can be asked, so say --yes")
	}
	fmt.Fprintf(p.Stderr, "%s [y/N] ", question)
	line, _ := bufio.NewReader(p.Stdin).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing was deleted")
}
