package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

const (
	// clockTolerance is by how much clocks may differ, and clockLimit from when on the
	// difference breaks something.
	clockTolerance, clockLimit = 2 * time.Second, 5 * time.Minute
	// memoryShare is how many times its size a document may take in memory.
	memoryShare = 8
	// nearLimit is the share of the largest size from which a document is reported.
	nearLimit = 0.5
	// mostConditional bounds the environments that are asked for twice.
	mostConditional = 16
)

// upstream checks keys, documents and the clock.
func (e *examination) upstream(ctx context.Context) {
	origin, err := e.OpenOrigin(e.settings, discard)
	if err != nil { // the files of api_tls; the rest was checked with the configuration
		e.check("A1", func(f *finding) { f.fail("Correct what the text names.", "%v", err) })
		return
	}
	defer origin.Close()
	var discovered []domain.EnvironmentKeys
	e.check("A4", func(f *finding) {
		if origin.Discoverer == nil {
			f.skip("proxy_key is not set")
			return
		}
		if discovered, err = origin.Discoverer.Discover(ctx); err != nil {
			f.fail("Check proxy_key, and that api_url is the API that it belongs to.", "%v", err)
			return
		}
		f.ok("%d environments are discovered", len(discovered))
	})
	list := environments(e.settings, discovered)
	var checks []app.Check
	e.check("A1", func(f *finding) {
		checks = app.CheckAll(ctx, origin, list, e.settings.APIPollConcurrency, time.Now)
		judgeKeys(f, checks)
	})
	e.check("A2", func(f *finding) { judgePairs(f, checks) })
	e.check("D1", func(f *finding) { judgeDocuments(f, checks) })
	e.check("D2", func(f *finding) { judgeRules(f, checks) })
	e.check("D3", func(f *finding) { judgeSizes(f, checks, e.MaxDocument(e.settings)) })
	e.check("D4", func(f *finding) { judgeMemory(f, checks, e.MemoryLimit) })
	e.check("T1", func(f *finding) { judgeClock(f, checks) })
	e.check("A3", func(f *finding) {
		if origin.API == nil {
			f.skip("documents come from a directory")
			return
		}
		examineConditions(ctx, f, origin, checks)
	})
}

// judgeKeys judges whether each key fetched a document. One that is not usable is of
// another check.
func judgeKeys(f *finding, checks []app.Check) {
	if len(checks) == 0 {
		f.fail("Add environment_key_pairs, or check what the proxy key opens.", "there is no environment")
	}
	for _, c := range checks {
		switch {
		case c.Err != nil && !errors.Is(c.Err, domain.ErrUnusable):
			f.fail("Do what the text in brackets says. In Flagsmith, server-side keys are under Environment settings, SDK Keys.", "%s with %s: %v", shown(c.Environment), c.Key, c.Err)
		default:
			f.ok("%s with %s: a document of %d bytes", shown(c.Environment), c.Key, c.Bytes)
		}
	}
}

func judgePairs(f *finding, checks []app.Check) {
	for _, c := range checks {
		switch {
		case c.Err != nil:
		case c.Mismatch != "":
			f.fail("Copy both keys of the pair from one environment.", "%s with %s: the document belongs to the client-side key %s, so the two keys are of different environments", shown(c.Environment), c.Key, shown(c.Mismatch))
		default:
			f.ok("%s with %s: the document has this client-side key", shown(c.Environment), c.Key)
		}
	}
	unlessFound(f)
}

func judgeDocuments(f *finding, checks []app.Check) {
	for _, c := range checks {
		switch {
		case errors.Is(c.Err, domain.ErrUnusable):
			f.fail("Check that api_url is a Flagsmith API, and that nothing on the way changes its answers.", "%s with %s: %v", shown(c.Environment), c.Key, c.Err)
		case c.Err == nil:
			updated := "at an unknown time"
			if !c.UpdatedAt.IsZero() {
				updated = c.UpdatedAt.UTC().Format(time.RFC3339)
			}
			f.ok("%s: usable, updated %s", shown(c.Environment), updated)
		}
	}
	unlessFound(f)
}

func judgeRules(f *finding, checks []app.Check) {
	for _, c := range checks {
		for _, p := range c.Problems {
			f.warn("Correct the rule in Flagsmith; the text names its place in the document and what happens instead.", "%s: %s", shown(c.Environment), shown(fmt.Sprint(p)))
		}
		for _, p := range c.Costly {
			f.warn("Write the regular expression without a repeat in a repeat, and without a backreference; most rules need neither.", "%s: %s", shown(c.Environment), shown(fmt.Sprint(p)))
		}
		if c.Err == nil && len(c.Problems)+len(c.Costly) == 0 {
			f.ok("%s: all rules can be evaluated", shown(c.Environment))
		}
	}
	unlessFound(f)
}

func judgeSizes(f *finding, checks []app.Check, most int64) {
	for _, c := range checks {
		switch {
		case c.Err != nil:
		case float64(c.Bytes) > nearLimit*float64(most):
			f.warn("Raise max_document_bytes and, if it is not set, the memory of the container; or remove segments and identity overrides that are not needed.", "%s: %d bytes, %.0f %% of the %d that are accepted", shown(c.Environment), c.Bytes, 100*float64(c.Bytes)/float64(most), most)
		default:
			f.ok("%s: %d bytes of the %d that are accepted", shown(c.Environment), c.Bytes, most)
		}
	}
	unlessFound(f)
}

func judgeMemory(f *finding, checks []app.Check, limit int64) {
	sizes := map[domain.EnvironmentKey]int64{} // several keys fetch the same document
	for _, c := range checks {
		sizes[c.Environment] = max(sizes[c.Environment], int64(c.Bytes))
	}
	var need, largest int64
	for _, size := range sizes {
		need, largest = need+memoryShare*size, max(largest, memoryShare*size)
	}
	need += largest // while a document is replaced, both are there
	switch {
	case limit == 0:
		f.ok("up to %d MiB may be needed; memory is not limited", need>>20)
	case need > limit:
		f.warn("Raise the memory limit of the container, or GOMEMLIMIT.", "up to %d MiB may be needed, and %d MiB may be used", need>>20, limit>>20)
	default:
		f.ok("up to %d MiB may be needed of %d MiB", need>>20, limit>>20)
	}
}

// judgeClock judges the difference that the most answers agree about.
func judgeClock(f *finding, checks []app.Check) {
	var ahead []time.Duration
	for _, c := range checks {
		if c.Dated {
			ahead = append(ahead, c.ClockAhead)
		}
	}
	if len(ahead) == 0 {
		f.skip("no answer had a Date")
		return
	}
	const fix = "Synchronise the clock of this machine, by NTP for example; if it is right, that of the API."
	offset := median(ahead)
	direction := "behind"
	if offset < 0 {
		direction = "ahead of"
	}
	switch text := fmt.Sprintf("this clock is %s %s that of the API", offset.Abs().Round(time.Second), direction); {
	case offset.Abs() > clockLimit:
		f.fail(fix, "%s", text)
	case offset.Abs() > clockTolerance:
		f.warn(fix, "%s", text)
	default:
		f.ok("this clock and that of the API agree")
	}
}

// examineConditions fetches documents again as a poll does that expects no change.
func examineConditions(ctx context.Context, f *finding, upstream ports.Upstream, checks []app.Check) {
	asked := map[domain.EnvironmentKey]bool{}
	for _, c := range checks {
		if c.Err != nil || c.UpdatedAt.IsZero() || asked[c.Environment] || len(asked) == mostConditional {
			continue
		}
		asked[c.Environment] = true
		answer, err := upstream.FetchDocument(ctx, ports.DocumentRequest{Environment: c.Environment, Key: c.Key, Discovered: c.Discovered, IfModifiedSince: c.UpdatedAt})
		switch {
		case err != nil:
			f.warn("Look at what stands between this proxy and the API.", "%s: a conditional request fails: %v", shown(c.Environment), err)
		case !answer.NotModified:
			f.warn("Let the API, and gateways on the way, heed If-Modified-Since. If the document has changed this moment, ask again.", "%s: the API sends the whole document though it has not changed", shown(c.Environment))
		default:
			f.ok("%s: 304", shown(c.Environment))
		}
	}
	unlessFound(f)
}

// unlessFound skips a check that had no document to look at.
func unlessFound(f *finding) {
	if len(f.found) == 0 {
		f.skip("there is no document to look at")
	}
}
