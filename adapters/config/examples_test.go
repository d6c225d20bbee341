package config_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/config"
)

// The examples of Flagsmith's documentation, as it prints them.

func TestDocumentedExampleAsFileAndAsVariables(t *testing.T) {
	fromFile := mustLoad(t, withFile(`{
"environment_key_pairs": [
{
"server_side_key": "ser.your_server_side_key_1",
"client_side_key": "your_client_side_key_1"
}
],
"api_poll_frequency_seconds": 5,
"logging": {
"log_level": "DEBUG",
"log_format": "json"
}
}`))
	fromVariables := mustLoad(t, source(nil,
		`ENVIRONMENT_KEY_PAIRS=[{"server_side_key":"ser.your_server_side_key_1","client_side_key":"your_client_side_key_1"}]`,
		"API_POLL_FREQUENCY_SECONDS=5",
		`LOGGING={"log_level":"DEBUG","log_format":"json"}`))
	if differ := changed(fromFile, fromVariables); differ != nil {
		t.Errorf("file and variables differ in %v", differ)
	}
	want := defaults(t)
	want.EnvironmentKeyPairs = []config.KeyPair{pair("ser.your_server_side_key_1", "your_client_side_key_1")}
	want.APIPollFrequency = 5 * time.Second
	want.Store.Lease = 10 * time.Second
	want.Logging.LogLevel, want.Logging.LogFormat = "DEBUG", "json"
	if !reflect.DeepEqual(fromFile, want) {
		t.Errorf("got %+v, want %+v", fromFile, want)
	}
}

func TestDocumentedFragments(t *testing.T) {
	for fragment, check := range map[string]func(config.Settings) bool{
		`"environment_key_pairs": [{
"server_side_key": "ser.your_server_side_key",
"client_side_key": "your_client_side_environment_key"
}]`: func(s config.Settings) bool {
			return reflect.DeepEqual(s.EnvironmentKeyPairs, []config.KeyPair{pair("ser.your_server_side_key", "your_client_side_environment_key")})
		},
		`"api_url": "https://flagsmith.example.com/api/v1"`: func(s config.Settings) bool {
			return s.APIURL.Reveal() == "https://flagsmith.example.com/api/v1"
		},
		`"api_poll_frequency_seconds": 30`: func(s config.Settings) bool { return s.APIPollFrequency == 30*time.Second },
		`"api_poll_timeout_seconds": 1`:    func(s config.Settings) bool { return s.APIPollTimeout == time.Second },
		`"allow_origins": "https://www.example.com"`: func(s config.Settings) bool {
			return reflect.DeepEqual(s.AllowOrigins, []string{"https://www.example.com"})
		},
		`"endpoint_caches": {
"flags": {
"use_cache": false
},
"identities": {
"use_cache": true,
"cache_max_size": 1000,
}
}`: func(s config.Settings) bool {
			return s.EndpointCaches == config.EndpointCaches{Flags: config.EndpointCache{CacheMaxSize: 128}, Identities: config.IdentitiesCache{UseCache: true, CacheMaxSize: 1000, CacheMaxBytes: 64 << 20}}
		},
		`"server": {
"proxy_headers": true
}`: func(s config.Settings) bool { return s.Server.ProxyHeaders },
		`"logging": {"log_level": "DEBUG"}`:                                 func(s config.Settings) bool { return s.Logging.LogLevel == "DEBUG" },
		`"logging": {"log_format": "json"}`:                                 func(s config.Settings) bool { return s.Logging.LogFormat == "json" },
		`"logging": {"log_event_field_name": "event"}`:                      func(s config.Settings) bool { return s.Logging.LogEventFieldName == "event" },
		`"logging": {"colour": false}`:                                      func(s config.Settings) bool { return !s.Logging.Colours },
		`"health_check": {"environment_update_grace_period_seconds": null}`: func(s config.Settings) bool { return s.HealthCheck.GracePeriod.Never },
		`"logging": {
"override": {
"handlers": {
"file": {
"level": "INFO",
"class": "logging.FileHandler",
"filename": "edge-proxy.log",
"formatter": "json"
}
},
"loggers": {
"": {
"handlers": ["file"],
"level": "INFO",
"propagate": true
}
}
}
}`: func(s config.Settings) bool {
			return string(s.Logging.Override) == `{"handlers":{"file":{"class":"logging.FileHandler","filename":"edge-proxy.log","formatter":"json","level":"INFO"}},"loggers":{"":{"handlers":["file"],"level":"INFO","propagate":true}}}`
		},
		`"logging": {
"override": {
"handlers": {
"file": {
"level": "INFO",
"class": "logging.FileHandler",
"filename": "edge-proxy.log",
"formatter": "generic"
}
},
"loggers": {
"": {
"handlers": ["default"],
"level": "INFO"
},
"uvicorn.access": {
"handlers": ["file"],
"level": "INFO",
"propagate": false
}
}
}
}`: func(s config.Settings) bool {
			return string(s.Logging.Override) == `{"handlers":{"file":{"class":"logging.FileHandler","filename":"edge-proxy.log","formatter":"generic","level":"INFO"}},"loggers":{"":{"handlers":["default"],"level":"INFO"},"uvicorn.access":{"handlers":["file"],"level":"INFO","propagate":false}}}`
		},
	} {
		t.Run(fragment, func(t *testing.T) {
			for form, content := range map[string]string{"as printed": fragment, "in braces": "{" + fragment + "}", "with commas and comments": "// ours\n{" + fragment + ", /* end */ }\n"} {
				// A proxy key stands in for the key pairs.
				src := withFile(content, "PROXY_KEY=discover")
				if !check(mustLoad(t, src)) {
					t.Errorf("%s: not what the example says", form)
				}
				if w := warnings(t, src); len(w) > 0 {
					t.Errorf("%s: warnings %q", form, w)
				}
			}
		})
	}
	if !mustLoad(t, source(nil, keys, "SERVER_PROXY_HEADERS=true")).Server.ProxyHeaders {
		t.Error("SERVER_PROXY_HEADERS=true has no effect")
	}
}
