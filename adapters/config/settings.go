package config

import (
	"encoding/json"
	"time"

	"github.com/edge-proxy/edge-proxy/domain"
)

// Settings is everything an operator can configure. Its sections without lists
// can be compared with ==, and Reload finds the settings in which two values differ.
// It is plain data: treat it as read-only once loaded, then it may be shared.
type Settings struct {
	// EnvironmentKeyPairs are the configured environments, without repetitions;
	// one client-side key may appear with several server-side keys (rotation).
	// Empty only when ProxyKey is set.
	EnvironmentKeyPairs []KeyPair `env:"ENVIRONMENT_KEY_PAIRS" unset:"only allowed with proxy_key" reload:"live" help:"Environments to serve, each with its server-side and client-side key; several pairs with one client-side key allow key rotation."`
	// APIURL is the Flagsmith API without a trailing slash; http, https, or a
	// directory as file:///dir.
	APIURL             URL            `env:"API_URL" envDefault:"https://edge.api.flagsmith.com/api/v1" schemes:"http,https,file" reload:"restart" help:"Flagsmith API to fetch environment documents from; a file URL names a directory."`
	APIPollFrequency   time.Duration  `env:"API_POLL_FREQUENCY_SECONDS" alias:"API_POLL_FREQUENCY" envDefault:"10" above:"0" max:"86400" reload:"live" help:"Time between two polls of an environment."`
	APIPollTimeout     time.Duration  `env:"API_POLL_TIMEOUT_SECONDS" alias:"API_POLL_TIMEOUT" envDefault:"5" above:"0" max:"3600" reload:"live" help:"Time-out of one request to the Flagsmith API."`
	APIPollConcurrency int            `env:"API_POLL_CONCURRENCY" envDefault:"16" min:"1" max:"1024" reload:"live" help:"Environments fetched at the same time, at most."`
	AllowOrigins       []string       `env:"ALLOW_ORIGINS" envDefault:"[\"*\"]" check:"origin" reload:"live" help:"Origins that browsers may call from; * allows all."`
	EndpointCaches     EndpointCaches `envPrefix:"ENDPOINT_CACHES_"`
	Server             Server         `envPrefix:"SERVER_"`
	Logging            Logging        `envPrefix:"LOGGING_"`
	HealthCheck        HealthCheck    `envPrefix:"HEALTH_CHECK_"`
	Store              Store          `envPrefix:"STORE_" ours:"true"`
	// MaxDocumentBytes bounds one environment document, its pages merged.
	MaxDocumentBytes int64  `env:"MAX_DOCUMENT_BYTES" envDefault:"268435456" min:"1024" max:"17179869184" reload:"live" help:"Largest environment document that is accepted, in bytes. Unless it is set, a document is also refused when it is larger than an eighth of the memory limit."`
	APITLS           APITLS `envPrefix:"API_TLS_" ours:"true"`
	// ProxyKey makes the proxy discover its environments; zero when unset.
	ProxyKey Secret `env:"PROXY_KEY" unset:"no discovery" check:"header" reload:"value" help:"Key with which the proxy discovers its environments and reports usage."`
	// RealtimeURL is where update events come from; zero means polling only.
	RealtimeURL        URL           `env:"REALTIME_URL" unset:"off, polling only" schemes:"http,https" reload:"restart" help:"Server of real-time update events; Flagsmith's own is https://realtime.flagsmith.com."`
	UsageFlushInterval time.Duration `env:"USAGE_FLUSH_INTERVAL_SECONDS" envDefault:"60" above:"0" max:"86400" reload:"live" help:"Time between two usage reports; only with proxy_key."`
	Analytics          Analytics     `envPrefix:"ANALYTICS_" ours:"true"`
	Webhook            Webhook       `envPrefix:"WEBHOOK_" ours:"true"`
	Events             Events        `envPrefix:"EVENTS_"`
	Tracing            Tracing       `envPrefix:"TRACING_" ours:"true"`
	Metrics            Metrics       `envPrefix:"METRICS_" ours:"true"`
	OFREP              OFREP         `envPrefix:"OFREP_" ours:"true"`
	Admin              Admin         `envPrefix:"ADMIN_" ours:"true"`
	DocumentGuard      DocumentGuard `envPrefix:"DOCUMENT_GUARD_" ours:"true"`
	History            History       `envPrefix:"HISTORY_" ours:"true"`

	// WebConcurrency is the number of processors to use; 0 means all that the
	// container may use.
	WebConcurrency    int          `env:"WEB_CONCURRENCY" source:"environment" unset:"all that the container may use" min:"0" max:"4096" reload:"restart" help:"Processors to use; 0 means all that the container may use."`
	ForwardedAllowIPs TrustedPeers `env:"FORWARDED_ALLOW_IPS" source:"environment" envDefault:"127.0.0.1" reload:"restart" help:"Peers whose X-Forwarded-For and X-Forwarded-Proto headers are believed when server.proxy_headers is on."`
	Proxy             Proxy

	// ConfigPath is the configuration file, whether it exists or not.
	ConfigPath string `env:"CONFIG_PATH" source:"environment" envDefault:"config.json" reload:"restart" help:"Configuration file; a relative path is taken from the working directory."`
}

// KeyPair is one environment's client-side key with one of its server-side keys.
type KeyPair struct {
	ServerSideKey domain.ServerKey
	ClientSideKey domain.EnvironmentKey
}

// EndpointCaches are the response caches of the endpoints that can have one.
type EndpointCaches struct {
	Flags      EndpointCache   `envPrefix:"FLAGS_"`
	Identities IdentitiesCache `envPrefix:"IDENTITIES_"`
}

// EndpointCache is one endpoint's response cache.
type EndpointCache struct {
	UseCache     bool `env:"USE_CACHE" envDefault:"false" reload:"live" help:"Keep recent answers of this endpoint until the environment changes."`
	CacheMaxSize int  `env:"CACHE_MAX_SIZE" envDefault:"128" min:"1" max:"10000000" reload:"live" help:"Answers to keep; the least recently used goes first."`
}

// IdentitiesCache is the cache of the identities endpoint.
type IdentitiesCache struct {
	UseCache      bool  `env:"USE_CACHE" envDefault:"false" reload:"live" help:"Keep recent answers of this endpoint until the environment changes."`
	CacheMaxSize  int   `env:"CACHE_MAX_SIZE" envDefault:"128" min:"1" max:"10000000" reload:"live" help:"Answers to keep; the least recently used goes first."`
	CacheMaxBytes int64 `env:"CACHE_MAX_BYTES" envDefault:"67108864" min:"1024" max:"1099511627776" reload:"live" help:"Bytes that the kept answers may take together; the least recently used goes first."`
}

// Server configures the listener.
type Server struct {
	Host string `env:"HOST" envDefault:"0.0.0.0" check:"host" reload:"restart" help:"Address or host name to listen on."`
	// Port 0 takes any free port.
	Port             int           `env:"PORT" envDefault:"8000" min:"0" max:"65535" reload:"restart" help:"Port to listen on; 0 takes any free one."`
	HTTPPort         OptionalPort  `env:"HTTP_PORT" unset:"none" min:"0" max:"65535" reload:"restart" help:"Further port without TLS, for health checks and meshes, when server.port speaks TLS."`
	TLS              ServerTLS     `envPrefix:"TLS_" ours:"true"`
	ProxyHeaders     bool          `env:"PROXY_HEADERS" envDefault:"false" reload:"live" help:"Take client address and scheme from X-Forwarded-For and X-Forwarded-Proto, if the peer is in FORWARDED_ALLOW_IPS."`
	TimeoutKeepAlive time.Duration `env:"TIMEOUT_KEEP_ALIVE" envDefault:"5" above:"0" max:"86400" reload:"restart" help:"Time after which an idle connection is closed."`
	FastPath         bool          `env:"FAST_PATH" envDefault:"true" reload:"restart" help:"Serve plain requests by a fast path; without it, Go's net/http serves every request."`
	// Reload has the configuration file re-read when it changes.
	Reload            bool          `env:"RELOAD" envDefault:"false" reload:"live" help:"Re-read the configuration file when it changes."`
	DrainDelay        time.Duration `env:"DRAIN_DELAY_SECONDS" envDefault:"3" min:"0" max:"3600" reload:"live" help:"Time between turning unready and closing the listener on shutdown."`
	ShutdownTimeout   time.Duration `env:"SHUTDOWN_TIMEOUT_SECONDS" envDefault:"9" above:"0" max:"3600" reload:"live" help:"Time that running requests and last reports get on shutdown."`
	MaxBodyBytes      int64         `env:"MAX_BODY_BYTES" envDefault:"1048576" min:"1" max:"1073741824" reload:"live" help:"Largest request body, in bytes."`
	MaxInflightBytes  int64         `env:"MAX_INFLIGHT_BYTES" envDefault:"67108864" min:"1048576" max:"1099511627776" reload:"restart" help:"Bytes of request bodies and answers under way on all connections, at least four times max_body_bytes; beyond it the answer is 503."`
	MaxConnections    int           `env:"MAX_CONNECTIONS" envDefault:"0" min:"0" max:"10000000" reload:"restart" help:"Connections of clients at a time, event streams included; one of HTTP/2 applies as four. Beyond it all but liveness is 503. 0 stands for what the limit of open files allows."`
	MaxHeaderBytes    int           `env:"MAX_HEADER_BYTES" envDefault:"16384" min:"1024" max:"16777216" reload:"restart" help:"Largest request header, in bytes."`
	ReadHeaderTimeout time.Duration `env:"READ_HEADER_TIMEOUT_SECONDS" envDefault:"5" above:"0" max:"3600" reload:"restart" help:"Time in which a request's header must arrive."`
	ReadTimeout       time.Duration `env:"READ_TIMEOUT_SECONDS" envDefault:"10" above:"0" max:"3600" reload:"restart" help:"Time in which a whole request must arrive."`
	// WriteTimeout does not hold for event streams.
	WriteTimeout time.Duration `env:"WRITE_TIMEOUT_SECONDS" envDefault:"30" above:"0" max:"3600" reload:"restart" help:"Time in which an answer must be written; event streams are exempt."`
	// UnixSocket is an absolute path, "" for none.
	UnixSocket        string   `env:"UNIX_SOCKET" unset:"none" check:"socket" reload:"restart" help:"Path of a Unix socket to listen on as well, without TLS; the owner of the process and its group may connect."`
	ProxyProtocolFrom Networks `env:"PROXY_PROTOCOL_FROM" unset:"nobody" reload:"live" help:"Load balancers whose connections may begin with a header of the PROXY protocol, version 1 or 2, that names the client; from others it is an invalid request."`
	Limits            Limits   `envPrefix:"LIMITS_" ours:"true"`
	Allow             Networks `env:"ALLOW" unset:"all addresses" reload:"live" help:"Addresses and CIDR ranges that requests may come from, as seen after server.proxy_headers; others get 403. Health is always answered."`
	Deny              Networks `env:"DENY" unset:"no address" reload:"live" help:"Addresses and CIDR ranges that requests may not come from, whatever server.allow says; they get 403."`
}

// Limits configures which requests are too many.
type Limits struct {
	PerKey           int  `env:"REQUESTS_PER_SECOND_PER_KEY" envDefault:"0" min:"0" max:"1000000" reload:"live" help:"Requests a second with one client-side key, on average; beyond it the answer is 429. 0 means no limit."`
	BurstPerKey      int  `env:"BURST_PER_KEY" envDefault:"0" min:"0" max:"10000000" reload:"live" help:"Requests with one client-side key that may come at once; 0 stands for those of one second."`
	ExemptServerKeys bool `env:"EXEMPT_SERVER_KEYS" envDefault:"true" reload:"live" help:"Leave requests with server-side keys out of the limit for keys; otherwise those of one environment share a quota."`
	PerAddress       int  `env:"REQUESTS_PER_SECOND_PER_ADDRESS" envDefault:"0" min:"0" max:"1000000" reload:"live" help:"Requests a second from one address, or in IPv6 from one /64 network, on average; beyond it the answer is 429. 0 means no limit."`
	BurstPerAddress  int  `env:"BURST_PER_ADDRESS" envDefault:"0" min:"0" max:"10000000" reload:"live" help:"Requests from one address that may come at once; 0 stands for those of one second."`
	MaxDocuments     int  `env:"MAX_CONCURRENT_DOCUMENTS" envDefault:"0" min:"0" max:"1000000" reload:"live" help:"Environment documents that are sent at a time; others wait for a second, and then the answer is 503. 0 means no limit."`
}

// ServerTLS configures TLS on the port of Server. Paths are absolute or begin at the
// working directory once loaded. The files are not read here.
type ServerTLS struct {
	CertFile     string `env:"CERT_FILE" unset:"plain HTTP" check:"path" reload:"restart" help:"File of the certificate with which server.port speaks TLS, and of the certificates between it and its authority, in PEM form; a changed file is read again."`
	KeyFile      string `env:"KEY_FILE" unset:"plain HTTP" check:"path" reload:"restart" help:"File of the key of that certificate, in PEM form; a changed file is read again."`
	ClientCAFile string `env:"CLIENT_CA_FILE" unset:"none" check:"path" reload:"restart" help:"File of the authorities that sign certificates of clients, in PEM form; a changed file is read again."`
	ClientAuth   string `env:"CLIENT_AUTH" envDefault:"none" oneof:"none,request,require" reload:"restart" help:"Whether clients need a certificate: they are not asked for one, may send one, or must. With require, environments are for clients with a certificate on server.http_port, too."`
	MinVersion   string `env:"MIN_VERSION" envDefault:"1.2" oneof:"1.2,1.3" reload:"restart" help:"Least version of TLS."`
	// Clients ties certificates to environments; empty allows every certificate all.
	Clients []CertificateRule `env:"CLIENTS" unset:"every certificate may use every environment" reload:"live" help:"Which environments the holder of a certificate may use, by the SPIFFE ID, another URI or the DNS name in it; all others are refused."`
}

// CertificateRule allows holders of certificates to use environments.
type CertificateRule struct {
	SAN          string   `json:"san"`          // a DNS name or a URI, perhaps with a wildcard; the HTTP interface says which
	Environments []string `json:"environments"` // client-side keys, or * for all
}

// APITLS configures TLS to the servers of Flagsmith. Paths are as in ServerTLS.
type APITLS struct {
	CAFile   string `env:"CA_FILE" unset:"the authorities of the system" check:"path" reload:"restart" help:"File of authorities that are trusted beside those of the system, for api_url, realtime_url and events.url, in PEM form; a changed file is read again."`
	CertFile string `env:"CERT_FILE" unset:"none" check:"path" reload:"restart" help:"File of the certificate that is sent to these servers if they ask for one, in PEM form; a changed file is read again."`
	KeyFile  string `env:"KEY_FILE" unset:"none" check:"path" reload:"restart" help:"File of the key of that certificate, in PEM form; a changed file is read again."`
}

// Logging configures the log. LogLevel and LogFormat are spelled as in their tags,
// whatever case they were written in.
type Logging struct {
	LogLevel          string `env:"LOG_LEVEL" envDefault:"INFO" oneof:"CRITICAL,ERROR,WARNING,INFO,DEBUG,NOTSET" reload:"live" help:"Least severe level that is logged."`
	LogFormat         string `env:"LOG_FORMAT" envDefault:"generic" oneof:"generic,json" reload:"live" help:"Text for people, or one JSON object a line."`
	LogEventFieldName string `env:"LOG_EVENT_FIELD_NAME" envDefault:"message" reload:"live" help:"Field of JSON log entries that holds the message."`
	Colours           bool   `env:"COLOURS" alias:"COLORS,COLOUR,COLOR" envDefault:"false" reload:"live" help:"Colour the log; only for the generic format."`
	EnableAccessLog   bool   `env:"ENABLE_ACCESS_LOG" envDefault:"false" reload:"live" help:"Log every request."`
	// Override is a compact JSON object, "{}" by default: Python logging
	// settings, not looked into here.
	Override json.RawMessage `env:"OVERRIDE" envDefault:"{}" reload:"live" help:"Python logging settings: formatters, handlers and loggers."`
}

// HealthCheck configures readiness.
type HealthCheck struct {
	GracePeriod GracePeriod `env:"ENVIRONMENT_UPDATE_GRACE_PERIOD_SECONDS" envDefault:"30" min:"0" max:"31536000" reload:"live" help:"Time per environment after which documents that upstream did not confirm are stale; null means never."`
}

// GracePeriod is the time per environment after which documents are stale.
type GracePeriod struct {
	// Never means that documents never go stale; Period is 0 then.
	Never  bool
	Period time.Duration
}

// Store configures where environment documents are kept.
type Store struct {
	// URL chooses the store by its scheme; which schemes and parameters there
	// are is for the stores to say.
	URL    URL    `env:"URL" envDefault:"memory:" reload:"restart" help:"Store of environment documents, such as memory:, bolt:///path or redis://host:6379."`
	Prefix string `env:"PREFIX" envDefault:"edge-proxy" check:"prefix" reload:"restart" help:"What the names in a shared store begin with: keeps fleets apart."`
	// Lease is never 0 once loaded: unset it is two poll intervals.
	Lease time.Duration `env:"LEASE_SECONDS" unset:"two poll intervals" above:"0" max:"172800" reload:"live" help:"Time after which another node takes over polling from one that died."`
}

// Analytics configures the forwarding of feature analytics.
type Analytics struct {
	Enabled       bool          `env:"ENABLED" envDefault:"true" reload:"live" help:"Forward the analytics that SDKs send."`
	FlushInterval time.Duration `env:"FLUSH_INTERVAL_SECONDS" envDefault:"10" above:"0" max:"86400" reload:"live" help:"Time between two deliveries of analytics."`
}

// Events configures the forwarding of events of experiments.
type Events struct {
	// URL is the events API without a trailing slash; zero means that the endpoint is off.
	URL           URL           `env:"URL" envDefault:"https://events.api.flagsmith.com" unset:"off" schemes:"http,https" reload:"restart" help:"Server that takes the events of experiments; empty means off."`
	FlushInterval time.Duration `env:"FLUSH_INTERVAL_SECONDS" envDefault:"10" above:"0" max:"86400" reload:"live" help:"Time between two deliveries of events; what a crash loses at most."`
	MaxBodyBytes  int64         `env:"MAX_BODY_BYTES" envDefault:"4194304" min:"1" max:"1073741824" reload:"live" help:"Largest request body with events, in bytes, uncompressed."`
	MaxQueueBytes int64         `env:"MAX_QUEUE_BYTES" envDefault:"33554432" min:"1048576" max:"17179869184" reload:"live" help:"Memory for events that wait to be delivered, in bytes; beyond it requests are answered 503."`
}

// Tracing configures which requests are traced. Whether any are, and where traces go, is
// for the standard variables OTEL_* to say.
type Tracing struct {
	SampledByParent bool    `env:"SAMPLED_BY_PARENT" envDefault:"true" reload:"restart" help:"Trace a request if its traceparent header says that its trace is recorded, and only then."`
	Ratio           float64 `env:"RATIO" envDefault:"0" min:"0" max:"1" reload:"restart" help:"Share of the other requests, and of scheduled polls, that is traced; the variable OTEL_TRACES_SAMPLER wins."`
	// Slow is 0 when it is off.
	Slow time.Duration `env:"SLOW_SECONDS" envDefault:"0" min:"0" max:"3600" reload:"restart" help:"Trace requests that took this long or were answered 5xx, whatever else was decided; 0 means off."`
}

// Webhook configures the webhook endpoint.
type Webhook struct {
	// Secret signs Flagsmith's calls; zero means that the endpoint is off.
	Secret Secret `env:"SECRET" unset:"off" reload:"live" help:"Secret that signs Flagsmith's webhook calls."`
}

// Metrics configures what the proxy measures of itself.
type Metrics struct {
	Enabled          bool `env:"ENABLED" envDefault:"true" reload:"restart" help:"Count and measure what the proxy does; without it nothing is counted, at no cost."`
	NativeHistograms bool `env:"NATIVE_HISTOGRAMS" envDefault:"true" reload:"restart" help:"Give histograms their native form in addition to the classic one; only scrapes in protobuf have it."`
	MaxEnvironments  int  `env:"MAX_ENVIRONMENTS" envDefault:"75" min:"0" max:"100000" reload:"restart" help:"Environments with series of their own, usually 22 each and 33 at most; further ones count in the totals only."`
	Features         bool `env:"FEATURES" envDefault:"false" reload:"restart" help:"Count what applications report of the features that they evaluate, by environment and feature, in at most 1,000 series. It needs analytics.enabled."`
}

// OFREP configures answers to OpenFeature's providers.
type OFREP struct {
	EventStreams bool `env:"EVENT_STREAMS" envDefault:"true" reload:"live" help:"Name a stream of events in answers with all flags, to which providers for browsers and mobile devices then connect to learn of changes."`
}

// Admin configures the listener for operators.
type Admin struct {
	Host     string       `env:"HOST" envDefault:"127.0.0.1" check:"host" reload:"restart" help:"Address or host name that the admin listener listens on. Unless it is a loopback address or admin.token is set, only /metrics, /healthz and /readyz answer."`
	Port     OptionalPort `env:"PORT" unset:"8001 if it is free, else no listener" min:"0" max:"65535" reload:"restart" help:"Port of the admin listener; 0 turns it off. A start fails if the port that is set here is taken."`
	Token    Secret       `env:"TOKEN" unset:"actions are refused" check:"header" reload:"live" help:"Token that actions need on the admin listener and, if its address is not a loopback address, all pages."`
	Pprof    bool         `env:"PPROF" envDefault:"false" reload:"live" help:"Serve Go's profiles on the admin listener, below /debug/pprof/."`
	TLS      AdminTLS     `envPrefix:"TLS_" ours:"true"`
	ReadOnly bool         `env:"READ_ONLY" envDefault:"false" reload:"live" help:"Refuse every action on the admin listener that changes something."`
}

// History configures which former documents are kept.
type History struct {
	Documents int   `env:"DOCUMENTS" envDefault:"10" min:"0" max:"100" reload:"live" help:"Documents that the store keeps of each environment, with the newest; at most 2 in the store memory:. 0 or 1 keeps no former ones."`
	MaxBytes  int64 `env:"MAX_BYTES" envDefault:"67108864" min:"0" max:"17179869184" reload:"live" help:"Bytes that the former documents of one environment may have together; the oldest goes first."`
}

// DocumentGuard configures what happens to a document that is valid and takes away so much
// that it is likely a mistake.
type DocumentGuard struct {
	Mode         string        `env:"MODE" envDefault:"warn" oneof:"off,warn,hold" reload:"live" help:"What happens to a suspicious document: warn logs, counts and serves it; hold keeps the document before it for a time; off judges none."`
	Hold         time.Duration `env:"HOLD_SECONDS" envDefault:"900" min:"0" max:"86400" reload:"live" help:"Time for which a suspicious document must have been offered before it is served; only with mode hold."`
	MaxRemoved   int           `env:"MAX_REMOVED_PERCENT" envDefault:"50" min:"0" max:"100" reload:"live" help:"A document is suspicious if it removes more than this share of the features, of the segments or of the identities with overrides."`
	MaxTurnedOff int           `env:"MAX_TURNED_OFF_PERCENT" envDefault:"50" min:"0" max:"100" reload:"live" help:"A document is suspicious if it turns off more than this share of the features that were on."`
	MinFeatures  int           `env:"MIN_FEATURES" envDefault:"10" min:"0" max:"1000000" reload:"live" help:"Environments with fewer features are not judged."`
}

// AdminTLS configures TLS on the port of Admin. Paths are as in ServerTLS.
type AdminTLS struct {
	CertFile     string `env:"CERT_FILE" unset:"plain HTTP" check:"path" reload:"restart" help:"File of the certificate with which admin.port speaks TLS, and of the certificates between it and its authority, in PEM form; a changed file is read again."`
	KeyFile      string `env:"KEY_FILE" unset:"plain HTTP" check:"path" reload:"restart" help:"File of the key of that certificate, in PEM form; a changed file is read again."`
	ClientCAFile string `env:"CLIENT_CA_FILE" unset:"none" check:"path" reload:"restart" help:"File of the authorities that sign certificates of operators, in PEM form; a changed file is read again."`
	ClientAuth   string `env:"CLIENT_AUTH" envDefault:"none" oneof:"none,request,require" reload:"restart" help:"Whether operators, probes and scrapers need a certificate: they are not asked for one, may send one, or must. The token is needed all the same."`
	MinVersion   string `env:"MIN_VERSION" envDefault:"1.2" oneof:"1.2,1.3" reload:"restart" help:"Least version of TLS."`
}

// defaultAdminPort is the admin listener's port that nobody has set.
const defaultAdminPort = 8001

// OptionalPort is the port of a listener that the proxy can do without.
type OptionalPort struct {
	Number int // what 0 means, the setting says
	// Chosen says that an operator has set the port, so that the listener has to open.
	Chosen bool
}

// Proxy is the HTTP proxy for outgoing requests. The variables are recognised in
// either case, the lower-case form wins.
type Proxy struct {
	HTTP  URL `env:"HTTP_PROXY" source:"environment" unset:"none" schemes:"http,https,socks5,socks5h" check:"proxy" reload:"restart" help:"Proxy for outgoing http requests."`
	HTTPS URL `env:"HTTPS_PROXY" source:"environment" unset:"none" schemes:"http,https,socks5,socks5h" check:"proxy" reload:"restart" help:"Proxy for outgoing https requests."`
	// All stands in for whichever of HTTP and HTTPS is unset.
	All URL    `env:"ALL_PROXY" source:"environment" unset:"none" schemes:"http,https,socks5,socks5h" check:"proxy" reload:"restart" help:"Proxy for outgoing requests that the other two do not cover."`
	No  string `env:"NO_PROXY" source:"environment" unset:"none" reload:"restart" help:"Hosts that are reached without a proxy, separated by commas."`
}
