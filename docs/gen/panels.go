package main

// rows are what the dashboard shows.
func rows() []row {
	return []row{overview(), traffic(), ofEnvironments(), ofUpstream(), storeAndFleet(), streams(), ofReports(), runtime()}
}

// over returns a panel of lines over time.
func over(title, unit string, queries ...query) panel {
	return panel{title, "timeseries", unit, queries}
}

// now returns a panel of a present value.
func now(title, unit, expr string) panel {
	return panel{title, "stat", unit, []query{{expr, title}}}
}

// perSecond returns a query for the rate of counters by some labels.
func perSecond(counter, by, legend string) query {
	return query{"sum by (" + by + ") (rate(" + counter + "[$rate]))", legend}
}

// quantile returns a query for a quantile of a histogram, by some labels.
func quantile(q, histogram, selector, by, legend string) query {
	return query{"histogram_quantile(" + q + ", sum by (" + by + ") (rate(" + histogram + "_bucket{" + selector + "}[$rate])))", legend}
}

const (
	requests = "http_server_request_duration_seconds"
	// notHealth leaves out health checks, whose 503 is their answer and not a failure.
	notHealth = `$node, http_route!~"/health|/proxy/health.*"`
)

func overview() row {
	return row{"Overview", []panel{
		now("Nodes that are ready", "none", "sum(edge_proxy_ready{$node})"),
		now("Nodes that drain", "none", "sum(edge_proxy_draining{$node})"),
		now("Environments that are stale", "none", `max(edge_proxy_environments{$node, state="stale"})`),
		now("Environments that are missing", "none", `max(edge_proxy_environments{$node, state="missing"})`),
		now("Oldest confirmation", "s", "max(time() - edge_proxy_document_confirmed_timestamp_seconds{$node})"),
		now("Limit of staleness", "s", "min(edge_proxy_staleness_limit_seconds{$node})"),
		over("Share of requests that fail", "percentunit", query{
			"sum(rate(" + requests + "_count{" + notHealth + `, http_response_status_code=~"5.."}[$rate])) / sum(rate(` + requests + "_count{" + notHealth + "}[$rate]))", "5xx"}),
		over("From a change in Flagsmith to its being served", "s",
			quantile("0.5", "edge_proxy_document_propagation_seconds", "$node", "le, via", "p50 {{via}}"),
			quantile("0.95", "edge_proxy_document_propagation_seconds", "$node", "le, via", "p95 {{via}}")),
		over("Readiness", "none", query{"sum by (state) (edge_proxy_readiness_state{$node})", "{{state}}"}),
	}}
}

func traffic() row {
	return row{"Traffic", []panel{
		over("Requests by endpoint", "reqps", perSecond(requests+"_count{$node}", "http_route, http_request_method", "{{http_request_method}} {{http_route}}")),
		over("Answers by status", "reqps", perSecond(requests+"_count{$node}", "http_response_status_code", "{{http_response_status_code}}")),
		over("Time of flags and identities", "s",
			quantile("0.5", requests, `$node, http_route=~"/api/v1/(flags|identities)"`, "le, http_route", "p50 {{http_route}}"),
			quantile("0.99", requests, `$node, http_route=~"/api/v1/(flags|identities)"`, "le, http_route", "p99 {{http_route}}")),
		over("Refused requests", "reqps", perSecond("edge_proxy_http_rejected_total{$node}", "reason", "{{reason}}")),
		over("Requests by environment", "reqps", perSecond("edge_proxy_requests_total{$environments}", "environment, resource", "{{environment}} {{resource}}")),
		over("Requests by SDK", "reqps", perSecond("edge_proxy_sdk_requests_total{$node}", "sdk", "{{sdk}}")),
		over("Bytes sent", "Bps", perSecond("edge_proxy_http_response_bytes_total{$node}", "http_route", "{{http_route}}")),
		over("Cache of identities", "percentunit", query{
			`sum(rate(edge_proxy_evaluation_cache_requests_total{$node, result="hit"}[$rate])) / sum(rate(edge_proxy_evaluation_cache_requests_total{$node}[$rate]))`, "hits"}),
		over("Memory of the cache", "bytes", query{"edge_proxy_evaluation_cache_bytes{$node}", "{{instance}}"}),
		over("Identities in the cache", "none", query{"edge_proxy_evaluation_cache_entries{$node}", "{{instance}}"}),
		over("Requests under way", "none", query{"http_server_active_requests{$node}", "{{instance}}"}),
		over("Connections", "none", query{"sum by (protocol) (edge_proxy_connections{$node})", "{{protocol}}"}),
		over("Connections that begin and end", "cps",
			query{"sum(rate(edge_proxy_connections_accepted_total{$node}[$rate]))", "accepted"},
			perSecond("edge_proxy_connections_closed_total{$node}", "reason", "closed: {{reason}}")),
		over("Connections that left the fast path", "cps", perSecond("edge_proxy_requests_handed_over_total{$node}", "reason", "{{reason}}")),
		over("Panics, and conditions that are too expensive", "none",
			query{"increase(edge_proxy_panics_total{$node}[$rate])", "panics {{instance}}"},
			query{"increase(edge_proxy_condition_limit_total{$environments}[$rate])", "conditions {{environment}} {{kind}}"}),
	}}
}

func ofEnvironments() row {
	return row{"Environments", []panel{
		over("Age of the confirmation", "s", query{"max by (environment) (time() - edge_proxy_document_confirmed_timestamp_seconds{$environments})", "{{environment}}"}),
		over("Nodes whose document is not fresh", "none", query{`sum by (environment, state) (edge_proxy_environment_state{$environments, state!="fresh"})`, "{{environment}} {{state}}"}),
		over("Difference between nodes", "s", query{
			"max by (environment) (edge_proxy_document_updated_timestamp_seconds{$environments}) - min by (environment) (edge_proxy_document_updated_timestamp_seconds{$environments})", "{{environment}}"}),
		over("Changes", "none", query{"sum by (environment, via) (increase(edge_proxy_document_changes_total{$environments}[$rate]))", "{{environment}} {{via}}"}),
		over("Time since a document is served", "s", query{"time() - edge_proxy_document_served_timestamp_seconds{$environments}", "{{environment}} {{instance}}"}),
		over("Documents that were refused", "none", query{"sum by (environment, reason) (increase(edge_proxy_document_refused_total{$environments}[$rate]))", "{{environment}} {{reason}}"}),
		over("Size of documents", "bytes", query{"max by (environment) (edge_proxy_document_bytes{$environments})", "{{environment}}"}),
		over("Features, segments and overrides", "none",
			query{"max by (environment) (edge_proxy_document_features{$environments})", "features {{environment}}"},
			query{"max by (environment) (edge_proxy_document_segments{$environments})", "segments {{environment}}"},
			query{"max by (environment) (edge_proxy_document_identity_overrides{$environments})", "identities with overrides {{environment}}"}),
		over("Pins and overrides of operators", "none",
			query{"max by (environment) (edge_proxy_document_pinned{$environments})", "{{environment}} pinned"},
			query{"max by (environment) (edge_proxy_overrides{$environments})", "{{environment}} overrides"}),
		over("Problems of documents", "none", query{"max by (environment) (edge_proxy_document_problems{$environments})", "{{environment}}"}),
		over("Time to prepare a document", "s", quantile("0.95", "edge_proxy_document_compile_seconds", "$node", "le", "p95")),
		over("Environments", "none",
			query{"max by (state) (edge_proxy_environments{$node})", "{{state}}"},
			query{"max(edge_proxy_environments_without_series{$node})", "without series"}),
		over("Names", "none", query{"max by (environment, name, project, source) (edge_proxy_environment_info{$environments})", "{{environment}}: {{name}} of {{project}}, {{source}}"}),
	}}
}

func ofUpstream() row {
	return row{"Upstream", []panel{
		over("Requests to upstream by outcome", "reqps", perSecond("edge_proxy_upstream_request_duration_seconds_count{$node}", "operation, outcome", "{{operation}} {{outcome}}")),
		over("Time of upstream", "s", quantile("0.95", "edge_proxy_upstream_request_duration_seconds", "$node", "le, operation", "p95 {{operation}}")),
		over("Polls that failed in a row", "none", query{"max by (environment) (edge_proxy_document_fetch_failures{$environments})", "{{environment}}"}),
		over("Polls that were late", "none", query{"sum by (instance) (increase(edge_proxy_poll_late_total{$node}[$rate]))", "{{instance}}"}),
		over("Streams from upstream", "none", query{"sum by (environment) (edge_proxy_upstream_stream_up{$environments})", "{{environment}}"}),
		over("Events of streams from upstream", "none",
			query{"sum by (instance) (increase(edge_proxy_upstream_stream_events_total{$node}[$rate]))", "events {{instance}}"},
			query{"sum by (instance) (increase(edge_proxy_upstream_stream_reconnects_total{$node}[$rate]))", "reconnects {{instance}}"}),
		over("Calls of the webhook", "none", query{"sum by (result) (increase(edge_proxy_webhook_total{$node}[$rate]))", "{{result}}"}),
		over("Time since the last discovery", "s", query{"time() - edge_proxy_discovery_success_timestamp_seconds{$node}", "{{instance}}"}),
		over("Environments that were discovered", "none", query{"edge_proxy_discovered_environments{$node}", "{{instance}}"}),
	}}
}

func storeAndFleet() row {
	return row{"Store and fleet", []panel{
		over("Nodes whose store answers", "none", query{"sum by (kind) (edge_proxy_store_up{$node} * on (job, instance) group_left (kind) edge_proxy_store_info{$node})", "{{kind}}"}),
		over("Calls of the store by outcome", "ops", perSecond("edge_proxy_store_duration_seconds_count{$node}", "operation, outcome", "{{operation}} {{outcome}}")),
		over("Time of the store", "s", quantile("0.99", "edge_proxy_store_duration_seconds", "$node", "le, operation", "p99 {{operation}}")),
		over("Size of the store's file", "bytes", query{"edge_proxy_store_bytes{$node}", "{{instance}}"}),
		over("Nodes with the lease", "none", query{"sum by (environment) (edge_proxy_lease_held{$environments})", "{{environment}}"}),
		over("Leases that changed", "none", query{"sum by (change) (increase(edge_proxy_lease_changes_total{$node}[$rate]))", "{{change}}"}),
		over("Announcements", "none", query{"sum by (direction) (increase(edge_proxy_announcements_total{$node}[$rate]))", "{{direction}}"}),
	}}
}

func streams() row {
	return row{"Streams", []panel{
		over("Event streams of applications", "none", query{"sum by (environment) (edge_proxy_stream_listeners{$environments})", "{{environment}}"}),
		over("Events that were sent", "ops", query{"sum by (instance) (rate(edge_proxy_stream_events_total{$node}[$rate]))", "{{instance}}"}),
		over("Event streams that ended", "none", query{"sum by (reason) (increase(edge_proxy_stream_closed_total{$node}[$rate]))", "{{reason}}"}),
	}}
}

func ofReports() row {
	return row{"Reports", []panel{
		over("Counts that wait", "none", query{"sum by (kind) (edge_proxy_report_pending{$node})", "{{kind}}"}),
		over("Counts that were sent or dropped", "none",
			query{"sum by (kind) (increase(edge_proxy_report_sent_total{$node}[$rate]))", "{{kind}} sent"},
			query{"sum by (kind, reason) (increase(edge_proxy_report_dropped_total{$node}[$rate]))", "{{kind}} {{reason}}"}),
		over("Features that applications evaluate", "ops", query{"topk(20, sum by (environment, feature) (rate(edge_proxy_feature_evaluations_total{$environments}[$rate])))", "{{environment}} {{feature}}"}),
		over("Time since the last report", "s", query{"time() - max by (kind, instance) (edge_proxy_report_success_timestamp_seconds{$node})", "{{kind}} {{instance}}"}),
	}}
}

func runtime() row {
	return row{"Runtime", []panel{
		over("Versions", "none", query{"count by (version, revision, goversion) (edge_proxy_build_info{$node})", "{{version}} {{revision}} {{goversion}}"}),
		over("Configurations", "none",
			query{"count by (hash) (edge_proxy_config_info{$node})", "{{hash}}"},
			query{"sum(edge_proxy_config_last_reload_successful{$node} == bool 0)", "rejected"},
			query{"max(edge_proxy_config_restart_needed{$node})", "settings that need a restart"},
			query{"max(edge_proxy_config_warnings{$node})", "warnings"}),
		over("Time since a valid configuration was loaded", "s", query{"time() - edge_proxy_config_last_reload_success_timestamp_seconds{$node}", "{{instance}}"}),
		over("Processor time", "none",
			query{"rate(process_cpu_seconds_total{$node}[$rate])", "{{instance}}"},
			query{"rate(go_cpu_classes_gc_total_cpu_seconds_total{$node}[$rate])", "garbage collection {{instance}}"},
			query{"go_sched_gomaxprocs_threads{$node}", "processors {{instance}}"}),
		over("Wait for a processor", "s", quantile("0.99", "go_sched_latencies_seconds", "$node", "le, instance", "p99 {{instance}}")),
		over("Memory", "bytes",
			query{"process_resident_memory_bytes{$node}", "resident {{instance}}"},
			query{"go_gc_heap_live_bytes{$node}", "live {{instance}}"},
			query{"go_gc_gomemlimit_bytes{$node} < 1e15", "limit {{instance}}"}),
		over("Goroutines and open files", "none",
			query{"go_goroutines{$node}", "goroutines {{instance}}"},
			query{"process_open_fds{$node}", "open files {{instance}}"},
			query{"process_max_fds{$node}", "limit of open files {{instance}}"}),
		over("Network", "Bps",
			query{"rate(process_network_receive_bytes_total{$node}[$rate])", "received {{instance}}"},
			query{"rate(process_network_transmit_bytes_total{$node}[$rate])", "sent {{instance}}"}),
		over("Uptime", "s", query{"time() - process_start_time_seconds{$node}", "{{instance}}"}),
		over("Actions of operators", "none", query{"sum by (action, result) (increase(edge_proxy_admin_actions_total{$node}[$rate]))", "{{action}} {{result}}"}),
		over("Lines of the log", "none",
			query{"sum by (level) (increase(edge_proxy_log_records_total{$node}[$rate]))", "{{level}}"},
			query{"sum(increase(edge_proxy_log_records_lost_total{$node}[$rate]))", "lost"}),
		over("Until the certificate ends", "s", query{"edge_proxy_tls_certificate_not_after_timestamp_seconds{$node} - time()", "{{listener}} {{instance}}"}),
		over("Failed handshakes, and changes of the certificate", "none",
			query{"sum by (reason) (increase(edge_proxy_tls_handshake_errors_total{$node}[$rate]))", "handshakes: {{reason}}"},
			query{"sum by (result) (increase(edge_proxy_tls_reloads_total{$node}[$rate]))", "changes: {{result}}"}),
	}}
}
