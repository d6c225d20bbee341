//go:build sdk

package sdk_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

const (
	// experimented is the feature that the experiment is about.
	experimented = "checkout_button"
	experimentID = 7
	// overridden is an identity with an override of that feature.
	overridden = "experiment-override"
)

// event is an event as Flagsmith gets it.
type event struct {
	Event      string         `json:"event"`
	Feature    string         `json:"feature_name"`
	Identifier string         `json:"identifier"`
	Value      any            `json:"value"`
	Traits     map[string]any `json:"traits"`
	Metadata   map[string]any `json:"metadata"`
	Timestamp  int64          `json:"timestamp"`
}

// testExperiments: identities inside and outside of an experiment and one with an
// override get what Flagsmith would answer, and their exposures and custom events
// reach a Flagsmith that fails at first, each once.
func testExperiments(t *testing.T, w *world, p *program) {
	w.startExperiment(t)
	inside, variant := w.participant(t, true)
	outside, _ := w.participant(t, false)
	since := w.mark(t)
	client := p.open(t, options{URL: w.api(), Key: clientKey, EventsURL: w.proxy.URL + "/"})
	if err := w.upstream.Fail(t.Context(), fakeflagsmith.Events,
		fakeflagsmith.Failure{Kind: fakeflagsmith.FailStatus, Status: http.StatusServiceUnavailable, Times: 1},
		fakeflagsmith.Failure{Kind: fakeflagsmith.FailReset, Times: 1}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		identifier string
		variant    any // nil: none
		value      any
	}{
		{inside, variant, "value of " + variant},
		{outside, "control", "plain"},
		{overridden, nil, "mine"},
	} {
		who := &identity{Identifier: tt.identifier, Traits: []trait{{Key: "plan", Value: "pro"}}}
		var got struct {
			Name    string `json:"name"`
			Enabled bool   `json:"enabled"`
			Value   any    `json:"value"`
			Variant any    `json:"variant"`
		}
		p.Call(t, request{Call: "experiment", Client: client, Identity: who, Features: []string{experimented}}, &got)
		if got.Name != experimented || !got.Enabled || got.Value != tt.value || got.Variant != tt.variant {
			t.Errorf("%s: the SDK has %+v, want %v with variant %v", tt.identifier, got, tt.value, tt.variant)
		}
		p.Call(t, request{Call: "track", Client: client, Identity: who, Event: "purchase-" + tt.identifier}, nil)
	}
	p.Call(t, request{Call: "flush_events", Client: client}, nil)
	wait.Until(t, patience, "the SDK's events are accepted", func() bool {
		return slices.ContainsFunc(w.accesses(since), func(a access) bool {
			return a.method == http.MethodPost && a.path == "/v1/events" && a.status == http.StatusAccepted
		})
	})

	want := map[string]string{"$flag_exposure " + inside: variant}
	for _, who := range []string{inside, outside, overridden} {
		want["purchase-"+who+" "+who] = "19.90"
	}
	var got []event
	wait.Until(t, patience, "Flagsmith has all events", func() bool {
		got = w.events(t)
		return len(got) >= len(want)
	})
	for _, e := range got {
		name := e.Event + " " + e.Identifier
		value, expected := want[name]
		delete(want, name)
		switch {
		case !expected || e.Value != value:
			t.Errorf("Flagsmith got %+v, want the value %q", e, value)
		case e.Timestamp == 0 || e.Traits["plan"] != "pro" || e.Metadata["sdk_version"] == nil:
			t.Errorf("Flagsmith got %+v", e)
		case e.Event == "$flag_exposure" && (e.Feature != experimented || e.Metadata["experiment_id"] != float64(experimentID)):
			t.Errorf("Flagsmith got the exposure %+v", e)
		}
	}
	for name := range want {
		t.Errorf("Flagsmith did not get %s", name)
	}
}

// startExperiment adds a feature with a running experiment, as Flagsmith has it in the
// document: half of the identities are in a segment that splits them.
func (w *world) startExperiment(t *testing.T) {
	t.Helper()
	state := func(id int, value string, share float64, participates bool) map[string]any {
		var options []any
		for i, key := range []string{"treatment", "control-like"} {
			options = append(options, map[string]any{
				"id": 700 + i, "mv_fs_value_uuid": fmt.Sprintf("5a000000-0000-4000-8000-00000000%d70%d", id%10, i), "percentage_allocation": share,
				"multivariate_feature_option": map[string]any{"id": 700 + i, "key": key, "value": "value of " + key},
			})
		}
		return map[string]any{
			"django_id": id, "featurestate_uuid": fmt.Sprintf("5a000000-0000-4000-8000-%012d", id), "enabled": true, "feature_state_value": value,
			"feature":         map[string]any{"id": 70, "name": experimented, "type": "MULTIVARIATE"},
			"feature_segment": nil, "multivariate_feature_state_values": options,
			"metadata": map[string]any{"experiment": map[string]any{"id": experimentID, "name": "Button", "in_experiment": participates}},
		}
	}
	rollout := state(7001, "plain", 50, true)
	rollout["feature_segment"] = map[string]any{"priority": 0}
	own := state(7002, "mine", 0, false)
	own["multivariate_feature_state_values"] = []any{}
	delete(own, "metadata")
	w.sample["feature_states"] = append(w.sample["feature_states"].([]any), state(7000, "plain", 0, false))
	project := w.sample["project"].(map[string]any)
	project["segments"] = append(project["segments"].([]any), map[string]any{
		"id": 700, "name": fmt.Sprintf("experiment-%d-rollout", experimentID), "feature_states": []any{rollout},
		"rules": []any{map[string]any{"type": "ALL", "rules": []any{}, "conditions": []any{
			map[string]any{"property_": "$.identity.key", "operator": "PERCENTAGE_SPLIT", "value": "50.0"},
		}}},
	})
	w.sample["identity_overrides"] = append(w.sample["identity_overrides"].([]any), map[string]any{
		"identifier": overridden, "identity_uuid": "5a000000-0000-4000-8000-000000007777", "environment_api_key": clientKey,
		"composite_key": clientKey + "_" + overridden, "identity_traits": []any{}, "identity_features": []any{own},
	})
	w.publish(t, "while an experiment runs")
}

// participant returns an identity that is in the experiment, or is not, and its variant.
func (w *world) participant(t *testing.T, inside bool) (identifier, variant string) {
	t.Helper()
	for n := range 100 {
		identifier = fmt.Sprint("participant-", n)
		who := identity{Identifier: identifier}
		_, text := w.ask(t, http.MethodPost, "identities/", clientKey, who.body(t))
		var answer struct {
			Flags []struct {
				Feature  struct{ Name string }
				Variant  string
				Metadata struct {
					Experiment struct {
						In bool `json:"in_experiment"`
					}
				}
			}
		}
		if err := json.Unmarshal(text, &answer); err != nil {
			t.Fatal(err)
		}
		for _, f := range answer.Flags {
			if f.Feature.Name == experimented && f.Metadata.Experiment.In == inside {
				return identifier, f.Variant
			}
		}
	}
	t.Fatalf("of 100 identities, none is inside of the experiment: %t", inside)
	return "", ""
}

// events returns the events that Flagsmith accepted so far.
func (w *world) events(t *testing.T) []event {
	t.Helper()
	requests, err := w.upstream.Requests(t.Context(), fakeflagsmith.Events)
	if err != nil {
		t.Fatal(err)
	}
	var all []event
	for _, r := range requests {
		if r.Status != http.StatusAccepted {
			continue
		}
		var body struct{ Events []event }
		if err := json.Unmarshal([]byte(r.Body), &body); err != nil {
			t.Fatalf("%v in %s", err, r.Body)
		}
		all = append(all, body.Events...)
	}
	return all
}
