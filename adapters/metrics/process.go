package metrics

// The metrics of the process, its configuration and its security.
var (
	BuildInfo  = gauge("edge_proxy_build_info", "Always 1: what is running", label("version"), label("revision"), label("goversion"))
	ConfigInfo = gauge("edge_proxy_config_info",
		"Always 1: the hash of the effective configuration; nodes with one configuration have one hash", label("hash"))
	ConfigReloadSuccessful = gauge("edge_proxy_config_last_reload_successful", "Whether the configuration was valid when it was last loaded")
	ConfigReloadTime       = gauge("edge_proxy_config_last_reload_success_timestamp_seconds", "When a valid configuration was last loaded")
	ConfigRestartNeeded    = gauge("edge_proxy_config_restart_needed", "Settings that have changed and apply after a restart")
	ConfigWarnings         = gauge("edge_proxy_config_warnings", "Warnings about the configuration, such as keys that are not settings")
	CertificateNotAfter    = gauge("edge_proxy_tls_certificate_not_after_timestamp_seconds",
		"End of validity of the certificate that is served", label("listener", "server", "admin")).optional(onlyWithTLS)
	CertificateReloads = counter("edge_proxy_tls_reloads_total",
		"Changes of the files of certificate and keys; failure: they do not fit, and those before are still served",
		label("result", "success", "failure")).optional(onlyWithTLS)
	HandshakeErrors = counter("edge_proxy_tls_handshake_errors_total",
		"TLS handshakes that failed; protocol: no common version, or not TLS; certificate: the client refused that of the server; client_certificate: the client has none, or one that is refused; those of `admin.port` are not counted",
		label("reason", "protocol", "certificate", "client_certificate", "timeout", "other")).optional(onlyWithTLS)
	adminActions = counter("edge_proxy_admin_actions_total",
		"Actions of operators by what came of them; refused: the caller had to change something",
		label("action"), label("result", "done", "refused", "failed")).optional("after the first")
	LogRecords = counter("edge_proxy_log_records_total",
		"Log lines that were written, without the access log", label("level", "critical", "error", "warning", "info", "debug"))
	LogRecordsLost = counter("edge_proxy_log_records_lost_total", "Log lines that could not be written")
)

const onlyWithTLS = "with `server.tls.cert_file` or `admin.tls.cert_file`"

func process() []Definition {
	return []Definition{
		BuildInfo, ConfigInfo, ConfigReloadSuccessful, ConfigReloadTime, ConfigRestartNeeded, ConfigWarnings, CertificateNotAfter, CertificateReloads,
		HandshakeErrors, adminActions, LogRecords, LogRecordsLost,
	}
}
