package domain

import (
	"errors"
	"fmt"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain/jsonscan"
)

// ErrUnusable is wrapped by the errors of ParseEnvironment: the text is not an
// environment document that can be served.
var ErrUnusable = errors.New("not a usable environment document")

// maxProblems is how many problems one document reports.
const maxProblems = 100

// ParseEnvironment parses an environment document in one pass, without building a
// tree. A document is usable when it is an object with api_key, name, feature_states
// and project.segments (docs/spec/behaviour.md#usable-documents). Otherwise the error wraps ErrUnusable
// and says what is missing. Malformed parts of a usable document are left out or made
// harmless, and each is reported as a Problem, 100 at most.
//
// The result does not keep text in memory.
func ParseEnvironment(text string) (*Environment, []Problem, error) {
	d := decoder{Scanner: jsonscan.New(text), names: map[string]string{}}
	if kind := d.Kind(); kind != jsonscan.Object {
		d.Skip()
		if err := d.End(); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrUnusable, err)
		}
		return nil, nil, fmt.Errorf("%w: it is %s, not an object", ErrUnusable, kindName(kind))
	}
	e := d.environment()
	if err := d.End(); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	if len(d.missing) > 0 {
		return nil, nil, fmt.Errorf("%w: %s", ErrUnusable, strings.Join(d.missing, ", "))
	}
	return e, d.problems, nil
}

type decoder struct {
	jsonscan.Scanner
	names    map[string]string // names and types that recur, each kept once
	problems []Problem
	missing  []string // required parts that are absent or of the wrong type
}

func (d *decoder) problem(p *Path, effect, format string, args ...any) {
	if len(d.problems) < maxProblems {
		d.problems = append(d.problems, Problem{Path: p.String(), What: fmt.Sprintf(format, args...), Effect: effect})
	}
}

func (d *decoder) environment() *Environment {
	var e Environment
	var hide, hideInProject, allowTraits *bool
	var apiKey, name, states, segments bool
	for key := range d.Keys() {
		p := Path{name: key}
		switch key {
		case "api_key":
			e.APIKey, apiKey = d.text()
		case "name":
			e.Name, name = d.text()
		case "updated_at":
			e.UpdatedAt = d.time(&p)
		case "hide_disabled_flags":
			hide = d.optionalBool(&p)
		case "hide_sensitive_data":
			e.Serving.HideTraits = isTrue(d.optionalBool(&p))
		case "allow_client_traits":
			allowTraits = d.optionalBool(&p)
		case "use_identity_composite_key_for_hashing":
			if composite := d.optionalBool(&p); composite != nil && !*composite {
				d.problem(&p, "variants and percentages differ from those of the Flagsmith API", "the environment splits identities by a number that only the Flagsmith API knows")
			}
		case "feature_states":
			if states = d.Kind() == jsonscan.Array; !states {
				d.Skip()
				continue
			}
			e.FeatureStates = d.featureStates(&p, true)
		case "identity_overrides":
			e.IdentityOverrides = d.identityOverrides(&p)
		case "project":
			hideInProject, segments = d.project(&p, &e)
		default:
			d.Skip()
		}
	}
	for _, part := range []struct {
		name, want string
		there      bool
	}{{"api_key", "a text", apiKey}, {"name", "a text", name}, {"feature_states", "a list", states}, {"project.segments", "a list", segments}} {
		if !part.there {
			d.missing = append(d.missing, fmt.Sprintf("%s is missing or not %s", part.name, part.want))
		}
	}
	if hide == nil {
		hide = hideInProject
	}
	e.HideDisabledFlags = isTrue(hide)
	e.Serving.IgnoreClientTraits = allowTraits != nil && !*allowTraits
	return &e
}

func (d *decoder) project(p *Path, e *Environment) (hide *bool, segments bool) {
	if !d.object(p, "it is treated as empty") {
		return nil, false
	}
	for key := range d.Keys() {
		p := Path{parent: p, name: key}
		switch key {
		case "name":
			e.Project, _ = d.text()
		case "hide_disabled_flags":
			hide = d.optionalBool(&p)
		case "server_key_only_feature_ids":
			e.ServerKeyOnly = d.ids(&p)
		case "organisation":
			e.Serving.Stopped = d.organisation(&p)
		case "segments":
			if segments = d.Kind() == jsonscan.Array; !segments {
				d.Skip()
				continue
			}
			e.Segments = d.segments(&p)
		default:
			d.Skip()
		}
	}
	return hide, segments
}

// organisation reports whether the organisation was stopped.
func (d *decoder) organisation(p *Path) (stopped bool) {
	if d.null() || !d.object(p, "it is treated as empty") {
		return false
	}
	for key := range d.Keys() {
		if key != "stop_serving_flags" {
			d.Skip()
			continue
		}
		p := Path{parent: p, name: key}
		if stopped = isTrue(d.optionalBool(&p)); stopped {
			d.problem(&p, "flags are answered with 403", "the organisation is disabled from serving flags")
		}
	}
	return stopped
}

func isTrue(b *bool) bool { return b != nil && *b }

func (d *decoder) ids(p *Path) []int64 {
	if d.null() || !d.array(p, "it is treated as empty") {
		return nil
	}
	ids := []int64{}
	for i := 0; d.NextElement(); i++ {
		p := Path{parent: p, index: i}
		if id, ok := d.integer(); ok {
			ids = append(ids, id)
		} else {
			d.problem(&p, "it is left out", "a feature id must be an integer")
		}
	}
	return ids
}
