package adminapi

import (
	"fmt"
	"net/http"
	"net/http/pprof"
	"strconv"
	"sync"
	"time"
)

const (
	// maxProfile is the longest time for which a profile is recorded.
	maxProfile = 60 * time.Second
	// betweenProfiles is the time from the end of a profile to the next one.
	betweenProfiles = 5 * time.Second
)

// profiles bounds what profiles cost: one at a time, each for a limited time, with a
// pause after it. It is safe for concurrent use.
type profiles struct {
	now func() time.Time

	mu      sync.Mutex
	running bool
	next    time.Time
}

func newProfiles(now func() time.Time) *profiles { return &profiles{now: now} }

// begin reports whether a profile may begin now, and if not, how long to wait.
func (p *profiles) begin() (wait time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if wait = p.next.Sub(p.now()); p.running || wait > 0 {
		return max(wait, betweenProfiles), false
	}
	p.running = true
	return 0, true
}

func (p *profiles) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running, p.next = false, p.now().Add(betweenProfiles)
}

// getProfiles answers with the list of profiles.
func (a *API) getProfiles(w http.ResponseWriter, r *http.Request) {
	if a.o.Policy().Profiles {
		pprof.Index(w, r)
	} else {
		refuse(w, http.StatusNotFound, "profiles are off: set admin.pprof")
	}
}

// getProfile answers with one profile, as the tool pprof reads it. The command line of
// the process is not among them: it may hold a secret.
func (a *API) getProfile(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	duration, err := strconv.ParseFloat(r.URL.Query().Get("seconds"), 64)
	if err != nil && r.URL.Query().Has("seconds") {
		refuse(w, http.StatusBadRequest, "seconds must be a number")
		return
	}
	switch {
	case !a.o.Policy().Profiles:
		refuse(w, http.StatusNotFound, "profiles are off: set admin.pprof")
		return
	case name == "cmdline" || name == "symbol":
		refuse(w, http.StatusNotFound, "there is no such profile; /debug/pprof/ lists them")
		return
	case !(duration <= maxProfile.Seconds()):
		refuse(w, http.StatusBadRequest, fmt.Sprintf("seconds must be at most %.0f", maxProfile.Seconds()))
		return
	}
	wait, ok := a.profiles.begin()
	if !ok {
		w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
		refuse(w, http.StatusTooManyRequests, fmt.Sprintf("one profile at a time, and %s between two", span(betweenProfiles)))
		return
	}
	defer a.profiles.end()
	switch name {
	case "profile":
		pprof.Profile(w, r)
	case "trace":
		pprof.Trace(w, r)
	default:
		pprof.Handler(name).ServeHTTP(w, r)
	}
}
