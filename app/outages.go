package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/domain/outage"
	"github.com/edge-proxy/edge-proxy/ports"
)

// outages logs failed requests for environments and the end of failures, see
// outage.Tracker. It is safe for concurrent use.
type outages struct {
	failedEvent, overEvent eventName
	now                    func() time.Time
	tracker                *outage.Tracker[domain.EnvironmentKey]
}

func newOutages(failed, over eventName, now func() time.Time) *outages {
	return &outages{failedEvent: failed, overEvent: over, now: now, tracker: outage.NewTracker[domain.EnvironmentKey]()}
}

// failed reports a failed request for an environment's document. l names the
// environment, and attributes are logged in addition to those of the error and the outage.
func (o *outages) failed(ctx context.Context, l *slog.Logger, key domain.EnvironmentKey, err error, attributes ...any) {
	reach, kind := classify(err)
	lasting, due, over := o.tracker.Failed(o.now(), key, reach, kind)
	o.logOver(ctx, l, over)
	level := slog.LevelDebug
	if due {
		level = slog.LevelError
	}
	list := append(failureAttributes(err), attributes...)
	list = append(list, lasting.Attributes()...)
	if lasting.Members > 1 {
		list = append(list, "environments", lasting.Members)
	}
	l.Log(ctx, level, string(o.failedEvent), list...)
}

// classify returns what a failure concerns, and its kind.
func classify(err error) (reach outage.Reach, kind string) {
	var fetch *ports.FetchError
	if !errors.As(err, &fetch) {
		return outage.Member, err.Error()
	}
	kind = fmt.Sprint(fetch.Status, " ", fetch.Cause)
	if fetch.Status == 0 && fetch.Cause == "" {
		kind = fetch.Error()
	}
	if fetch.Status == 0 && !errors.Is(err, errNoKey) || fetch.Status == 429 || fetch.Status >= 500 {
		return outage.Origin, kind
	}
	return outage.Member, kind
}

// succeeded reports that an environment's document was fetched or confirmed.
func (o *outages) succeeded(ctx context.Context, l *slog.Logger, key domain.EnvironmentKey) {
	o.logOver(ctx, l, o.tracker.Succeeded(key))
}

func (o *outages) logOver(ctx context.Context, l *slog.Logger, over []outage.Summary) {
	for _, was := range over {
		list := was.After(o.now())
		if was.Members > 1 {
			list = append(list, "environments", was.Members)
		}
		l.InfoContext(ctx, string(o.overEvent), list...)
	}
}

// leave forgets an environment.
func (o *outages) leave(key domain.EnvironmentKey) { o.tracker.Leave(key) }
