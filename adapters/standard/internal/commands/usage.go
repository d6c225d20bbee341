package commands

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

// usageError is a command line that is wrong.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// operands returns a check that a command line has the operands of these names.
func operands(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usage("%s is missing", names[len(args)])
		case len(args) > len(names):
			return usage("unexpected argument %q", args[len(names)])
		}
		return nil
	}
}

// unknownCommand refuses the operands of a command that has others below it: the
// first was meant to be one of them.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	message := fmt.Sprintf("unknown command %q", args[0])
	cmd.SuggestionsMinimumDistance = 2
	if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
		message += "; did you mean " + strings.Join(like, " or ") + "?"
	}
	return usage("%s", message)
}

// flagError explains a flag that is wrong. Settings are not flags, so one that is
// called like a setting leads to the setting.
func flagError(cmd *cobra.Command, err error) error {
	if operands := cmd.Flags().Args(); cmd.HasSubCommands() && len(operands) > 0 {
		return unknownCommand(cmd, operands)
	}
	message := err.Error()
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		if e, ok := settingCalled(unknown.GetSpecifiedName()); ok {
			message += "; set " + e.Key + " in the configuration file, or the variable " + e.Variable
		}
	}
	return usage("%s", message)
}

// settingCalled returns the setting whose key, or the last part of it, is name.
func settingCalled(name string) (config.Entry, bool) {
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	all := config.Reference()
	i := slices.IndexFunc(all, func(e config.Entry) bool {
		return e.Key != "" && (e.Key == name || strings.HasSuffix(e.Key, "."+name) || strings.ToLower(e.Variable) == name)
	})
	if i < 0 {
		return config.Entry{}, false
	}
	return all[i], true
}

// longFlags returns args with two dashes before the names of flags that have one:
// -fetch is an accepted spelling of --fetch.
func longFlags(root *cobra.Command, args []string) []string {
	names := map[string]bool{"help": true}
	for _, cmd := range tree(root) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names[f.Name] = true })
	}
	args = slices.Clone(args)
	for i, arg := range args {
		if arg == "--" {
			break
		}
		name, isFlag := strings.CutPrefix(arg, "-")
		if name, _, _ = strings.Cut(name, "="); isFlag && len(name) > 1 && names[name] {
			args[i] = "-" + arg
		}
	}
	return args
}

// helpCommand is "edge-proxy help [COMMAND]".
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "print the help of a command",
		Long:  "Prints the help of a command.",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil {
				return usage("%v", err)
			}
			if len(rest) > 0 {
				return unknownCommand(about, rest)
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// Help returns each command of p, such as "edge-proxy store list", with its help.
// The help of each shell's completion is left out: it is long, and a library's.
func Help(p *Program) iter.Seq2[string, string] {
	return func(yield func(command, help string) bool) {
		for _, cmd := range tree(root(p)) {
			cmd.InitDefaultHelpFlag()
			if cmd.HasParent() && cmd.Parent().Name() == "completion" {
				continue
			}
			if !yield(cmd.CommandPath(), help(cmd)) {
				return
			}
		}
	}
}

// help returns the help of a command.
func help(cmd *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nUsage: %s\n", strings.TrimSpace(cmd.Long), cmd.UseLine())
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\nCommands:\n")
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() || c.Name() == "help" {
				fmt.Fprintf(&b, "  %-14s %s\n", c.Name(), c.Short)
			}
		}
	}
	if cmd.HasAvailableLocalFlags() {
		fmt.Fprintf(&b, "\nFlags:\n%s", cmd.LocalFlags().FlagUsagesWrapped(100))
	}
	if cmd.HasExample() {
		b.WriteString("\nExamples:\n")
		for line := range strings.Lines(cmd.Example) {
			b.WriteString("  " + strings.TrimSuffix(line, "\n") + "\n")
		}
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n\"%s COMMAND --help\" prints the help of a command.\n", cmd.CommandPath())
	}
	return b.String()
}
