package commands

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Build says what this binary was built from; what is not known is "unknown".
type Build struct{ Version, Commit, Date string }

// ReadBuild returns what the Go tool recorded in the binary.
func ReadBuild() Build {
	b := Build{Version: "unknown", Commit: "unknown", Date: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		}
	}
	return b
}

func (p *Program) version() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "print the version",
		Long:  "Prints the version, the commit and its date.",
		Args:  operands(),
		RunE: func(*cobra.Command, []string) error {
			if !asJSON {
				return p.printVersion()
			}
			b := ReadBuild()
			return printJSON(p.Stdout, map[string]string{
				"version": b.Version, "commit": b.Commit, "date": b.Date, "go": runtime.Version(), "platform": platform(),
			})
		},
	}
	defineJSON(cmd, &asJSON)
	return cmd
}

// platform is what this binary runs on.
func platform() string { return runtime.GOOS + "/" + runtime.GOARCH }

func (p *Program) printVersion() error {
	b := ReadBuild()
	_, err := fmt.Fprintf(p.Stdout, "edge-proxy %s (commit %s of %s, %s %s)\n", b.Version, b.Commit, b.Date, runtime.Version(), platform())
	return err
}
