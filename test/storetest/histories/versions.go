package histories

import (
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/edge-proxy/edge-proxy/ports"
)

// versions are the versions of one object that callers learned in the whole history, also from
// calls that the check does not judge, such as reads during a failover. A caller that learned a
// version there may replace it later, so the model must know which write it belongs to.
type versions struct {
	of      map[string][]ports.Version // those that were returned with this body
	unknown []ports.Version            // those that were returned without any body, by Stat
}

// learned returns the versions that the calls returned.
func learned(calls []porcupine.Operation) versions {
	put := make(map[ports.Version]string) // the body that a Put returned it for
	for _, c := range calls {
		if in, out := c.Input.(input), c.Output.(output); in.method == methodPut && out.version != "" {
			put[out.version] = in.body
		}
	}
	v := versions{of: make(map[string][]ports.Version)}
	named := make(map[ports.Version]bool)
	for _, c := range calls {
		in, out := c.Input.(input), c.Output.(output)
		body := out.body
		if in.method == methodPut {
			body = in.body
		}
		if writer, ok := put[out.version]; out.version == "" || in.method == methodStat || ok && writer != body {
			continue
		}
		named[out.version] = true
		if !slices.Contains(v.of[body], out.version) {
			v.of[body] = append(v.of[body], out.version)
		}
	}
	for _, c := range calls {
		if seen := c.Output.(output).version; seen != "" && !named[seen] {
			named[seen] = true
			v.unknown = append(v.unknown, seen)
		}
	}
	return v
}

// possible returns the versions that a Put of body may have made if nobody knows whether it
// happened. One of them is "": a version that nobody learned.
func (v versions) possible(body string) []ports.Version {
	return slices.Concat([]ports.Version{""}, v.of[body], v.unknown)
}
