package simulation_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
)

// check checks what must hold after every step.
func (w *world) check() {
	for _, n := range w.nodes {
		l := n.life
		if l == nil || l.paused {
			continue
		}
		select {
		case <-l.ended:
			w.fail("runs", "%s has ended by itself: %v", l.name, l.result)
			return
		default:
		}
		status := l.app.Status()
		w.checkReadiness(l, status)
		w.checkAnalytics(l)
		for _, e := range w.upstream.environments {
			i := slices.IndexFunc(status.Environments, func(s app.EnvironmentStatus) bool { return s.Key == e.key })
			if i < 0 {
				w.mu.Lock()
				// It comes late, and so it came if its list is on its way.
				l.known[e.key] = &knowledge{late: l.of(e.key).late || len(status.Environments) > 0}
				w.mu.Unlock()
				continue
			}
			w.checkConfirmation(l, e, status.Environments[i])
			w.checkServed(l, e, status.Environments[i])
		}
		l.checked = time.Now()
	}
	w.checkUsage()
}

// checkServed compares what a process serves with what upstream had, and with what the
// process served before.
func (w *world) checkServed(l *life, e *environment, s app.EnvironmentStatus) {
	d := w.checkFlags(l, e)
	w.checkDocument(l, e)
	w.checkIdentity(l, e, true)
	if d == nil {
		return
	}
	in := s.Measures
	w.mu.Lock()
	k := l.of(e.key)
	former, since := k.served, k.since
	pinned := time.Now().Before(e.pinned)
	w.mu.Unlock()
	if in.Pin != nil {
		if digest := fmt.Sprintf("%x", d.digest); in.Pin.SHA256 != digest {
			w.note("%s: %s is pinned to %s and served is %s", l.name, e.key, in.Pin.SHA256, digest)
		}
		return
	}
	if pinned { // a keeper that waits for upstream or the store begins and ends a pin after that
		return
	}
	if former != nil && d.updated.Before(former.updated) {
		w.mu.Lock()
		allowed := slices.ContainsFunc(e.insisted, func(i insistence) bool {
			return i.at.After(since.Add(-2*time.Minute)) && !d.updated.Before(i.to.updated)
		})
		w.mu.Unlock()
		if !allowed {
			w.fail("succession", "%s serves document %d of %s after document %d, and upstream has not insisted on it", l.name, d.number, e.key, former.number)
		}
	}
	if former != d {
		w.mu.Lock()
		k.served, k.since = d, time.Now()
		w.mu.Unlock()
	}
}

// documentOf returns the document that a value is of.
func (e *environment) documentOf(value string) *document {
	var number int
	if _, err := fmt.Sscanf(value, string(e.key)+"#%d", &number); err != nil || number < 1 || number > len(e.documents) {
		return nil
	}
	return e.documents[number-1]
}

// flag is a flag as an application gets it.
type flag struct {
	Feature struct{ Name string } `json:"feature"`
	Enabled bool                  `json:"enabled"`
	Value   any                   `json:"feature_state_value"`
}

// checkFlags asks for all flags, and returns the document that the answer is of, or nil without
// a good answer.
func (w *world) checkFlags(l *life, e *environment) *document {
	status, answer := l.get(http.MethodGet, "/api/v1/flags/", string(e.key), "")
	if !w.answeredWith(l, e, domain.ResourceFlags, status) {
		return nil
	}
	var flags []flag
	if err := json.Unmarshal([]byte(answer), &flags); err != nil {
		w.fail("whole", "%s answers about %s with %s", l.name, e.key, answer)
		return nil
	}
	return w.checkWhole(l, e, flags, false)
}

// checkIdentity asks for the flags of an identity, which is in the segment or not.
func (w *world) checkIdentity(l *life, e *environment, pro bool) {
	plan := "free"
	if pro {
		plan = "pro"
	}
	status, answer := l.get(http.MethodPost, "/api/v1/identities/", string(e.key), `{"identifier":"ada","traits":[{"trait_key":"plan","trait_value":"`+plan+`"}]}`)
	if !w.answeredWith(l, e, domain.ResourceIdentities, status) {
		return
	}
	var got struct{ Flags []flag }
	if err := json.Unmarshal([]byte(answer), &got); err != nil {
		w.fail("whole", "%s answers about an identity of %s with %s", l.name, e.key, answer)
		return
	}
	w.checkWhole(l, e, got.Flags, pro)
}

// checkWhole checks that all flags are of one document, and that none of it is missing.
func (w *world) checkWhole(l *life, e *environment, flags []flag, pro bool) *document {
	got := map[string]string{}
	var d *document
	for _, f := range flags {
		value, _ := f.Value.(string)
		got[f.Feature.Name] = value
		if found := e.documentOf(value); found != nil {
			d = found
		}
	}
	if d == nil && got["alpha"] == overridden { // a mutilated document has no other feature
		return nil
	}
	if d == nil {
		w.fail("whole", "%s serves of %s what upstream never had: %v", l.name, e.key, got)
		return nil
	}
	want := maps.Clone(d.features)
	if got["alpha"] == overridden {
		want["alpha"] = overridden
	}
	if _, has := want["gamma"]; pro && has {
		want["gamma"] = d.proValue()
	}
	if !maps.Equal(got, want) {
		w.fail("whole", "%s serves of %s %v, want %v", l.name, e.key, got, want)
	}
	return d
}

const overridden = "overridden"

// checkDocument asks for the whole document, with the server-side key that the process has
// heard of last.
func (w *world) checkDocument(l *life, e *environment) {
	w.mu.Lock()
	i := slices.IndexFunc(l.config, func(k domain.EnvironmentKeys) bool { return k.Client == e.key })
	var key domain.ServerKey
	if i >= 0 && len(l.config[i].Server) > 0 {
		key = l.config[i].Server[0].Key
	}
	w.mu.Unlock()
	if key.IsZero() {
		return
	}
	status, answer := l.get(http.MethodGet, "/api/v1/environment-document/", key.Reveal(), "")
	if status == http.StatusUnauthorized || status == http.StatusForbidden { // the list has not arrived yet
		return
	}
	if !w.answeredWith(l, e, domain.ResourceEnvironmentDocument, status) {
		return
	}
	if slices.ContainsFunc(e.documents, func(d *document) bool { return string(d.body) == answer }) {
		return
	}
	for _, d := range e.documents {
		layered, err := domain.WithOverrides(d.body, map[string]domain.FeatureOverride{"alpha": {Enabled: true, Value: []byte(`"overridden"`)}})
		if err == nil && string(layered) == answer {
			return
		}
	}
	w.fail("whole", "%s serves a document of %s that upstream never had: %s", l.name, e.key, answer)
}

// answeredWith takes note of an answer, and reports whether it was a good one.
func (w *world) answeredWith(l *life, e *environment, what domain.Resource, status int) bool {
	w.mu.Lock()
	k := l.of(e.key)
	good := status == http.StatusOK
	before := k.served200
	k.served200 = k.served200 || good
	if good && w.plan.settings.discovery {
		w.posted[domain.UsageRow{Environment: e.key, Resource: what}]++
	}
	w.mu.Unlock()
	if !good && before && what == domain.ResourceFlags && !e.disturbed {
		w.fail("available", "%s answers %d about %s, which it has served before", l.name, status, e.key)
	}
	if !good && status != http.StatusServiceUnavailable && status != http.StatusUnauthorized {
		w.fail("available", "%s answers %d about %s", l.name, status, e.key)
	}
	return good
}

// checkReadiness computes from the times of confirmation whether the process should be ready,
// by the rule of docs/spec/behaviour.md#readiness.
func (w *world) checkReadiness(l *life, s app.Status) {
	code, answer := l.get(http.MethodGet, "/proxy/health/readiness", "", "")
	var got struct{ Reason *string }
	if err := json.Unmarshal([]byte(answer), &got); err != nil {
		w.fail("readiness", "%s answers %d %s", l.name, code, answer)
		return
	}
	now, n := l.node.now(), 0
	missing, late := 0, 0
	oldest := now
	for _, e := range s.Environments {
		switch {
		case !e.Confirmed.IsZero():
			n++
			if e.Confirmed.Before(oldest) {
				oldest = e.Confirmed
			}
		case l.of(e.Key).late:
			late++
		default:
			missing++
		}
	}
	limit := func(environments int) time.Duration {
		return interval + time.Duration(environments)*w.plan.settings.grace
	}
	const fresh, stale, lacking, leaving = "", "environment document(s) stale.", "environment document(s) not updated.", "shutting down."
	ready := func(environments int) string {
		if now.Sub(oldest) > limit(environments) {
			return stale
		}
		return fresh
	}
	var want []string
	switch {
	case time.Now().Before(l.drained):
		want = []string{leaving}
	case missing > 0 || n == 0:
		want = []string{lacking}
	case late > 0: // it counts as missing, or not yet
		want = []string{lacking, ready(n), ready(n + late)}
	default:
		want = []string{ready(n)}
	}
	reason := ""
	if got.Reason != nil {
		reason = *got.Reason
	}
	if !slices.Contains(want, reason) || (code == http.StatusOK) != (reason == fresh) {
		w.fail("readiness", "%s answers %d %q, want one of %q: %d environments are confirmed, the oldest %v ago, %d are not", l.name, code, reason, want, n, now.Sub(oldest), missing+late)
	}
}

// checkConfirmation compares when a process has the document confirmed with when upstream
// last answered. A node that follows others learns of it later, and counts from then on.
func (w *world) checkConfirmation(l *life, e *environment, s app.EnvironmentStatus) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := l.of(e.key)
	if s.Confirmed.IsZero() || s.Confirmed.Equal(k.confirmed) {
		return
	}
	// What was not there at a check a minute after a jump was asked for since the jump.
	settled := l.node.jumped.Add(time.Minute)
	if s.Confirmed.Before(k.confirmed) && k.absent.After(settled) && !w.plan.settings.discovery {
		w.failLocked("confirmation", "%s has %s confirmed %v before it had it confirmed", l.name, e.key, k.confirmed.Sub(s.Confirmed))
	}
	k.confirmed, k.absent = s.Confirmed, l.checked
	at := s.Confirmed.Add(-l.node.ahead())
	if !l.checked.After(settled) { // the time may be from before
		for _, skew := range l.node.skews {
			if other := s.Confirmed.Add(-skew); other.Before(at) {
				at = other
			}
		}
	}
	late := at.Sub(e.answered)
	allowed := mostLag + w.unwellSoFar() - e.unwell
	if w.plan.settings.clocks {
		allowed += 2 * mostSkew // of a record that was read at the start
	}
	if late > allowed {
		w.failLocked("confirmation", "%s has %s confirmed %v after upstream last answered anybody", l.name, e.key, late)
	}
	if at.After(time.Now()) {
		w.failLocked("confirmation", "%s has %s confirmed %v from now", l.name, e.key, time.Until(at))
	}
}

// mostLag is how much later than the node that polls others learn of a confirmation while
// the store is well.
const mostLag = 2*interval + 2*time.Second

// checkUsage compares what upstream has counted with what was answered.
func (w *world) checkUsage() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for row, counted := range w.upstream.counted {
		if counted > w.posted[row] {
			w.failLocked("usage", "upstream has counted %d requests of %s for %s, and there were %d", counted, row.Resource, row.Environment, w.posted[row])
		}
	}
}

// checkAnalytics compares what a process says of analytics with what it was given.
func (w *world) checkAnalytics(l *life) {
	p := progressOf(l.app, app.AnalyticsReports)
	total := p.Pending + p.Sent
	for _, dropped := range p.Dropped {
		total += dropped
	}
	if total != l.posted {
		w.fail("analytics", "%s was given %d counts, and says that %d wait, %d were sent and %v dropped", l.name, l.posted, p.Pending, p.Sent, p.Dropped)
	}
}
