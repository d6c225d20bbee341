package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// lateAfter is how long a poll may wait for its turn before it counts as late.
const lateAfter = time.Second

// errNoKey: no valid server-side key to fetch a document with.
var errNoKey = errors.New("no valid server-side key")

// fetcher asks upstream for the document of one environment, and decides what each
// answer means for the document that is held. Its keeper's goroutine owns it, but for
// the keys, which anybody may replace.
type fetcher struct {
	environment domain.EnvironmentKey
	keys        atomic.Pointer[domain.EnvironmentKeys]
	upstream    ports.Upstream
	slots       *semaphore // for fetches under way, of all environments
	compiler    *compiler
	now         func() time.Time
	logger      *slog.Logger
	observer    Observer
	clock       *clockOffset
	tracer      Tracer

	// working is the server-side key that upstream accepted last.
	working    domain.ServerKey
	succession domain.Succession
	// unconditional: the next request must not be conditional.
	unconditional     bool
	lastUnconditional time.Time // when upstream last sent a whole document
}

// answer is what upstream sent.
type answer struct {
	ports.Document
	asked         time.Time // when the request was sent
	took          time.Duration
	unconditional bool // the request had no condition
}

// fetch asks upstream once, under the bound on fetches.
func (f *fetcher) fetch(ctx context.Context, held *Environment) (answer, error) {
	began := f.now()
	release, err := f.slots.acquire(ctx)
	if err != nil {
		return answer{}, err
	}
	defer release()
	a := answer{asked: f.now()}
	if a.asked.Sub(began) > lateAfter {
		f.observer.PollLate()
	}
	request := ports.DocumentRequest{Environment: f.environment, Discovered: f.keys.Load().Discovered}
	a.unconditional = held == nil || held.UpdatedAt.IsZero() || f.unconditional || f.unconditionalDue()
	if !a.unconditional {
		request.IfModifiedSince = held.UpdatedAt
	}
	a.Document, err = f.fetchWithAnyKey(ctx, request)
	if errors.Is(err, ports.ErrNotModifiedWithoutCondition) {
		f.unconditional = true
	}
	answered := f.now()
	a.took = answered.Sub(a.asked)
	f.clock.observe(a.Date, a.asked, answered)
	return a, err
}

func (f *fetcher) unconditionalDue() bool {
	age := f.now().Sub(f.lastUnconditional)
	return age >= unconditionalEvery || age < 0 // the clock was set back
}

// fetchWithAnyKey sends a request with the key that worked last and, when upstream
// refuses that one, with the others: the old key of a rotation is deleted upstream
// before everybody has heard of it.
func (f *fetcher) fetchWithAnyKey(ctx context.Context, request ports.DocumentRequest) (ports.Document, error) {
	keys := f.keys.Load().FetchKeys(f.now())
	if len(keys) == 0 {
		return ports.Document{}, &ports.FetchError{Err: errNoKey, Cause: "every server-side key of this environment has expired"}
	}
	if i := slices.Index(keys, f.working); i > 0 {
		keys[0], keys[i] = keys[i], keys[0]
	}
	var document ports.Document
	var err error
	for i, key := range keys {
		request.Key = key
		document, err = f.request(ctx, request)
		if keyRefused(err) {
			continue
		}
		if err == nil && i > 0 {
			f.logger.WarnContext(ctx, "server_side_key_refused", "server_side_key", keys[0].String(), "used_instead", key.String(),
				"hint", "upstream does not accept this key any more: remove it where it is configured")
		}
		if err == nil {
			f.working = key
		}
		break
	}
	return document, err
}

// request sends one request, as a step of the poll.
func (f *fetcher) request(ctx context.Context, r ports.DocumentRequest) (ports.Document, error) {
	ctx, span := f.tracer.Step(ctx, StepFetch)
	document, err := f.upstream.FetchDocument(ctx, r)
	outcome := ports.OutcomeOf(err)
	if document.NotModified {
		outcome = ports.OutcomeNotModified
	}
	span.End(Result{Err: err, Outcome: outcome})
	return document, err
}

// keyRefused reports whether upstream did not accept the key.
func keyRefused(err error) bool {
	var fetch *ports.FetchError
	return errors.As(err, &fetch) && (fetch.Status == 401 || fetch.Status == 403)
}

// rotate replaces the keys. It reports whether documents can be fetched now that
// could not be before.
func (f *fetcher) rotate(keys domain.EnvironmentKeys) bool {
	now := f.now()
	lacked := len(f.keys.Load().FetchKeys(now)) == 0
	f.keys.Store(&keys)
	return lacked && len(keys.FetchKeys(now)) > 0
}

// awaitsKeys reports whether the valid server-side keys are known by their digests
// only, as after a restart: discovery is to bring the keys themselves.
func (f *fetcher) awaitsKeys() bool {
	keys, now := f.keys.Load(), f.now()
	return keys.Valid(now) && len(keys.FetchKeys(now)) == 0
}

// judge decides what an answer means. It returns the document that is to take the place
// of the held one, or nil when upstream has confirmed the held one. A document that guard
// holds back is returned as it was judged first.
func (f *fetcher) judge(ctx context.Context, a answer, held *Environment, guard *documentGuard) (*compiled, error) {
	if a.NotModified {
		if a.unconditional {
			f.unconditional = true
			return nil, &ports.FetchError{Status: 304, Err: ports.ErrNotModifiedWithoutCondition}
		}
		f.logger.DebugContext(ctx, "environment_not_modified", "status", 304)
		return nil, nil
	}
	var heldUpdatedAt time.Time
	if held != nil {
		heldUpdatedAt = held.UpdatedAt
	}
	digest := digestOf(a.Body)
	if held != nil && digest == held.Digest {
		f.unconditional = false
		f.lastUnconditional = a.asked
		f.succession.FromUpstream(heldUpdatedAt, heldUpdatedAt, true, a.unconditional)
		return nil, nil
	}
	f.unconditional = true // a second change within the same second would look unmodified
	if known := guard.known(digest); known != nil {
		return known, nil
	}
	c, err := f.compiler.compile(ctx, f.environment, a.Body, digest, held, time.Time{})
	if err != nil {
		return nil, err
	}
	switch updatedAt := c.environment.UpdatedAt; f.succession.FromUpstream(heldUpdatedAt, updatedAt, false, a.unconditional) {
	case domain.Refuse:
		f.observer.Refused(f.environment, RefusedOlder)
		f.logger.DebugContext(ctx, "older_document_refused", "updated_at", formatTime(updatedAt), "held_updated_at", formatTime(heldUpdatedAt))
		return nil, nil
	case domain.WentBack:
		f.logger.WarnContext(ctx, "environment_went_back", "updated_at", formatTime(updatedAt), "held_updated_at", formatTime(heldUpdatedAt),
			"hint", "upstream insists on an older document, as after the restore of a database; it is served now")
	}
	f.lastUnconditional = a.asked
	return &c, nil
}

// replaced takes note that another node's document took the place of the held one.
func (f *fetcher) replaced(hadOne bool) {
	// Older documents that upstream sent were older than the former document, not than
	// this one.
	f.succession = domain.Succession{}
	// The node that fetched it may be gone before its own unconditional poll.
	f.unconditional = f.unconditional || hadOne
}

// reasonOf is err without the likely cause, which is logged beside it.
func reasonOf(err error) error {
	var fetch *ports.FetchError
	if errors.As(err, &fetch) {
		return &ports.FetchError{Doing: fetch.Doing, Status: fetch.Status, Err: fetch.Err}
	}
	return err
}

// causeOf returns the likely cause of err and what to do about it, or err's text.
func causeOf(err error) string {
	var fetch *ports.FetchError
	if errors.As(err, &fetch) && fetch.Cause != "" {
		return fetch.Cause
	}
	return err.Error()
}

// failureAttributes returns the log attributes of a failed request or an unusable
// response.
func failureAttributes(err error) []any {
	attributes := []any{"error", reasonOf(err)}
	var fetch *ports.FetchError
	var fault *panicked
	switch {
	case errors.As(err, &fetch):
		if fetch.Status != 0 {
			attributes = append(attributes, "status", fetch.Status)
		}
		if fetch.Cause != "" {
			attributes = append(attributes, "cause", fetch.Cause)
		}
	case errors.Is(err, domain.ErrUnusable):
		attributes = append(attributes, "status", 200, "cause", "api_url does not lead to a Flagsmith API, or something between answers in its place")
	case errors.As(err, &fault):
		attributes = append(attributes, "status", 200, "cause", "a fault of this program: please report it", "stack", string(fault.stack))
	}
	return attributes
}
