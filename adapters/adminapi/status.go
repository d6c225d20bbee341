package adminapi

import (
	"encoding/hex"
	"net/http"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
)

// schema is the version of the JSON of /status.json and of /environments/{key}, which
// docs/status.schema.json describes. Members may be added within a version; a member
// that goes or changes its meaning takes another version.
const schema = 1

// getStatus answers with the status as JSON.
func (a *API) getStatus(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, a.statusJSON(a.app.Status()))
}

type statusJSON struct {
	Schema  int        `json:"schema"`
	At      *time.Time `json:"at"`
	Node    string     `json:"node"`
	Version string     `json:"version"`
	Started *time.Time `json:"started"`
	// Summary is the first sentence of the page.
	Summary      string             `json:"summary"`
	Ready        bool               `json:"ready"`
	State        app.ReadinessState `json:"state"`
	Reasons      []reasonJSON       `json:"reasons"`
	LastUpdate   *time.Time         `json:"last_update"`
	Draining     bool               `json:"draining"`
	Limit        *string            `json:"limit"`
	PollInterval string             `json:"poll_interval"`
	Upstream     upstreamJSON       `json:"upstream"`
	Store        storeJSON          `json:"store"`
	Discovery    *discoveryJSON     `json:"discovery"`
	Environments []environmentJSON  `json:"environments"`
	Fleet        fleetJSON          `json:"fleet"`
	Traffic      *trafficJSON       `json:"traffic"`
	// Reports are by kind.
	Reports  map[app.ReportKind]reportJSON `json:"reports"`
	Findings []Finding                     `json:"findings"`
	Config   *configJSON                   `json:"config"`
}

type reasonJSON struct {
	Code        app.ReadinessState `json:"code"`
	Environment *string            `json:"environment"`
	For         *string            `json:"for"`
}

type upstreamJSON struct {
	APIURL      string            `json:"api_url"`
	State       app.UpstreamState `json:"state"`
	Since       *time.Time        `json:"since"`
	Failures    int               `json:"failures"`
	Cause       *string           `json:"cause"`
	Hint        *string           `json:"hint"`
	LastSuccess *time.Time        `json:"last_success"`
	ClockAhead  string            `json:"clock_ahead"`
}

type storeJSON struct {
	URL   string     `json:"url"`
	State string     `json:"state"`
	Since *time.Time `json:"since"`
	Error *string    `json:"error"`
}

type reportJSON struct {
	Pending int64      `json:"pending"`
	Sent    int64      `json:"sent"`
	Dropped int64      `json:"dropped"`
	Last    *time.Time `json:"last"`
}

type requestsJSON struct {
	Flags      int64 `json:"flags"`
	Identities int64 `json:"identities"`
	Document   int64 `json:"document"`
	OFREP      int64 `json:"ofrep"`
}

type discoveryJSON struct {
	LastSuccess  *time.Time `json:"last_success"`
	Environments int        `json:"environments"`
}

type configJSON struct {
	Hash          string   `json:"hash"`
	RestartNeeded []string `json:"restart_needed"`
	Warnings      []string `json:"warnings"`
}

// environmentJSON is an environment in the list, environmentDetailsJSON alone.
type environmentJSON struct {
	Key            string               `json:"key"`
	Name           string               `json:"name"`
	Project        string               `json:"project"`
	Source         app.Origin           `json:"source"`
	State          app.EnvironmentState `json:"state"`
	Confirmed      *time.Time           `json:"confirmed"`
	Age            *string              `json:"age"`
	Limit          *string              `json:"limit"`
	Updated        *time.Time           `json:"updated"`
	Served         *time.Time           `json:"served"`
	Via            *app.Via             `json:"via"`
	SHA256         *string              `json:"sha256"`
	Bytes          int                  `json:"bytes"`
	Features       int                  `json:"features"`
	Segments       int                  `json:"segments"`
	Overrides      int                  `json:"overrides"`
	Problems       int                  `json:"problems"`
	Stopped        bool                 `json:"stopped"`
	Lease          app.Lease            `json:"lease"`
	Listeners      int                  `json:"listeners"`
	Requests       requestsJSON         `json:"requests"`
	Stream         *string              `json:"stream"`
	Failures       int                  `json:"failures"`
	LastFailure    *failureJSON         `json:"last_failure"`
	HeldBack       *heldBackJSON        `json:"held_back"`
	Pinned         *pinJSON             `json:"pinned"`
	LocalOverrides []overrideJSON       `json:"local_overrides"`
}

type environmentDetailsJSON struct {
	Schema int `json:"schema"`
	environmentJSON
	Polls         []pollJSON    `json:"polls"`
	LastChange    *changeJSON   `json:"last_change"`
	FirstProblems []problemJSON `json:"first_problems"`
}

type failureJSON struct {
	At    *time.Time `json:"at"`
	Cause string     `json:"cause"`
	Hint  string     `json:"hint"`
}

type heldBackJSON struct {
	SHA256  string     `json:"sha256"`
	Updated *time.Time `json:"updated"`
	Since   *time.Time `json:"since"`
	Until   *time.Time `json:"until"`
	Reasons []string   `json:"reasons"`
}

type pollJSON struct {
	At      *time.Time `json:"at"`
	Took    string     `json:"took"`
	Via     app.Via    `json:"via"`
	Outcome string     `json:"outcome"`
	Hint    *string    `json:"hint"`
}

type changeJSON struct {
	At         *time.Time `json:"at"`
	Via        app.Via    `json:"via"`
	Changed    []string   `json:"changed"`
	Added      []string   `json:"added"`
	Removed    []string   `json:"removed"`
	Segments   []string   `json:"segments"`
	Identities int        `json:"identities"`
}

type problemJSON struct {
	Path   string `json:"path"`
	What   string `json:"what"`
	Effect string `json:"effect"`
}

func (a *API) statusJSON(s app.Status) statusJSON {
	configuration := known(a.o.Configuration)
	out := statusJSON{
		Schema: schema, At: moment(s.At), Node: s.Node, Version: a.o.Node.Version, Started: moment(s.Started),
		Summary: summary(s, a.o.Node.UpstreamName),
		Ready:   s.Readiness.State == app.Ready, State: s.Readiness.State, Reasons: []reasonJSON{},
		LastUpdate: moment(s.Readiness.LastUpdate), Draining: s.Readiness.State == app.NodeDraining,
		Limit: secondsUnlessZero(s.Limit), PollInterval: seconds(s.PollInterval),
		Upstream: upstreamJSON{
			APIURL: a.o.Node.Upstream, State: s.Upstream.State, Since: moment(s.Upstream.Since), Failures: s.Upstream.Failures,
			LastSuccess: moment(s.Upstream.LastSuccess), ClockAhead: seconds(s.Upstream.ClockAhead),
		},
		Store:        storeJSON{URL: a.o.Node.Store, State: "up", Since: moment(s.Store.Since), Error: unlessEmpty(s.Store.Error)},
		Environments: []environmentJSON{}, Fleet: fleetOf(s.Fleet), Traffic: trafficOf(known(a.o.Traffic), s), Reports: reportsOf(s), Findings: findings(s, a.o.Node.UpstreamName, configuration),
	}
	if f := s.Upstream.LastFailure; f != nil {
		out.Upstream.Cause, out.Upstream.Hint = new(string(f.Outcome)), unlessEmpty(f.Cause)
	}
	if !s.Store.Up {
		out.Store.State = "down"
	}
	if d := s.Discovery; d != nil {
		out.Discovery = &discoveryJSON{moment(d.LastSuccess), d.Environments}
	}
	for _, r := range s.Readiness.Reasons {
		out.Reasons = append(out.Reasons, reasonJSON{r.Code, unlessEmpty(string(r.Environment)), secondsUnlessZero(r.For)})
	}
	for _, e := range s.Environments {
		out.Environments = append(out.Environments, environmentOf(s, e))
	}
	if c := configuration; c != nil {
		out.Config = &configJSON{c.Hash, nonNil(c.NeedRestart), nonNil(c.Warnings)}
	}
	return out
}

// reportsOf returns what has become of the reports of each kind that is on.
func reportsOf(s app.Status) map[app.ReportKind]reportJSON {
	out := map[app.ReportKind]reportJSON{}
	for _, r := range s.Reports {
		one := reportJSON{Pending: r.Pending, Sent: r.Sent, Last: moment(r.LastSuccess)}
		for _, n := range r.Dropped {
			one.Dropped += n
		}
		out[r.Kind] = one
	}
	return out
}

func environmentOf(s app.Status, e app.EnvironmentStatus) environmentJSON {
	out := environmentJSON{
		Key: string(e.Key), Name: e.Facts.Name, Project: e.Facts.Project, Source: e.Origin, State: e.State,
		Confirmed: moment(e.Confirmed), Limit: secondsUnlessZero(s.Limit), Updated: moment(e.Updated), Served: moment(e.Served),
		Bytes: e.Bytes, Features: e.Facts.Features, Segments: e.Facts.Segments, Overrides: e.Facts.IdentityOverrides, Problems: e.Facts.Problems,
		Stopped: e.Stopped, Lease: e.Lease, Listeners: e.Listeners, Failures: e.Failures,
		Requests: requestsJSON{
			Flags: e.Requests[domain.ServedFlags], Identities: e.Requests[domain.ServedIdentities], Document: e.Requests[domain.ServedEnvironmentDocument],
			OFREP: e.Requests[domain.ServedOFREPFlags] + e.Requests[domain.ServedOFREPIdentities],
		},
	}
	if !e.Confirmed.IsZero() {
		out.Age = new(seconds(max(0, s.At.Sub(e.Confirmed))))
	}
	if e.Via != "" {
		out.Via = &e.Via
	}
	if e.Bytes > 0 {
		out.SHA256 = new(hex.EncodeToString(e.Digest[:]))
	}
	if e.StreamUp != nil {
		out.Stream = new(map[bool]string{true: "up", false: "down"}[*e.StreamUp])
	}
	if f := e.LastFailure; f != nil {
		out.LastFailure = &failureJSON{moment(f.At), string(f.Outcome), f.Cause}
	}
	out.LocalOverrides = []overrideJSON{}
	if p := e.Measures.Pin; p != nil {
		out.Pinned = new(pinOf(*p))
	}
	for _, o := range e.Measures.Overrides {
		out.LocalOverrides = append(out.LocalOverrides, overrideOf(o))
	}
	if h := e.HeldBack; h != nil {
		out.HeldBack = &heldBackJSON{hex.EncodeToString(h.Digest[:]), moment(h.Updated), moment(h.Since), moment(h.Until), nonNil(h.Reasons)}
	}
	return out
}

func detailsOf(s app.Status, e app.EnvironmentStatus) environmentDetailsJSON {
	out := environmentDetailsJSON{Schema: schema, environmentJSON: environmentOf(s, e), Polls: []pollJSON{}, FirstProblems: []problemJSON{}}
	for _, p := range e.Polls {
		out.Polls = append(out.Polls, pollJSON{moment(p.At), seconds(p.Took), p.Via, string(p.Outcome), unlessEmpty(p.Cause)})
	}
	if c := e.LastChange; c != nil {
		out.LastChange = &changeJSON{moment(c.At), c.Via, nonNil(c.Changed), nonNil(c.Added), nonNil(c.Removed), nonNil(c.Segments), c.Identities}
	}
	for _, p := range e.Facts.FirstProblems {
		out.FirstProblems = append(out.FirstProblems, problemJSON{p.Path, p.What, p.Effect})
	}
	return out
}

func unlessEmpty(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func secondsUnlessZero(d time.Duration) *string {
	if d == 0 {
		return nil
	}
	return new(seconds(d))
}

// nonNil returns list, or an empty list for nil, which JSON would show as null.
func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
