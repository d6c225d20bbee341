package engine

import "github.com/edge-proxy/edge-proxy/domain"

// OutcomeID numbers the outcomes of one Program densely from 0.
type OutcomeID uint32

// Outcome is one thing that a feature can come out as: its own state, an
// override or a variant. Equal outcomes of a Program share one number, so that
// adapters can prepare what they answer for each.
type Outcome struct {
	// Feature has the id and the name of the feature state that won, and the
	// type that the environment's own feature states give to that id, STANDARD
	// when they give none (docs/spec/behaviour.md#flags).
	Feature domain.Feature
	Enabled bool
	Value   domain.Value
	// Hidden: client-side keys do not get to see it, because the feature is
	// server-key-only or because it is disabled and the environment hides
	// disabled flags.
	Hidden bool
}
