package adminapi

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/ports"
)

// documentation is where the pages for operators are, and runbook begins the address of an
// alert's runbook there: the same address that the alert itself has.
const (
	documentation = "https://github.com/edge-proxy/edge-proxy/blob/main/docs/"
	runbook       = "runbooks.md#"
)

// clockTolerance is by how much clocks may differ without a finding, and clockLimit from
// when on the difference breaks something.
const clockTolerance, clockLimit = 2 * time.Second, 5 * time.Minute

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	Critical Severity = "critical" // users notice it, or the node is not ready
	Warning  Severity = "warning"  // users will notice it if it stays so
)

// Finding is something that an operator should look at.
type Finding struct {
	Severity Severity `json:"severity"`
	// What is wrong, for whom, and what to Do about it, as sentences.
	What string `json:"what"`
	Do   string `json:"do"`
	// Page is the address of the page that says more.
	Page string `json:"page"`
}

// findings returns what is wrong in s, the worst first. What makes several environments
// suffer is one finding.
func findings(s app.Status, upstream string, c *Configuration) []Finding {
	f := []Finding{}
	add := func(severity Severity, what, do, page string) {
		f = append(f, Finding{severity, what, do, documentation + page})
	}
	if s.Readiness.State == app.NodeDraining {
		add(Critical, "The node is draining: readiness answers 503.", "Nothing, if it is to stop or was drained on purpose; edge-proxy undrain ends a drain early.", "operating.md#drain-a-node")
	}
	t := tallyOf(s)
	// What keeps a node from being ready is critical, and a warning as long as it does not.
	unready := Warning
	if s.Readiness.State != app.Ready {
		unready = Critical
	}
	if last := s.Upstream.LastFailure; s.Upstream.State == app.UpstreamFailing && last != nil {
		add(unready, fmt.Sprintf("%s has %s for %s, %s in a row.", upstream, wordsOf(last.Outcome).outage, span(s.At.Sub(s.Upstream.Since)), plural(s.Upstream.Failures, "failure", "failures")),
			remedy(last), runbookOf(last.Outcome, unready))
	}
	for _, group := range byFailure(t.failing) {
		severity := Warning
		if slices.ContainsFunc(group, func(e app.EnvironmentStatus) bool { return e.State != app.EnvironmentFresh }) {
			severity = Critical
		}
		last := group[0].LastFailure
		add(severity, fmt.Sprintf("%s %s for %s.", upstream, wordsOf(last.Outcome).refusal, names(group)), remedy(last), runbookOf(last.Outcome, severity))
	}
	// about adds a finding about the environments for which something holds.
	about := func(severity Severity, holds func(app.EnvironmentStatus) bool, what, do, page string) {
		if found := having(s, holds); len(found) > 0 {
			add(severity, names(found)+": "+what, do, page)
		}
	}
	about(Critical, isIn(app.EnvironmentMissing),
		"no document has arrived; requests are answered with 503.",
		"See why the document cannot be fetched; the keys are in the configuration.", runbook+"edgeproxyenvironmentmissing")
	about(Critical, isIn(app.EnvironmentStale),
		fmt.Sprintf("the document was not confirmed for more than %s, so the node is not ready. Flags are served all the same.", span(s.Limit)),
		"See why it cannot be fetched, or remove the environment from the configuration.", runbook+"edgeproxydocumentstale")
	if !s.Store.Up {
		add(Warning, "The store is away. Flags are served, and every node polls for itself; a restart now would begin without documents.", cause(s.Store.Error, "Check that the store runs and can be reached."), runbook+"edgeproxystoredown")
	}
	if d := s.Discovery; d != nil && s.At.Sub(latest(d.LastSuccess, s.Started)) > 3*s.PollInterval {
		add(unready, "The list of environments cannot be read: new environments and keys are not noticed.", "Check the proxy key and that the API can be reached.", "discovery.md")
	}
	if len(s.Environments) == 0 {
		add(Critical, "The node serves no environment, so it is not ready.", "Add an environment to the configuration, or in Flagsmith to what the proxy key opens.", "discovery.md")
	}
	about(Warning, func(e app.EnvironmentStatus) bool { return e.Stopped },
		"the organisation is disabled from serving flags, so requests are answered with 403.",
		"Enable it in Flagsmith.", "health.md")
	about(Warning, func(e app.EnvironmentStatus) bool { return e.StreamUp != nil && !*e.StreamUp },
		fmt.Sprintf("the stream of events from %s is not connected, so changes are found by polling only.", upstream),
		"Check realtime_url.", "troubleshooting.md#real-time-updates-do-not-arrive")
	about(Warning, func(e app.EnvironmentStatus) bool { return e.Facts.Problems > 0 },
		"parts of the document cannot have the effect that they seem to have.",
		"See the environment's page for the parts, and correct them in Flagsmith.", "troubleshooting.md#wrong-value-for-an-identity")
	about(Warning, func(e app.EnvironmentStatus) bool { return len(e.CutOffs) > 0 },
		"an evaluation ran out of its budget of steps, so a condition does not hold for some identities.",
		"Simplify regular expressions, JSONPaths and very long segments in Flagsmith.", runbook+"edgeproxyconditionlimit")
	about(Warning, func(e app.EnvironmentStatus) bool { return len(measuresOf(e)) > 0 },
		"an operator has pinned a document or overridden features.",
		"Nothing, until it ends; edge-proxy pin --end and override --end end it early.", runbook+"edgeproxyemergencymeasure")
	for _, e := range having(s, func(e app.EnvironmentStatus) bool { return e.HeldBack != nil }) {
		add(Warning, fmt.Sprintf("%s: a document is held back until %s as suspicious: %s.", name(e), clock(e.HeldBack.Until), strings.Join(e.HeldBack.Reasons, ", ")),
			"Check in Flagsmith that the change is meant; edge-proxy accept serves it at once.", "document-guard.md")
	}
	if ahead := s.Upstream.ClockAhead.Abs(); ahead > clockTolerance {
		severity := Warning
		if ahead > clockLimit {
			severity = Critical
		}
		add(severity, fmt.Sprintf("The clocks of this node and of %s differ by %s.", upstream, span(ahead)), "Synchronise the clock of this machine, by NTP for example; if it is right, that of the API.", "health.md#clocks")
	}
	if c != nil && len(c.NeedRestart) > 0 {
		add(Warning, fmt.Sprintf("%s changed and will take effect at the next start.", plural(len(c.NeedRestart), "setting has", "settings have")), "Restart the node.", runbook+"edgeproxyrestartneeded")
	}
	if others := drifted(s.Fleet); len(others) > 0 {
		add(Warning, fmt.Sprintf("%s another configuration than this one.", plural(len(others), "node of the fleet has", "nodes of the fleet have")),
			"Give all nodes the same settings, unless a roll-out is under way; edge-proxy config shows those of a node.", runbook+"edgeproxyconfigdrift")
	}
	if c != nil && len(c.Warnings) > 0 {
		add(Warning, fmt.Sprintf("The configuration has %s, such as: %s.", plural(len(c.Warnings), "warning", "warnings"), c.Warnings[0]), "Correct the settings; the configuration's page lists them.", "configuration.md")
	}
	slices.SortStableFunc(f, func(a, b Finding) int { return rank(a.Severity) - rank(b.Severity) })
	return f
}

// runbookOf returns the page about a failure of upstream.
func runbookOf(o ports.Outcome, s Severity) string {
	switch {
	case o == ports.OutcomeUnauthorized, o == ports.OutcomeForbidden:
		return runbook + "edgeproxyupstreamrefuseskey"
	case s == Critical:
		return runbook + "edgeproxydocumentstale"
	default:
		return runbook + "edgeproxydocumentaging"
	}
}

func rank(s Severity) int {
	if s == Critical {
		return 0
	}
	return 1
}

// byFailure groups environments by the outcome of their last failures.
func byFailure(environments []app.EnvironmentStatus) [][]app.EnvironmentStatus {
	var groups [][]app.EnvironmentStatus
	for _, e := range environments {
		i := slices.IndexFunc(groups, func(g []app.EnvironmentStatus) bool { return g[0].LastFailure.Outcome == e.LastFailure.Outcome })
		if i < 0 {
			groups = append(groups, []app.EnvironmentStatus{e})
		} else {
			groups[i] = append(groups[i], e)
		}
	}
	return groups
}

func isIn(state app.EnvironmentState) func(app.EnvironmentStatus) bool {
	return func(e app.EnvironmentStatus) bool { return e.State == state }
}

// having returns the environments for which something holds.
func having(s app.Status, holds func(app.EnvironmentStatus) bool) []app.EnvironmentStatus {
	var found []app.EnvironmentStatus
	for _, e := range s.Environments {
		if holds(e) {
			found = append(found, e)
		}
	}
	return found
}

// remedy says what to do about a failed poll: what its cause says, if it is known.
func remedy(p *app.Poll) string { return cause(p.Cause, wordsOf(p.Outcome).remedy) }

// cause returns what is known, and what is usually to be done unless that says it.
func cause(known, usual string) string {
	switch {
	case known == "":
		return usual
	case strings.Contains(known, "check "):
		return capital(known) + "."
	}
	return capital(known) + ". " + usual
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
