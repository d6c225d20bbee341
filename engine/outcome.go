package engine

import "github.com/edge-proxy/edge-proxy/domain"

// OutcomeID is the number of an outcome. A Program numbers its outcomes from 0
// without gaps.
type OutcomeID uint32

// Outcome is one possible result of evaluating a feature: its own state, an override
// or a variant. Equal outcomes of a Program share one number, so that adapters can
// prepare an answer for each.
type Outcome struct {
	// Feature has the id and the name of the winning feature state. Its type is the
	// one that the environment's own feature states give to that id, STANDARD if they
	// give none (docs/spec/behaviour.md#flags).
	Feature domain.Feature
	Enabled bool
	Value   domain.Value
	// Hidden means that client-side keys do not see it: the feature is server-key-only,
	// or it is disabled and the environment hides disabled flags.
	Hidden bool
}
