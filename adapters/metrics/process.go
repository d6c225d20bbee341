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
	LogRecordsLost = Definition{
		Name: "edge_proxy_log_records_lost_total", Type: Counter,
		Help: "Log lines that could not be written",
	}
)

func process() []Definition {
	return []Definition{BuildInfo, ConfigInfo, ConfigReloadSuccessful, ConfigReloadTime, ConfigRestartNeeded, ConfigWarnings, LogRecordsLost}
}
