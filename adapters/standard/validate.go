package standard

import (
	"context"
	"fmt"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
)

func (p *program) validate(ctx context.Context, args []string) int {
	flags := newFlags("validate")
	fetch := flags.Bool("fetch", false, "discover environments, if there is a proxy key, fetch every environment's document with every server-side key, and check it")
	if code, ok := p.parse(flags, args, "Checks the configuration as serve would, without serving."); !ok {
		return code
	}
	settings, warnings, ok := p.load()
	if !ok {
		return exitUsage
	}
	for _, w := range warnings {
		fmt.Fprintf(p.Stderr, "edge-proxy: configuration: warning: %s\n", w)
	}
	loggers, ok := p.loggers(settings)
	if !ok {
		return exitUsage
	}
	defer func() { _ = loggers.Close() }()
	source, err := openOrigin(settings, loggers.Logger(logNetwork))
	if err != nil {
		p.printProblems(err)
		return exitUsage
	}
	defer source.close()
	list := environments(settings)
	fmt.Fprintf(p.Stdout, "configuration valid: %d environment(s), %d server-side key(s), %s\n", len(list), len(settings.EnvironmentKeyPairs), settings.APIURL)
	if !*fetch {
		return exitOK
	}
	code := exitOK
	if source.discoverer != nil {
		discovered, err := source.discoverer.Discover(ctx)
		if err != nil {
			fmt.Fprintf(p.Stdout, "proxy_key: failed: %v\n", err)
			code = exitFailure
		} else {
			list = app.Unite(list, discovered, time.Now())
			fmt.Fprintf(p.Stdout, "proxy_key: ok, %d environment(s) discovered, %d to serve\n", len(discovered), len(list))
		}
	}
	for _, c := range app.CheckAll(ctx, source, list, settings.APIPollConcurrency) {
		if !p.printCheck(c) {
			code = exitFailure
		}
	}
	return code
}

// printCheck prints what came of one key and reports whether it is fit to serve.
func (p *program) printCheck(c app.Check) bool {
	if c.Err != nil {
		fmt.Fprintf(p.Stdout, "%s with %s: failed: %v\n", c.Environment, c.Key, c.Err)
		return false
	}
	updated := "at an unknown time"
	if !c.UpdatedAt.IsZero() {
		updated = c.UpdatedAt.Format(time.RFC3339)
	}
	fmt.Fprintf(p.Stdout, "%s with %s: ok, %d bytes, updated %s, %d problem(s)\n", c.Environment, c.Key, c.Bytes, updated, len(c.Problems))
	for _, problem := range c.Problems {
		fmt.Fprintf(p.Stdout, "  %s\n", problem)
	}
	if c.Mismatch != "" {
		fmt.Fprintf(p.Stdout, "  the document belongs to the client-side key %s: the two keys are of different environments\n", c.Mismatch)
		return false
	}
	return true
}
