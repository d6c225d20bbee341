package adminapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/domain"
	"github.com/edge-proxy/edge-proxy/ports"
)

// Operator is what an operator can change about which documents are served. app.App
// implements it, and its methods' comments say what they do. They are called concurrently.
type Operator interface {
	AcceptDocument(ctx context.Context, key domain.EnvironmentKey) (digest string, err error)
	PinDocument(ctx context.Context, key domain.EnvironmentKey, version, author, reason string, lasts time.Duration) (app.Pin, error)
	Rollback(ctx context.Context, key domain.EnvironmentKey, author, reason string, lasts time.Duration) (app.Pin, error)
	EndPin(ctx context.Context, key domain.EnvironmentKey) error
	OverrideFeature(ctx context.Context, key domain.EnvironmentKey, feature string, o domain.FeatureOverride, author, reason string, lasts time.Duration) (app.Override, error)
	EndOverride(ctx context.Context, key domain.EnvironmentKey, feature string) error
}

// Measures returns the actions that change which documents are served: accept, pin,
// rollback and override.
func Measures(o Operator) []Action {
	m := measures{o}
	return []Action{
		measure("POST", "/accept", "accept", m.accept),
		measure("POST", "/pin", "pin", m.pin),
		measure("POST", "/rollback", "rollback", m.rollback),
		measure("DELETE", "/pin", "end_pin", m.endPin),
		measure("PUT", "/overrides/{feature}", "override", m.override),
		measure("DELETE", "/overrides/{feature}", "end_override", m.endOverride),
	}
}

type measures struct{ operator Operator }

// measure returns the action that do does for an environment, with a body of type T.
func measure[T any](method, path, name string, do func(context.Context, *Call, domain.EnvironmentKey, T) (any, error)) Action {
	return Action{Pattern: method + " /environments/{key}" + path, Name: name, Do: func(ctx context.Context, call *Call) (any, error) {
		var body T
		if err := call.Decode(&body); err != nil {
			return nil, err
		}
		answer, err := do(ctx, call, domain.EnvironmentKey(call.Path("key")), body)
		if err != nil {
			return nil, measureError(err)
		}
		return answer, nil
	}}
}

func (m measures) accept(ctx context.Context, _ *Call, key domain.EnvironmentKey, _ struct{}) (any, error) {
	digest, err := m.operator.AcceptDocument(ctx, key)
	return map[string]string{"environment": string(key), "accepted": digest}, err
}

// Bodies have no type names, since encoding/json writes those into its errors.

type pinBody = struct {
	Version string  `json:"version"`
	For     lasting `json:"for"`
}

func (m measures) pin(ctx context.Context, call *Call, key domain.EnvironmentKey, body pinBody) (any, error) {
	if body.Version == "" {
		return nil, &Refusal{http.StatusBadRequest, `version says which document of the history to serve: a number, such as "1" for the one before the newest, or the first digits of its SHA-256`}
	}
	pin, err := m.operator.PinDocument(ctx, key, body.Version, call.Author, call.Reason, time.Duration(body.For))
	return pinOf(pin), err
}

type rollbackBody = struct {
	For lasting `json:"for"`
}

func (m measures) rollback(ctx context.Context, call *Call, key domain.EnvironmentKey, body rollbackBody) (any, error) {
	pin, err := m.operator.Rollback(ctx, key, call.Author, call.Reason, time.Duration(body.For))
	return pinOf(pin), err
}

func (m measures) endPin(ctx context.Context, _ *Call, key domain.EnvironmentKey, _ struct{}) (any, error) {
	return map[string]string{"environment": string(key), "ended": "pin"}, m.operator.EndPin(ctx, key)
}

type overrideBody = struct {
	Enabled *bool           `json:"enabled"`
	Value   json.RawMessage `json:"value"`
	For     lasting         `json:"for"`
}

func (m measures) override(ctx context.Context, call *Call, key domain.EnvironmentKey, body overrideBody) (any, error) {
	if body.Enabled == nil {
		return nil, &Refusal{http.StatusBadRequest, "enabled says whether the feature is on: true or false"}
	}
	o := domain.FeatureOverride{Enabled: *body.Enabled, Value: body.Value}
	if err := o.Valid(); err != nil {
		return nil, &Refusal{http.StatusBadRequest, err.Error()}
	}
	override, err := m.operator.OverrideFeature(ctx, key, call.Path("feature"), o, call.Author, call.Reason, time.Duration(body.For))
	return overrideOf(override), err
}

func (m measures) endOverride(ctx context.Context, call *Call, key domain.EnvironmentKey, _ struct{}) (any, error) {
	feature := call.Path("feature")
	return map[string]string{"environment": string(key), "ended": "override", "feature": feature}, m.operator.EndOverride(ctx, key, feature)
}

// lasting is a duration such as "30m" in JSON.
type lasting time.Duration

// UnmarshalJSON implements json.Unmarshaler.
func (l *lasting) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return errors.New(`for must be a text such as "30m" or "2h"`)
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return errors.New(`for must be a duration such as "30m" or "2h"`)
	}
	*l = lasting(d)
	return nil
}

// measureError returns the refusal that an error of an Operator is, or the error.
func measureError(err error) error {
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		return err
	case errors.Is(err, app.ErrUnknownEnvironment):
		return &Refusal{http.StatusNotFound, err.Error() + "; /status.json lists those that it serves"}
	case errors.Is(err, app.ErrNoSuchVersion), errors.Is(err, app.ErrNoSuchMeasure), errors.Is(err, app.ErrUnknownFeature):
		return &Refusal{http.StatusNotFound, err.Error()}
	case errors.Is(err, app.ErrDuration), errors.Is(err, app.ErrReason):
		return &Refusal{http.StatusBadRequest, err.Error()}
	case errors.Is(err, app.ErrNothingHeldBack), errors.Is(err, app.ErrNoDocument), errors.Is(err, app.ErrTooManyOverrides):
		return &Refusal{http.StatusConflict, err.Error()}
	case errors.Is(err, ports.ErrConflict):
		return &Refusal{http.StatusConflict, "other nodes have changed the same; try again"}
	case errors.Is(err, ports.ErrUnavailable):
		return &Refusal{http.StatusServiceUnavailable, "nothing was changed, because the store does not answer; try again once it does"}
	default:
		return fmt.Errorf("changing what is served: %w", err)
	}
}

type measureJSON struct {
	Author string     `json:"author"`
	Reason string     `json:"reason"`
	Since  *time.Time `json:"since"`
	Until  *time.Time `json:"until"`
}

type pinJSON struct {
	SHA256 string `json:"sha256"`
	measureJSON
}

type overrideJSON struct {
	Feature string          `json:"feature"`
	Enabled bool            `json:"enabled"`
	Value   json.RawMessage `json:"value,omitempty"`
	measureJSON
}

func measureOf(m app.Measure) measureJSON {
	return measureJSON{m.Author, m.Reason, moment(m.Since), moment(m.Until)}
}

func pinOf(p app.Pin) pinJSON { return pinJSON{p.SHA256, measureOf(p.Measure)} }

func overrideOf(o app.Override) overrideJSON {
	return overrideJSON{o.Feature, o.Enabled, o.Value, measureOf(o.Measure)}
}
