package metrics

import "github.com/edge-proxy/edge-proxy/app"

// The metrics of documents and readiness.
var (
	ready          = gauge("edge_proxy_ready", "Whether the node is ready, as readiness answers")
	readinessState = gauge("edge_proxy_readiness_state",
		"1 for the state of readiness, 0 for the others", label("state", texts(app.ReadinessStates())...))
	draining        = gauge("edge_proxy_draining", "Whether the node is shutting down, or was asked to drain")
	environmentInfo = gauge("edge_proxy_environment_info",
		"Always 1: joins the key of an environment with its names",
		environmentLabel, label("name"), label("project"), label("source", string(app.OriginConfigured), string(app.OriginDiscovered), string(app.OriginFile)))
	environmentState = gauge("edge_proxy_environment_state",
		"1 for the state of the environment's document, 0 for the others", environmentLabel, label("state", texts(app.EnvironmentStates())...))
	documentConfirmed = gauge("edge_proxy_document_confirmed_timestamp_seconds",
		"When upstream last confirmed the document", environmentLabel).optional("once it was confirmed")
	documentUpdated = gauge("edge_proxy_document_updated_timestamp_seconds",
		"The updated_at of the document that is served", environmentLabel).optional("for documents that state it")
	documentServed = gauge("edge_proxy_document_served_timestamp_seconds",
		"Since when this node serves the document", environmentLabel).optional("with a document")
	documentPropagation = histogram("edge_proxy_document_propagation_seconds",
		"Time from a change in Flagsmith to its being served here, by upstream's clock, by what made the node look: the poll, a stream's event, the webhook, another node through the store",
		[]float64{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300}, label("via", texts(app.Vias())...))
	documentChanges = counter("edge_proxy_document_changes_total",
		"Documents that took the place of another, or were the first", environmentLabel, label("via", texts(app.Vias())...)).optional("after the first")
	documentRefused = counter("edge_proxy_document_refused_total",
		"Documents that arrived and were found wanting; invalid: it is not served; older: the one that is served is newer; too_large: it exceeds max_document_bytes and was not read; suspicious: it takes away too much, and document_guard.mode says whether it is served",
		environmentLabel, label("reason", texts(app.Refusals())...)).optional("after the first")
	documentBytes             = ofDocument("edge_proxy_document_bytes", "Size of the document, as JSON")
	documentFeatures          = ofDocument("edge_proxy_document_features", "Features of the document")
	documentSegments          = ofDocument("edge_proxy_document_segments", "Segments of the document")
	documentIdentityOverrides = ofDocument("edge_proxy_document_identity_overrides", "Identities that the document has overrides for")
	documentProblems          = ofDocument("edge_proxy_document_problems", "Problems of the document, such as conditions that cannot hold; the log names them")
	documentCompile           = histogram("edge_proxy_document_compile_seconds", "Time it took to prepare a document for serving", []float64{10e-3, 100e-3, 1})
	documentPinned            = ofDocument("edge_proxy_document_pinned", "Whether an operator has pinned a document in place of newer ones: 0 or 1")
	overrides                 = ofDocument("edge_proxy_overrides", "Features that operators have set for a time")
	stalenessLimit            = gauge("edge_proxy_staleness_limit_seconds",
		"Age of the oldest confirmation from which the node is not ready").optional("unless documents never go stale")
	environments = gauge("edge_proxy_environments",
		"Environments by state, those without series of their own included", label("state", texts(app.EnvironmentStates())...))
	environmentsWithoutSeries = gauge("edge_proxy_environments_without_series",
		"Environments beyond `metrics.max_environments`, which have no series of their own")
)

// ofDocument returns a gauge of each environment that has a document.
func ofDocument(name, help string) Definition {
	return gauge(name, help, environmentLabel).optional("with a document")
}

func documents() []Definition {
	return []Definition{
		ready, readinessState, draining, stalenessLimit, environments, environmentsWithoutSeries, environmentInfo, environmentState,
		documentConfirmed, documentUpdated, documentServed, documentPropagation, documentChanges, documentRefused, documentBytes,
		documentFeatures, documentSegments, documentIdentityOverrides, documentProblems, documentCompile,
		documentPinned, overrides,
	}
}

// texts returns values as strings.
func texts[T ~string](values []T) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return list
}
