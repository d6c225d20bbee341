package adminapi

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/ports"
)

// pageEvents is how many events the page shows.
const pageEvents = 15

// page is what the status page shows, in words.
type page struct {
	Title         string
	Style         template.CSS
	Version, Node string
	Up, At        string
	Severity      Severity // the worst of the findings; "" without any
	Summary       string
	Findings      []Finding
	Figures       []figure // nil: the traffic is not known
	Measured      string   // what the figures are about
	Rows          []row
	Upstream      upstreamView
	Discovery     string
	Store         storeView
	Fleet         fleetView
	Events        []eventView
	Configuration *configurationView // nil: it is not known
	Metrics       bool
}

type upstreamView struct {
	Address, State, Class, Since, Cause, Success, Share string
	Polls                                               []cell
}

// cell is a poll in a strip.
type cell struct {
	Failed bool
	Title  string
}

type storeView struct{ Address, State, Class, Cause string }

type eventView struct{ At, Message string }

// row is an environment in the page's table.
type row struct {
	Name, Key, Path    string
	State              string
	Class              string
	Severity           Severity
	Age                string
	Share              string // of the limit that the age is, from 0 to 1; "" without a limit
	Changed            string
	Change             *changeView
	Via, Lease         string
	Document, Problems string
	Measures           []string
}

type changeView struct{ Short, Names string }

// getPage answers with the status page.
func (a *API) getPage(w http.ResponseWriter, _ *http.Request) {
	s, configuration := a.app.Status(), known(a.o.Configuration)
	p := page{
		Title: "Edge Proxy: " + string(s.Readiness.State), Version: a.o.Node.Version, Node: s.Node,
		Up: span(s.At.Sub(s.Started)), At: clock(s.At), Summary: summary(s, a.o.Node.UpstreamName),
		Findings: findings(s, a.o.Node.UpstreamName, configuration), Upstream: a.upstreamView(s), Store: a.storeView(s),
		Metrics: a.o.Metrics != nil, Fleet: fleetViewOf(s), Configuration: configurationViewOf(configuration),
	}
	if t := known(a.o.Traffic); t != nil {
		p.Figures, p.Measured = figuresOf(t, s), aboutFigures(t)
	}
	if len(p.Findings) > 0 {
		p.Severity = p.Findings[0].Severity // the worst is the first
	}
	for _, e := range worstFirst(s.Environments) {
		p.Rows = append(p.Rows, rowOf(s, e))
	}
	if d := s.Discovery; d != nil {
		p.Discovery = plural(d.Environments, "environment", "environments") + ", list read " + ago(s, d.LastSuccess)
	}
	events, _ := a.app.Recent().Since(0)
	for _, e := range slices.Backward(events[max(0, len(events)-pageEvents):]) {
		p.Events = append(p.Events, eventView{clock(e.At), cut(subject(s, e)+e.Message, 300)})
	}
	a.pages.status(w, p)
}

// subject returns what an event is about, before its message: the environment's name.
func subject(s app.Status, e app.Event) string {
	for _, environment := range s.Environments {
		if environment.Key == e.Environment {
			return name(environment) + ": "
		}
	}
	return ""
}

// worstFirst returns environments with those that are missing or stale before the others.
func worstFirst(environments []app.EnvironmentStatus) []app.EnvironmentStatus {
	rank := map[app.EnvironmentState]int{app.EnvironmentMissing: 0, app.EnvironmentStale: 1, app.EnvironmentFresh: 2}
	sorted := slices.Clone(environments)
	slices.SortStableFunc(sorted, func(a, b app.EnvironmentStatus) int { return rank[a.State] - rank[b.State] })
	return sorted
}

func (a *API) upstreamView(s app.Status) upstreamView {
	v := upstreamView{Address: a.o.Node.Upstream, Success: ago(s, s.Upstream.LastSuccess)}
	switch s.Upstream.State {
	case app.UpstreamOK:
		v.State, v.Class = "answers", "good"
	case app.UpstreamFailing:
		v.State, v.Class = "failing", "critical"
	default:
		v.State = "not asked yet"
	}
	if !s.Upstream.Since.IsZero() {
		v.Since = span(s.At.Sub(s.Upstream.Since))
	}
	if f := s.Upstream.LastFailure; f != nil {
		v.Cause = words(f.Outcome)
		if f.Cause != "" {
			v.Cause += ": " + cut(f.Cause, 300)
		}
	}
	good := 0
	for _, p := range s.Upstream.Polls {
		if !failed(p) {
			good++
		}
		v.Polls = append(v.Polls, cell{failed(p), p.At.UTC().Format("15:04:05Z") + " " + words(p.Outcome) + ", " + span(p.Took)})
	}
	v.Share = plural(good, "of "+plural(len(v.Polls), "poll", "polls")+" succeeded", "of "+plural(len(v.Polls), "poll", "polls")+" succeeded")
	return v
}

func (a *API) storeView(s app.Status) storeView {
	v := storeView{Address: a.o.Node.Store, State: "up", Class: "good"}
	if !s.Store.Up {
		v.State, v.Class = "away", "warning"
		if !s.Store.Since.IsZero() {
			v.State += " for " + span(s.At.Sub(s.Store.Since))
		}
		v.Cause = cut(s.Store.Error, 300)
	}
	return v
}

func rowOf(s app.Status, e app.EnvironmentStatus) row {
	v := row{
		Name: cut(name(e), 60), Path: url.PathEscape(string(e.Key)), State: string(e.State), Class: "good",
		Age: ago(s, e.Confirmed), Via: string(e.Via), Lease: string(e.Lease), Document: "none",
	}
	if e.Facts.Name != "" {
		v.Key = cut(string(e.Key), 60)
	}
	switch {
	case e.State != app.EnvironmentFresh:
		v.Class, v.Severity = "critical", Critical
	case e.Stopped:
		v.State, v.Class, v.Severity = "disabled", "warning", Warning
	}
	if s.Limit > 0 && !e.Confirmed.IsZero() {
		share := s.At.Sub(e.Confirmed).Seconds() / s.Limit.Seconds()
		v.Share = strconv.FormatFloat(min(1, max(0, share)), 'f', 2, 64)
	}
	if hasDocument(e) {
		v.Document = plural(e.Facts.Features, "feature", "features") + ", " + size(e.Bytes)
	}
	v.Measures = measuresOf(e)
	if n := e.Facts.Problems; n > 0 {
		v.Problems = plural(n, "problem", "problems")
	}
	switch c := e.LastChange; {
	case c != nil:
		v.Changed = ago(s, c.At)
		v.Change = changeOf(c)
	case hasDocument(e):
		v.Changed = "none since the start"
	}
	return v
}

// measuresOf returns the measures of operators, each as a phrase with its end.
func measuresOf(e app.EnvironmentStatus) []string {
	var list []string
	if p := e.Measures.Pin; p != nil {
		list = append(list, fmt.Sprintf("document %s pinned until %s by %s: %s", cut(p.SHA256, 12), clock(p.Until), cut(p.Author, 40), cut(p.Reason, 100)))
	}
	for _, o := range e.Measures.Overrides {
		state := map[bool]string{true: "on", false: "off"}[o.Enabled]
		list = append(list, fmt.Sprintf("%s overridden, %s until %s by %s: %s", cut(o.Feature, 40), state, clock(o.Until), cut(o.Author, 40), cut(o.Reason, 100)))
	}
	return list
}

// changeOf returns what changed: how many of what, and the first names.
func changeOf(c *app.ChangeSummary) *changeView {
	features := slices.Concat(c.Changed, c.Added, c.Removed)
	var counts []string
	for _, of := range []struct {
		n         int
		one, many string
	}{{len(features), "feature", "features"}, {len(c.Segments), "segment", "segments"}, {c.Identities, "identity", "identities"}} {
		if of.n > 0 {
			counts = append(counts, plural(of.n, of.one, of.many))
		}
	}
	if len(counts) == 0 {
		return nil
	}
	return &changeView{strings.Join(counts, ", "), listOf(slices.Concat(features, c.Segments), 5, 40)}
}

// listOf returns the first names, each cut to a length, and how many more there are.
func listOf(names []string, most, length int) string {
	var list []string
	for _, n := range names[:min(most, len(names))] {
		list = append(list, cut(n, length))
	}
	if more := len(names) - most; more > 0 {
		list = append(list, plural(more, "more", "more"))
	}
	return strings.Join(list, ", ")
}

func failed(p app.Poll) bool {
	return p.Outcome != ports.OutcomeOK && p.Outcome != ports.OutcomeNotModified
}

// words returns an outcome as people read it.
func words(o ports.Outcome) string { return strings.ReplaceAll(string(o), "_", " ") }
