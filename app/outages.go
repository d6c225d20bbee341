package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// reminders returns when an outage is logged again, after its beginning; later it is
// logged once in each last of them.
func reminders() []time.Duration {
	return []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}
}

// outages decides which failures are logged as errors, so that an outage is a few lines
// instead of one for each environment and poll. It is safe for concurrent use.
//
// What makes all environments fail alike, such as an upstream that is away, is one
// outage. What is wrong with one environment, such as a key that is refused, is an
// outage of that environment. An outage is logged when it begins, when another kind of
// failure appears in it, at reminders, and when it is over.
type outages struct {
	event string // the name of the event of a failure
	over  string // the name of the event that an outage is over
	now   func() time.Time

	mu      sync.Mutex
	current map[domain.EnvironmentKey]*outage // by environment; "" is the one of all
}

// outage is a time in which requests fail.
type outage struct {
	since    time.Time
	failures int
	kinds    map[kind]bool
	members  map[domain.EnvironmentKey]bool // environments that failed last
	reminded int
	next     time.Time // of the next reminder
}

// kind tells failures apart.
type kind struct {
	status      int
	cause, text string
}

func newOutages(event, over string, now func() time.Time) *outages {
	return &outages{event: event, over: over, now: now, current: map[domain.EnvironmentKey]*outage{}}
}

// failed reports a failed request for an environment's document. l names the
// environment, and attributes are logged in addition to those of the error and the outage.
func (o *outages) failed(ctx context.Context, l *slog.Logger, key domain.EnvironmentKey, err error, attributes ...any) {
	scope, what := classify(key, err)
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	out := o.current[scope]
	if out == nil {
		out = &outage{since: now, next: now, kinds: map[kind]bool{}, members: map[domain.EnvironmentKey]bool{}}
		o.current[scope] = out
	}
	out.failures++
	out.members[key] = true
	level := slog.LevelDebug
	if isNew := !out.kinds[what]; isNew || !now.Before(out.next) {
		level = slog.LevelError
		out.kinds[what] = true
		for !now.Before(out.next) {
			out.remindLater()
		}
	}
	list := append(failureAttributes(err), attributes...)
	list = append(list, "failures", out.failures, "since", formatTime(out.since.Truncate(time.Millisecond)))
	if n := len(out.members); n > 1 {
		list = append(list, "environments", n)
	}
	l.Log(ctx, level, o.event, list...)
}

// remindLater sets the time of the next reminder.
func (o *outage) remindLater() {
	all := reminders()
	if o.reminded < len(all) {
		o.next = o.since.Add(all[o.reminded])
	} else {
		o.next = o.next.Add(all[len(all)-1])
	}
	o.reminded++
}

// classify returns the environment whose outage a failure belongs to, "" for that of
// all, and the kind of the failure.
func classify(key domain.EnvironmentKey, err error) (scope domain.EnvironmentKey, what kind) {
	var fetch *ports.FetchError
	if !errors.As(err, &fetch) {
		return key, kind{text: err.Error()}
	}
	what = kind{status: fetch.Status, cause: fetch.Cause}
	if what == (kind{}) {
		what.text = fetch.Error()
	}
	if fetch.Status == 0 && !errors.Is(err, errNoKey) || fetch.Status == 429 || fetch.Status >= 500 {
		return "", what
	}
	return key, what
}

// succeeded reports that an environment's document was fetched or confirmed.
func (o *outages) succeeded(ctx context.Context, l *slog.Logger, key domain.EnvironmentKey) {
	for _, out := range o.leave(key) {
		l.InfoContext(ctx, o.over, "failures", out.failures, "since", formatTime(out.since.Truncate(time.Millisecond)), "after", o.now().Sub(out.since).Round(time.Millisecond).String())
	}
}

// leave takes an environment out of its outages. It returns those that are over now.
func (o *outages) leave(key domain.EnvironmentKey) (over []*outage) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, scope := range []domain.EnvironmentKey{key, ""} {
		if out := o.current[scope]; out != nil && out.members[key] {
			delete(out.members, key)
			if len(out.members) == 0 {
				delete(o.current, scope)
				over = append(over, out)
			}
		}
	}
	return over
}
