// Package commands is the command line: which commands there are, their flags and
// operands, their help, and the exit code that each outcome has. What commands work
// with, such as stores, comes from the composition root as a [Wiring].
package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/edge-proxy/edge-proxy/adapters/config"
	"github.com/edge-proxy/edge-proxy/adapters/standard/internal/doctor"
	"github.com/edge-proxy/edge-proxy/ports"
)

// The exit codes (docs/spec/behaviour.md#exit-codes).
const (
	exitOK      = 0
	exitFailure = 1 // at run time
	exitUsage   = 2 // configuration or usage
)

// Program is what the commands run with.
type Program struct {
	Environ    []string // NAME=value
	WorkingDir string
	Stdin      io.Reader
	Terminal   bool // Stdin is one, so that a person can be asked
	Stdout     io.Writer
	Stderr     io.Writer
	Sample     fs.FS // config.json and what it serves, for serve --sample
	Wiring     Wiring
}

// Wiring is the part of the composition root that commands use.
type Wiring interface {
	// Checks returns the adapters' own rules about settings.
	Checks() []config.Check
	// Serve serves what src configures until ctx ends. It returns a
	// *ConfigurationError when the configuration is wrong, and ErrReported when
	// serving failed.
	Serve(ctx context.Context, src config.Source) error
	// OpenUpstream opens the log and the source of documents as Serve does. Its
	// error is a *ConfigurationError.
	OpenUpstream(s config.Settings) (Upstream, error)
	// Examine runs the checks of the doctor.
	Examine(ctx context.Context, o doctor.Options) *doctor.Report
	// OpenStore opens the store that s names.
	OpenStore(ctx context.Context, s config.Store, a Access, logger *slog.Logger) (ports.Store, error)
}

// Upstream is an open source of documents.
type Upstream struct {
	ports.Upstream
	Discoverer ports.Discoverer // nil when environments are configured only
	Close      func()
}

// Access is what a command does with a store.
type Access int

const (
	// Reads opens a store only if it exists.
	Reads Access = iota
	// Writes creates a store that does not exist yet.
	Writes
	// Tries is Writes for a store that is removed again by its Close if it did not
	// exist.
	Tries
)

// ErrReported is the error of a command that has printed or logged what went wrong.
var ErrReported = errors.New("reported already")

// errReportedConfiguration is ErrReported about a wrong configuration.
var errReportedConfiguration = errors.New("reported already: the configuration is wrong")

// ConfigurationError is a wrong configuration. Each line of its text is a problem.
type ConfigurationError struct {
	Err      error
	Warnings []config.Warning // found beside the problems
}

// Error returns the problems, one a line.
func (e *ConfigurationError) Error() string { return e.Err.Error() }

// Unwrap returns the error that e wraps.
func (e *ConfigurationError) Unwrap() error { return e.Err }

// Tree returns the root command of p with all others below it, for what describes commands.
func Tree(p *Program) *cobra.Command { return root(p) }

// root returns the root command of p with all others below it.
func root(p *Program) *cobra.Command {
	var configFile string
	var version bool
	root := &cobra.Command{
		Use:   "edge-proxy [command]",
		Short: "serve Flagsmith flags from environment documents that are kept up to date",
		Long: "edge-proxy serves Flagsmith flags from environment documents that it keeps up to date.\n" +
			"Without a command it serves.\n\n" +
			"The configuration is a JSON file and environment variables; variables take precedence.\n" +
			"The file is the one that --config or the variable CONFIG_PATH names, else config.json.\n" +
			"Every setting is described at https://github.com/edge-proxy/edge-proxy/blob/main/docs/configuration.md.\n\n" +
			"Exit codes: 0 done, 1 failed while running, 2 wrong configuration or usage.",
		Example: "edge-proxy render-config\nedge-proxy validate --fetch\nedge-proxy --config /etc/edge-proxy/config.json",
		Args:    unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if version {
				return p.printVersion()
			}
			return p.Wiring.Serve(cmd.Context(), p.source(configFile))
		},
		SilenceErrors: true, SilenceUsage: true, SuggestionsMinimumDistance: 2,
	}
	defineConfig(root, &configFile)
	root.Flags().BoolVarP(&version, "version", "v", false, "print the version")
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { _, _ = io.WriteString(cmd.OutOrStdout(), help(cmd)) })
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(helpCommand())
	root.AddCommand(p.serve(), p.validate(), p.config(), p.renderConfig(), p.health(), p.store(), p.explain(), p.diff(), p.doctor(), p.drain(), p.undrain(), p.refresh(), p.logLevel(), p.accept(), p.history(), p.pin(), p.rollback(), p.override(), p.version())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			cmd.Short = "print a completion script for a shell"
			cmd.Long = "Prints a script with which a shell completes commands, flags and arguments. The help of each shell says how to load it."
		}
	}
	for _, cmd := range tree(root) {
		cmd.DisableFlagsInUseLine = true
	}
	return root
}

// tree returns cmd and all commands below it.
func tree(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, c := range cmd.Commands() {
		all = append(all, tree(c)...)
	}
	return all
}

// Run runs the command line args, which begins with the program's name, until it is
// done or ctx ends, and returns the exit code.
func Run(ctx context.Context, p *Program, args []string) int {
	all := root(p)
	all.SetArgs(longFlags(all, commandLine(args)))
	cmd, err := all.ExecuteContextC(ctx)
	var configuration *ConfigurationError
	var usage *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &configuration):
		p.warn(configuration.Warnings)
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintf(p.Stderr, "edge-proxy: configuration: %s\n", strings.TrimSuffix(line, "\n"))
		}
		var problems *config.ProblemsError
		if errors.As(err, &problems) && problems.Hint != "" {
			fmt.Fprintf(p.Stderr, "edge-proxy: %s\n", problems.Hint)
		}
		return exitUsage
	case errors.As(err, &usage):
		fmt.Fprintf(p.Stderr, "%s: %v\nUsage: %s\nSee %q.\n", cmd.CommandPath(), err, cmd.UseLine(), cmd.CommandPath()+" --help")
		return exitUsage
	case errors.Is(err, ErrReported):
		return exitFailure
	case errors.Is(err, errReportedConfiguration):
		return exitUsage
	case errors.Is(err, context.Canceled):
		err = errors.New("interrupted")
	}
	for cmd.HasParent() && cmd.Parent() != all {
		cmd = cmd.Parent()
	}
	fmt.Fprintf(p.Stderr, "%s: %v\n", cmd.CommandPath(), err)
	return exitFailure
}

// commandLine returns the arguments without the program's name, behind the command
// that the name stands for.
func commandLine(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	switch strings.TrimSuffix(filepath.Base(args[0]), ".exe") {
	case "edge-proxy-serve":
		return slices.Concat([]string{"serve"}, args[1:])
	case "edge-proxy-render-config":
		return slices.Concat([]string{"render-config"}, args[1:])
	}
	return args[1:]
}

// defineConfig adds the flag that names the configuration file.
func defineConfig(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "config", "", "configuration `FILE` (default: the variable CONFIG_PATH, else config.json)")
	_ = cmd.MarkFlagFilename("config", "json") // fails only for a flag that is not there
}

// source returns where the configuration comes from; file is the value of --config.
func (p *Program) source(file string) config.Source {
	src := config.Source{Environ: p.Environ, ReadFile: os.ReadFile, WorkingDir: p.WorkingDir, Checks: p.Wiring.Checks()}
	if file != "" {
		src.Overrides = []config.Override{{Key: "config_path", Value: file, Origin: "flag --config"}}
	}
	return src
}

// warn prints what an operator should know about the configuration.
func (p *Program) warn(warnings []config.Warning) {
	for _, w := range warnings {
		fmt.Fprintf(p.Stderr, "edge-proxy: configuration: warning: %s\n", w)
	}
}
