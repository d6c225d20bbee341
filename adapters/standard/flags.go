package standard

import (
	"errors"
	"flag"
	"fmt"
)

// parse parses a command's flags. When it reports false the command is over, with
// the code returned.
func (p *program) parse(flags *flag.FlagSet, args []string, about string) (code int, ok bool) {
	flags.SetOutput(p.Stderr)
	flags.Usage = func() {
		out := flags.Output()
		fmt.Fprintf(out, "Usage: edge-proxy %s\n\n%s\n", flags.Name(), about)
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
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK, false
	case err != nil:
		return exitUsage, false
	case flags.NArg() > 0:
		fmt.Fprintf(p.Stderr, "edge-proxy %s: unexpected argument %q\n", flags.Name(), flags.Arg(0))
		return exitUsage, false
	}
	return exitOK, true
}

func newFlags(command string) *flag.FlagSet { return flag.NewFlagSet(command, flag.ContinueOnError) }
