package standard

import (
	"errors"
	"flag"
	"fmt"
)

// operand is an argument of a command that is no flag.
type operand struct {
	name  string // as the usage shows it
	value *string
}

// parse parses a command's flags and its operands, all of which must be there;
// flags may stand before and after them. When it reports false the command is over,
// with the code returned.
func (p *program) parse(flags *flag.FlagSet, args []string, about string, operands ...operand) (code int, ok bool) {
	flags.SetOutput(p.Stderr)
	usage := flags.Name()
	for _, o := range operands {
		usage += " " + o.name
	}
	flags.Usage = func() {
		out := flags.Output()
		fmt.Fprintf(out, "Usage: edge-proxy %s\n\n%s\n", usage, about)
		any := false
		flags.VisitAll(func(*flag.Flag) { any = true })
		if any {
			fmt.Fprintln(out, "\nFlags:")
			flags.PrintDefaults()
		}
	}
	for _, a := range args {
		if a == "-h" || a == "--help" || a == "-help" {
			flags.SetOutput(p.Stdout)
		}
	}
	for {
		switch err := flags.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			return exitOK, false
		case err != nil:
			return exitUsage, false
		case flags.NArg() == 0 && len(operands) == 0:
			return exitOK, true
		case flags.NArg() == 0:
			fmt.Fprintf(p.Stderr, "edge-proxy %s: %s is missing\n", flags.Name(), operands[0].name)
			return exitUsage, false
		case len(operands) == 0:
			fmt.Fprintf(p.Stderr, "edge-proxy %s: unexpected argument %q\n", flags.Name(), flags.Arg(0))
			return exitUsage, false
		}
		*operands[0].value = flags.Arg(0)
		operands, args = operands[1:], flags.Args()[1:]
	}
}

func newFlags(command string) *flag.FlagSet { return flag.NewFlagSet(command, flag.ContinueOnError) }
