package main

// An event is a kind of line in the log.
type event struct {
	name    string
	levels  []string // an outage has two: its other failures are at DEBUG
	meaning string
	do      string // what an operator should do about it
}

// A group is the events about one thing.
type group struct {
	title  string
	events []event
}

// nothing is what to do about an event that is only for information.
const nothing = "nothing"

var (
	critical = []string{"CRITICAL"}
	failure  = []string{"ERROR"}
	warning  = []string{"WARNING"}
	info     = []string{"INFO"}
	debug    = []string{"DEBUG"}
	outage   = []string{"ERROR", "DEBUG"}
)

// events is every event that the program logs. A test holds it to the code, in both
// directions.
func events() []group {
	return []group{
		{"Start and end", []event{
			{"starting", info, "the proxy starts; has `version`, `api_url`, `store` and `processors`. Logged whatever `logging.log_level` is", nothing},
			{"memory_limit", info, "the memory that the Go runtime keeps to, its `source` (`GOMEMLIMIT`, `cgroup` or `none`) and the largest document that is accepted", nothing},
			{"memory_limit_is_low", warning, "`max_document_bytes` is more than fits into the memory limit", "raise the memory limit of the container, or lower `max_document_bytes`: see [scaling](scaling.md)"},
			{"listening", info, "the listener is open at `address`", nothing},
			{"start_failed", critical, "the store could not be opened, and the proxy ends with exit code 1", "follow the `error`; `edge-proxy validate --fetch` tries the store without serving"},
			{"failed", critical, "the proxy had to stop, for example because its port is taken; it ends with exit code 1", "follow the `error`"},
			{"shutting_down", info, "a signal ends the proxy: it is not ready any more and continues to serve for `drain_delay`", nothing},
			{"drain_ended", warning, "the time for which an operator had drained the node is over: it is ready again if its documents are fresh", "nothing, or `edge-proxy drain` again"},
			{"log_level_ended", warning, "the time is over for which an operator had changed the level of `log_logger`: the configured level applies again", "nothing, or `edge-proxy log-level` again"},
			{"shutdown_step_timed_out", failure, "a `step` of the shutdown took longer than `server.shutdown_timeout_seconds` and was given up", "raise the setting if requests or last reports need longer"},
			{"ended_by_second_signal", failure, "a second SIGINT or SIGTERM, at least a second after the first, ended the proxy at once", "give the proxy more time to stop, as [deployment](deployment.md) describes"},
			{"stopped", info, "the proxy has stopped. Logged whatever `logging.log_level` is", nothing},
		}},
		{"Traces", []event{
			{"tracing_protocol", warning, "a variable asks for another protocol of OTLP than `http/protobuf`, which is used", "let the endpoint be port 4318 of a collector, and set the variable to `http/protobuf`"},
			{"metrics_not_sent", warning, "the collector did not take metrics, at most once in five minutes; `/metrics` has them all the same", "check `OTEL_EXPORTER_OTLP_ENDPOINT` and the collector: see [metrics](metrics.md#pushed-to-a-collector)"},
			{"traces_not_sent", warning, "the collector did not take traces, at most once in five minutes; requests are answered as before", "check `OTEL_EXPORTER_OTLP_ENDPOINT` and the collector: see [tracing](tracing.md)"},
		}},
		{"Readiness", []event{
			{"ready", info, "the proxy became ready; has `environments` (with a document/all) and how long it `took` since the start, or came `after` being not ready", nothing},
			{"not_ready", warning, "the proxy is not ready any more, or a start takes longer than two poll intervals and 10 s; has the `reason` (`missing` or `stale`), the environment that is worst, its `age` and the `limit`", "look for `error_fetching_document` before it; [health](health.md) explains the limit"},
		}},
		{"Documents", []event{
			{"document_loaded", info, "the first document of an environment is served; has `source`, counts and how long it `took`", nothing},
			{"environment_updated", []string{"INFO", "DEBUG"}, "another document is served; has `updated_at`, `source`, counts, and how many `features_changed`, were `added` or `removed`, and `segments_changed`. The first document has it at DEBUG", nothing},
			{"environment_difference", debug, "the names of what changed", nothing},
			{"environment_not_modified", debug, "upstream confirmed the held document (304)", nothing},
			{"older_document_refused", debug, "upstream sent an older document, and the held one stays", nothing},
			{"environment_went_back", warning, "upstream keeps sending an older document, which is served now", "expected after the restore of Flagsmith's database; otherwise check whether `api_url` leads to the right Flagsmith"},
			{"measure_begins", warning, "a [pin or an override](pins-and-overrides.md) begins to apply on this node; has the `measure`, its `author`, `reason` and end", nothing},
			{"measure_ends", warning, "a pin or an override does not apply any more: its end has come, or somebody ended it", nothing},
			{"measures_not_applied", failure, "a pin or an override could not be applied, for example as the store does not have the document any more", "follow the `error`; end the measure, or pin another document"},
			{"suspicious_document", warning, "upstream sent a document that takes away more than `document_guard` allows; has the `reason`, and as `effect` whether it is served or [held back](document-guard.md)", "check in Flagsmith that the change is meant; a document that is held back is served at once after `edge-proxy accept`"},
			{"suspicious_document_accepted", warning, "a document that was held back is served: an operator has accepted it, or upstream has offered it for long enough", nothing},
			{"environment_problem", warning, "a part of a document is invalid and is left out or never matches; has `path`, `problem`, `effect`", "correct the feature or segment in Flagsmith; `edge-proxy validate --fetch` shows all problems"},
			{"environment_key_mismatch", warning, "the server-side key belongs to another environment than the client-side key", "correct the pair in `environment_key_pairs`: clients get the flags of another environment"},
			{"evaluation_cut_off", warning, "an evaluation took too many steps, and a condition did not hold for that reason; once for each document", "simplify the regular expressions, JSONPaths or dependencies of the segments"},
			{"environments_changed", info, "environments were `added` or `removed`, or only keys changed; `environments` is their present number", nothing},
		}},
		{"Fetching", []event{
			{"error_fetching_document", outage, "polls fail; has `client_side_key`, `status` where there was a response, `cause`, `effect`, `failures`, `since`, `documents_age` and `next_try`. If all fail alike, this is one line for all `environments`", "follow the `cause`: see [fetch errors](troubleshooting.md#403-in-the-log). Flags are still served from the held documents"},
			{"fetching_documents_again", info, "the outage is over; has `failures` and how long `after`", nothing},
			{"fetch_slower_than_poll_interval", warning, "fetching takes longer than the poll interval; once for each environment", "raise `api_poll_frequency_seconds`"},
			{"server_side_key_refused", warning, "Flagsmith refused `server_side_key`; the document was fetched with `used_instead`", "remove the refused key where it is configured"},
			{"realtime_stream_failed", warning, "[streams of `realtime_url`](real-time.md#events-from-flagsmith) broke; polling continues. If all fail alike, this is one line for all `environments`", "a line now and then is normal; if it lasts, check `realtime_url` and proxies on the way, which may cut long responses"},
			{"realtime_stream_restored", info, "the streams are connected again; has `failures` and how long `after`", nothing},
		}},
		{"Discovery", []event{
			{"error_discovering_environments", outage, "the list could not be fetched or was refused; known environments stay", "follow the `cause`, and check `proxy_key`"},
			{"discovering_environments_again", info, "the list is fetched again; has `failures` and how long `after`", nothing},
			{"discovery_problem", warning, "an entry of a list is left out", "follow the `problem`; it is in what Flagsmith sent"},
			{"discovered_environments_unreadable", warning, "the list in the store was ignored; upstream's next response replaces it", "nothing, unless it returns: then another program writes under the same `store.prefix`"},
		}},
		{"Store", []event{
			{"store_unavailable", warning, "the [store](stores.md#how-they-fail) does not answer; meanwhile this node polls and serves from memory. Has `failures`, `since` and `next_try`", "follow the `error`; flags are not affected"},
			{"store_available", info, "the store answers again; has `failures` and how long `after`", nothing},
			{"store_error", failure, "one call of the store failed although the store is reachable, for example at a damaged record; has what it was `doing`", "follow the `error`; a damaged record is written again by the next poll"},
			{"store_record_replaced", warning, "a record in Redis could not be read and was replaced", "nothing, unless it returns: then another program writes under the same `store.prefix`"},
			{"store_file_set_aside", failure, "the bbolt file could not be read at the start and was renamed; has `renamed_to`", "check the disk; delete the renamed file once you do not need it"},
			{"store_file_damaged", failure, "the bbolt file broke while it was open and is not used until the next start", "check the disk, and restart the proxy"},
			{"store_file_incomplete", warning, "the last writes to the bbolt file may be missing", "nothing: the next poll writes them again"},
			{"store_file_removed", warning, "the bbolt file was removed or replaced while it was open; the store goes on with the file that is there now, or a new one", "find out what removed it: a running proxy needs its file"},
			{"store_document_restored", failure, "a document in the bbolt file is damaged; its former revision is used", "check the disk; the next poll brings the newest document"},
			{"store_confirmations_delayed", warning, "confirmations could not be written to the bbolt file; they are tried again", "check the room on the disk"},
			{"store_confirmations_written", info, "confirmations can be written again", nothing},
		}},
		{"Requests", []event{
			{"request_failed", failure, "a fault of the proxy: the client got a 500. Has `request_id` and `trace_id` where the client sent them", "please report it"},
			{"request_panicked", failure, "as `request_failed`, with the `stack`", "please report it"},
			{"http_server_warning", warning, "Go's HTTP server has something to say, for example about a client that does not speak HTTP", "nothing, unless there are many: then look at what connects to the port"},
			{"connection_limit_reached", warning, "`server.max_connections` is reached, or what the limit of open files allows; all requests but liveness on further connections get 503", "raise the limit, add nodes, or find the client that keeps connections open"},
			{"connections_below_limit", info, "connections are accepted again; has how many were `refused`", nothing},
			{"requests_refused", warning, "limits of requests, or `server.allow` and `server.deny`, refuse requests; has the `reason` and how many were `refused`, once a minute", "nothing if that is wanted; otherwise raise the limit, or find the client in the access log"},
			{"inflight_limit_reached", warning, "requests and answers under way take more than `server.max_inflight_bytes`; large ones get 503", "raise the setting if there is memory, or find the client that reads slowly"},
		}},
		{"TLS", []event{
			{"listening_without_tls", info, "`server.http_port` accepts connections; has its `address`", nothing},
			{"listening_on_unix_socket", info, "requests are accepted on the socket of `server.unix_socket` too; has its `path`", nothing},
			{"tls_reloaded", info, "a new certificate is served, or new authorities of clients apply; has `names` and `not_after`", nothing},
			{"tls_certificate_names_lost", warning, "the new certificate lacks `names` that the former one had", "have it issued with them, if clients use them"},
			{"tls_reload_failed", failure, "the files cannot be used, and nothing has changed; `not_after` is the end of the certificate that is served", "correct what `error` says, before that time"},
			{"tls_certificate_not_valid", warning, "the certificate at the start has expired or is not valid yet; it is served all the same", "renew it, or correct the clock"},
			{"tls_handshake_failed", warning, "a client and the proxy did not agree. Of each `reason` at most one line a minute, with the number of `others`", "for `client_certificate`, look at the certificates of clients and `server.tls.client_ca_file`; for `certificate`, at what clients trust"},
			{"tls_watch_degraded", warning, "the system does not report changes of certificates; they are read every ten seconds", "raise the limit of inotify watches, if ten seconds are too long"},
			{"api_tls_reloaded", info, "further requests to Flagsmith use the new certificates", nothing},
			{"api_tls_reload_failed", failure, "the files of `api_tls` cannot be used, and nothing has changed", "correct what `error` says"},
		}},
		{"Reports and events", []event{
			{"reports_fail", warning, "reports of a `kind` (`usage`, `analytics` or `events`) do not arrive; they are kept and sent again. Has `failures`, `since` and `next_try`", "follow the `cause`"},
			{"reports_arrive_again", info, "they arrive again; has `failures` and how long `after`", nothing},
			{"usage_restored", info, "batches of an earlier process were found in the store", nothing},
			{"usage_taken_over", info, "batches of a node that is gone were taken over", nothing},
			{"usage_dropped", failure, "Flagsmith refused a batch, or the queue was full: these requests are missing from its usage", "follow the `cause`, and check `proxy_key`"},
			{"usage_not_reported", warning, "the process ended before these requests could be reported", "use a store that outlives the process, so that they are reported after a restart"},
			{"usage_spool_error", failure, "the store could not keep the batches, which are in memory only", "follow the `error`"},
			{"usage_spool_unreadable", failure, "something else is in the place of batches", "find out what writes under the same `store.prefix`"},
			{"analytics_dropped", warning, "how many were dropped: `no_room_for` them, `refused` by Flagsmith, or `not_delivered` before the end", "follow the `cause`, if there is one"},
			{"analytics_without_identities", warning, "Flagsmith accepts counts but not identities", "nothing; a newer Flagsmith takes identities too"},
			{"analytics_not_forwarded", debug, "`api_url` is a directory, not an API", nothing},
			{"events_restored", info, "events of an earlier process, or of a node that is gone, were found in the store", nothing},
			{"events_turned_away", warning, "how many were answered 503 because the queue was full", "raise `events.max_queue_bytes`, or look for `reports_fail` with `kind=events`"},
			{"events_dropped", warning, "how many events Flagsmith refused", "follow the `cause`"},
			{"events_rejected", warning, "how many it took but did not accept", "follow the `reason`, which is Flagsmith's"},
			{"events_not_delivered", warning, "how many waited when the process ended, and how many of them are `stored`", "use a store that outlives the process"},
			{"events_store_error", failure, "the store could not keep events, which are in memory only", "follow the `error`"},
			{"events_slot_unreadable", failure, "something else is in the place of events", "find out what writes under the same `store.prefix`"},
		}},
		{"Configuration", []event{
			{"configuration_warning", warning, "a setting looks like a mistake or has no effect; has `key` and `origin`", "correct it; `edge-proxy validate --strict` refuses it before a roll-out"},
			{"configuration_reloaded", info, "`changed` are in force now; has `trigger` (`SIGHUP` or `changed files`)", nothing},
			{"configuration_needs_restart", warning, "`changed` stay as they were until the next start", "restart the proxy"},
			{"configuration_reload_failed", failure, "nothing has changed; has one `problem`, what is allowed, and where it came from", "correct the problem, and reload"},
			{"configuration_unchanged", debug, "the files were read and have not changed", nothing},
			{"configuration_watch_degraded", warning, "the system does not report changes of files; they are read every ten seconds", "raise the limit of inotify watches, if ten seconds are too long"},
		}},
		{"The admin listener", []event{
			{"admin_listening", info, "[the admin listener](admin.md) answers at this `address`", nothing},
			{"admin_listener_missing", warning, "the default port is taken, so the proxy serves without its admin listener", "set `admin.port` to a free port, or to 0"},
			{"admin_action", warning, "an operator did something: which `action`, its `result`, `author` and `reason`", nothing},
			{"admin_action_failed", failure, "an action failed, and its caller learned only that", "follow the `error`"},
			{"admin_http_error", debug, "a connection of the admin listener failed", nothing},
		}},
		{"The log itself", []event{
			{"log_lines_lost", warning, "the number of `lines` that could not be written while a destination of the log failed or took nothing", "find out what keeps the destination from taking lines"},
			{"library_warning", warning, "a library prints a `message` that has no event", "nothing, unless there are many"},
		}},
	}
}
