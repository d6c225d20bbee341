package metrics

// The metrics of the process, its configuration and its security.
var (
	BuildInfo = Definition{
		Name: "edge_proxy_build_info", Type: Gauge,
		Help:   "Always 1: what is running",
		Labels: []Label{label("version"), label("revision"), label("goversion")},
	}
	ConfigInfo = Definition{
		Name: "edge_proxy_config_info", Type: Gauge,
		Help:   "Always 1: the hash of the effective configuration; nodes with one configuration have one hash",
		Labels: []Label{label("hash")},
	}
	ConfigReloadSuccessful = Definition{
		Name: "edge_proxy_config_last_reload_successful", Type: Gauge,
		Help: "Whether the configuration was valid when it was last loaded",
	}
	ConfigReloadTime = Definition{
		Name: "edge_proxy_config_last_reload_success_timestamp_seconds", Type: Gauge,
		Help: "When a valid configuration was last loaded",
	}
	ConfigRestartNeeded = Definition{
		Name: "edge_proxy_config_restart_needed", Type: Gauge,
		Help: "Settings that have changed and apply after a restart",
	}
	ConfigWarnings = Definition{
		Name: "edge_proxy_config_warnings", Type: Gauge,
		Help: "Warnings about the configuration, such as keys that are not settings",
	}
	CertificateNotAfter = Definition{
		Name: "edge_proxy_tls_certificate_not_after_timestamp_seconds", Type: Gauge,
		Help:     "End of validity of the certificate that is served",
		Labels:   []Label{label("listener", "server", "admin")},
		Optional: onlyWithTLS,
	}
	CertificateReloads = Definition{
		Name: "edge_proxy_tls_reloads_total", Type: Counter,
		Help:     "Changes of the files of certificate and keys; failure: they do not fit, and those before are still served",
		Labels:   []Label{label("result", "success", "failure")},
		Optional: onlyWithTLS,
	}
	HandshakeErrors = Definition{
		Name: "edge_proxy_tls_handshake_errors_total", Type: Counter,
		Help:     "TLS handshakes that failed; protocol: no common version, or not TLS; certificate: the client refused that of the server; client_certificate: the client has none, or one that is refused; those of `admin.port` are not counted",
		Labels:   []Label{label("reason", "protocol", "certificate", "client_certificate", "timeout", "other")},
		Optional: onlyWithTLS,
	}
	adminActions = Definition{
		Name: "edge_proxy_admin_actions_total", Type: Counter,
		Help:     "Actions of operators by what came of them; refused: the caller had to change something",
		Labels:   []Label{label("action"), label("result", "done", "refused", "failed")},
		Optional: "after the first",
	}
	LogRecords = Definition{
		Name: "edge_proxy_log_records_total", Type: Counter,
		Help:   "Log lines that were written, without the access log",
		Labels: []Label{label("level", "critical", "error", "warning", "info", "debug")},
	}
	LogRecordsLost = Definition{
		Name: "edge_proxy_log_records_lost_total", Type: Counter,
		Help: "Log lines that could not be written",
	}
)

const onlyWithTLS = "with `server.tls.cert_file` or `admin.tls.cert_file`"

func process() []Definition {
	return []Definition{
		BuildInfo, ConfigInfo, ConfigReloadSuccessful, ConfigReloadTime, ConfigRestartNeeded, ConfigWarnings, CertificateNotAfter, CertificateReloads,
		HandshakeErrors, adminActions, LogRecords, LogRecordsLost,
	}
}
