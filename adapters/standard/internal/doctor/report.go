package doctor

import (
	"fmt"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// Status is how a check ended.
type Status string

// The statuses, the best first. A check is skipped where there is nothing to check, or
// where another check has failed that it needs.
const (
	OK      Status = "ok"
	Skipped Status = "skipped"
	Warning Status = "warning" // the proxy works, and should not be left so
	Failure Status = "failure" // the proxy does not work, or not as configured
)

// rank orders statuses, the best first.
var rank = map[Status]int{OK: 0, Skipped: 1, Warning: 2, Failure: 3}

// Result is what came of one check. Its texts hold no secrets.
type Result struct {
	ID     string `json:"id"`    // such as A1; it stays the same from version to version
	Check  string `json:"check"` // what is checked, in a few words
	Status Status `json:"status"`
	// Found is what the check has seen, at least one sentence.
	Found []string `json:"found"`
	// Milliseconds is how long the check took.
	Milliseconds float64 `json:"milliseconds"`
	Why          string  `json:"why"`           // why the check matters
	Fix          string  `json:"fix,omitempty"` // what to do; "" unless it is a warning or a failure
	Link         string  `json:"link"`          // the page that says more
}

// Report is the results of all checks, in the order of the catalog. Its JSON form is
// stable: members may be added.
type Report struct {
	Schema  int    `json:"schema"` // 1
	Version string `json:"version"`
	// Status is the worst of the results; Skipped does not count.
	Status Status `json:"status"`
	// Configuration reports whether the configuration is usable. Where it is not, only
	// the checks of the configuration have run.
	Configuration bool     `json:"configuration_usable"`
	Milliseconds  float64  `json:"milliseconds"`
	Results       []Result `json:"results"`
}

// Count returns how many results have a status.
func (r *Report) Count(s Status) int {
	n := 0
	for _, result := range r.Results {
		if result.Status == s {
			n++
		}
	}
	return n
}

// finding is what a running check has found so far. The worst of what is added is the
// status of the result, and the first advice of that status is its Fix.
type finding struct {
	status Status
	found  []string
	fix    string
}

// maxFound bounds the sentences of one result: a thousand environments may have the same
// fault.
const maxFound = 50

func (f *finding) add(s Status, fix, format string, args ...any) {
	if len(f.found) == 0 || rank[s] > rank[f.status] {
		f.status, f.fix = s, fix
	}
	f.found = append(f.found, domain.RedactServerKeys(fmt.Sprintf(format, args...)))
}

func (f *finding) ok(format string, args ...any)        { f.add(OK, "", format, args...) }
func (f *finding) skip(format string, args ...any)      { f.add(Skipped, "", format, args...) }
func (f *finding) warn(fix, format string, args ...any) { f.add(Warning, fix, format, args...) }
func (f *finding) fail(fix, format string, args ...any) { f.add(Failure, fix, format, args...) }

// result returns the result of the check that a describes.
func (f *finding) result(a about, took time.Duration) Result {
	found := f.found
	if more := len(found) - maxFound; more > 0 {
		found = append(found[:maxFound:maxFound], fmt.Sprintf("and %d more", more))
	}
	return Result{
		ID: a.id, Check: a.check, Status: f.status, Found: found, Milliseconds: milliseconds(took),
		Why: a.why, Fix: domain.RedactServerKeys(f.fix), Link: documentation + a.page,
	}
}

// milliseconds returns a duration in milliseconds, to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
