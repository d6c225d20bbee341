package standard

// parts are the parts of a running proxy that use a setting.
type parts uint8

const (
	partApplication parts = 1 << iota // takes the new settings
	partOrigin                        // is replaced
	partAPI                           // is replaced, and starts with empty endpoint caches
	partLogs                          // change their options
	partReloads                       // reads the settings in force
	partAdmin                         // reads the settings in force
)

// partsOf returns the parts that take each setting which changes live.
func partsOf() map[string]parts {
	return map[string]parts{
		"environment_key_pairs":                                partApplication,
		"api_poll_frequency_seconds":                           partApplication,
		"api_poll_timeout_seconds":                             partOrigin,
		"api_poll_concurrency":                                 partApplication | partOrigin,
		"allow_origins":                                        partAPI,
		"endpoint_caches.flags.use_cache":                      partAPI,
		"endpoint_caches.flags.cache_max_size":                 partAPI,
		"endpoint_caches.identities.use_cache":                 partAPI,
		"endpoint_caches.identities.cache_max_size":            partAPI,
		"endpoint_caches.identities.cache_max_bytes":           partAPI,
		"server.tls.clients":                                   partAPI,
		"server.proxy_headers":                                 partAPI,
		"server.reload":                                        partReloads,
		"server.drain_delay_seconds":                           partApplication,
		"server.shutdown_timeout_seconds":                      partApplication,
		"server.max_body_bytes":                                partAPI,
		"server.limits.requests_per_second_per_key":            partAPI,
		"server.limits.burst_per_key":                          partAPI,
		"server.limits.exempt_server_keys":                     partAPI,
		"server.limits.requests_per_second_per_address":        partAPI,
		"server.limits.burst_per_address":                      partAPI,
		"server.limits.max_concurrent_documents":               partAPI,
		"server.proxy_protocol_from":                           partReloads,
		"server.allow":                                         partAPI,
		"server.deny":                                          partAPI,
		"logging.log_level":                                    partLogs,
		"logging.log_format":                                   partLogs,
		"logging.log_event_field_name":                         partLogs,
		"logging.colours":                                      partLogs,
		"logging.enable_access_log":                            partLogs,
		"logging.override":                                     partLogs,
		"health_check.environment_update_grace_period_seconds": partApplication,
		"store.lease_seconds":                                  partApplication,
		"max_document_bytes":                                   partOrigin,
		"proxy_key":                                            partApplication | partOrigin, // which asks with it
		"usage_flush_interval_seconds":                         partApplication,
		"analytics.enabled":                                    partAPI,
		"analytics.flush_interval_seconds":                     partApplication,
		"events.flush_interval_seconds":                        partApplication,
		"events.max_body_bytes":                                partAPI,
		"events.max_queue_bytes":                               partApplication,
		"ofrep.event_streams":                                  partAPI,
		"webhook.secret":                                       partAPI,
		"admin.token":                                          partAdmin,
		"admin.pprof":                                          partAdmin,
		"admin.read_only":                                      partAdmin,
		"history.documents":                                    partApplication,
		"history.max_bytes":                                    partApplication,
		"document_guard.mode":                                  partApplication,
		"document_guard.hold_seconds":                          partApplication,
		"document_guard.max_removed_percent":                   partApplication,
		"document_guard.max_turned_off_percent":                partApplication,
		"document_guard.min_features":                          partApplication,
	}
}
