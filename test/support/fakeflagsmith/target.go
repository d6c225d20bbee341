package fakeflagsmith

// Target names one thing the server is asked for; failure scripts, counters
// and recorded requests are kept by target.
type Target string

const (
	// EveryDocument is a script for the documents of all environments, used by
	// requests for which the environment has no script of its own.
	EveryDocument Target = "environments"
	// UnknownKey collects document requests whose key belongs to no environment.
	UnknownKey Target = "unknown-key"
	// ProxyConfig is the discovery of environments by proxy key.
	ProxyConfig Target = "proxy-config"
	// ProxyUsage is where usage counts are posted.
	ProxyUsage Target = "proxy-usage"
	// AnalyticsV1 is where flag analytics are posted, version 1.
	AnalyticsV1 Target = "analytics-v1"
	// AnalyticsV2 is where flag analytics are posted, version 2.
	AnalyticsV2 Target = "analytics-v2"
	// Events is where the events of experiments are posted.
	Events Target = "events"
)

// DocumentOf is the environment document of a client-side key.
func DocumentOf(clientKey string) Target { return Target("environment/" + clientKey) }

// StreamOf is the real-time stream of a client-side key. Its script decides how
// an attempt to connect fails; an open stream is ended by [Server.EndStreams].
func StreamOf(clientKey string) Target { return Target("stream/" + clientKey) }
