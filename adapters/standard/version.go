package standard

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

// build says what this binary was built from.
type build struct{ Version, Commit, Date string }

// buildVersion reads what the Go tool noted in the binary.
func buildVersion() build {
	b := build{Version: "unknown", Commit: "unknown", Date: "unknown"}
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

func (p *program) version(_ context.Context, args []string) int {
	if code, ok := p.parse(newFlags("version"), args, "Prints the version, the commit and its date."); !ok {
		return code
	}
	b := buildVersion()
	fmt.Fprintf(p.Stdout, "edge-proxy %s (commit %s of %s, %s %s/%s)\n", b.Version, b.Commit, b.Date, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return exitOK
}
