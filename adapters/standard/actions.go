package standard

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/adminapi"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
)

const (
	// usualDrain is how long a node is drained that is not told how long, and longestDrain
	// the longest that may be asked for: a node that was forgotten must come back.
	usualDrain, longestDrain = 10 * time.Minute, 24 * time.Hour
	// refreshPatience is how long an operator waits for what a refresh brings.
	refreshPatience = 20 * time.Second
)

// actions returns what operators can have the node do.
func actions(proxy *app.App, now func() time.Time) []adminapi.Action {
	refresh := func(ctx context.Context, call *adminapi.Call) (any, error) { return refreshNow(ctx, proxy, call) }
	return []adminapi.Action{
		{Pattern: "POST /drain", Name: "drain", Do: func(_ context.Context, call *adminapi.Call) (any, error) { return drainNode(proxy, call, now()) }},
		{Pattern: "DELETE /drain", Name: "undrain", Do: func(_ context.Context, call *adminapi.Call) (any, error) { return undrainNode(proxy, call) }},
		{Pattern: "POST /refresh", Name: "refresh", Do: refresh},
		{Pattern: "POST /refresh/{environment}", Name: "refresh", Do: refresh},
	}
}

// drained is the answer to a drain and to its end.
type drained struct {
	Draining bool `json:"draining"`
	// Until is when a drain ends by itself.
	Until *time.Time `json:"until,omitempty"`
	// Was says of an end whether there was a drain to end.
	Was *bool `json:"was,omitempty"`
}

func drainNode(proxy *app.App, call *adminapi.Call, now time.Time) (any, error) {
	var body struct {
		For string `json:"for"`
	}
	if err := call.Decode(&body); err != nil {
		return nil, err
	}
	limit, err := lasting(body.For, usualDrain, longestDrain)
	if err != nil {
		return nil, err
	}
	if err := proxy.Drain(limit); err != nil {
		return nil, conflict(err)
	}
	until := now.Add(limit).UTC().Truncate(time.Second)
	return drained{Draining: true, Until: &until}, nil
}

func undrainNode(proxy *app.App, call *adminapi.Call) (any, error) {
	if err := call.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	was, err := proxy.Undrain()
	if err != nil {
		return nil, conflict(err)
	}
	return drained{Was: &was}, nil
}

// conflict returns an error of the application as one for the caller.
func conflict(err error) error {
	if errors.Is(err, app.ErrNotServing) {
		return &adminapi.Refusal{Status: http.StatusConflict, Text: err.Error()}
	}
	return err
}

// refreshed is what came of refreshing one environment.
type refreshed struct {
	Environment string `json:"environment"`
	// Outcome is that of the request to upstream, as in /status.json; nil when there was
	// none in time.
	Outcome *string `json:"outcome"`
	Cause   string  `json:"cause,omitempty"` // of a failure, and what to do about it
	Took    string  `json:"took,omitempty"`
	// Changed says whether another document is served than before, and Updated is the
	// updated_at of the one that is.
	Changed bool       `json:"changed"`
	Updated *time.Time `json:"updated"`
}

func refreshNow(ctx context.Context, proxy *app.App, call *adminapi.Call) (any, error) {
	if err := call.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, refreshPatience)
	defer cancel()
	list, served := proxy.Refresh(ctx, domain.EnvironmentKey(call.Path("environment")))
	if !served {
		return nil, &adminapi.Refusal{Status: http.StatusNotFound, Text: "this node does not serve an environment with that client-side key; /status.json lists those that it serves"}
	}
	answer := struct {
		Environments []refreshed `json:"environments"`
	}{Environments: []refreshed{}}
	for _, r := range list {
		one := refreshed{Environment: string(r.Environment), Changed: r.Changed}
		if r.Poll != nil {
			outcome := string(r.Poll.Outcome)
			one.Outcome, one.Cause, one.Took = &outcome, r.Poll.Cause, r.Poll.Took.Round(time.Millisecond).String()
		}
		if !r.Updated.IsZero() {
			updated := r.Updated.UTC()
			one.Updated = &updated
		}
		answer.Environments = append(answer.Environments, one)
	}
	return answer, nil
}
