package commands

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/ports"
)

func (p *Program) storeGet() *cobra.Command {
	var choice readerChoice
	var output string
	var stat, asJSON bool
	cmd := &cobra.Command{
		Use:     "get KEY",
		Short:   "print a document, or what is known about it",
		Long:    "Prints the document under the client-side key KEY, byte for byte as upstream sent it.\nThe exit code is 1 when the store has none.",
		Example: "edge-proxy store get your_client_side_key --output document.json\nedge-proxy store get your_client_side_key --stat --json",
		Args:    operands("KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if asJSON && !stat || output != "" && stat {
				return usage("--json goes with --stat, and --output without it")
			}
			key := keyArgument(args[0])
			return p.withReader(cmd.Context(), choice, func(store ports.Reader) error {
				record, err := store.Get(cmd.Context(), key)
				switch {
				case errors.Is(err, ports.ErrNotFound):
					return fmt.Errorf("the store has no document under %s", shownKey(key))
				case err != nil:
					return err
				case asJSON:
					return json.NewEncoder(p.Stdout).Encode(infoOf(record))
				case stat:
					return p.printInfo(infoOf(record))
				case output != "":
					return replaceFile(p.path(output), record.Body)
				}
				_, err = p.Stdout.Write(record.Body)
				return err
			})
		},
	}
	choice.define(cmd)
	cmd.Flags().StringVar(&output, "output", "", "`file` to write the document to, instead of standard output; a file that is there is replaced")
	cmd.Flags().BoolVar(&stat, "stat", false, "print what is known about the document instead of it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "with --stat: print it as JSON")
	return cmd
}

func (p *Program) printInfo(r recordInfo) error {
	_, err := fmt.Fprintf(p.Stdout, "key         %s\nbytes       %d\nsha256      %s\nupdated_at  %s\nchecked_at  %s\nversion     %s\n",
		r.Key, r.Bytes, r.SHA256, timeText(r.UpdatedAt), timeText(r.CheckedAt), r.Version)
	return err
}

// path resolves a path of the command line.
func (p *Program) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.WorkingDir, name)
}

// replaceFile writes a file, whole or not at all, readable by its owner only:
// documents tell about identities.
func replaceFile(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}
