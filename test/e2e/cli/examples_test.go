package cli_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
)

// The keys of the documentation's examples.
const (
	exampleClientKey = "your_client_side_key_1"
	exampleServerKey = "ser.your_server_side_key_1"
	examplePairs     = `[{"server_side_key":"` + exampleServerKey + `","client_side_key":"` + exampleClientKey + `"}]`
)

// Every example of Flagsmith's documentation of its Edge Proxy starts as it is
// printed there, and serves.
func TestDocumentedExamplesStart(t *testing.T) {
	t.Parallel()
	upstream := harness.StartUpstream(t)
	for server, client := range map[string]string{exampleServerKey: exampleClientKey, "ser.your_server_side_key": "your_client_side_environment_key"} {
		e := fakeflagsmith.Environment{ClientKey: client, ServerKeys: []string{server}, Document: document(client)}
		if err := upstream.PutEnvironment(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	// A fragment says nothing of keys and address, so those come from variables.
	fragment := map[string]string{"ENVIRONMENT_KEY_PAIRS": examplePairs, "API_URL": upstream.APIURL()}
	addressOnly := map[string]string{"API_URL": upstream.APIURL()}

	for name, tt := range map[string]struct {
		file string
		env  map[string]string
		key  string // "" is that of the first example
	}{
		"configuration file": {file: `{
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
}`, env: addressOnly},
		"variables": {env: map[string]string{
			"ENVIRONMENT_KEY_PAIRS":      `[{"server_side_key":"ser.your_server_side_key_1","client_side_key":"your_client_side_key_1"}]`,
			"API_POLL_FREQUENCY_SECONDS": "5", "LOGGING": `{"log_level":"DEBUG","log_format":"json"}`, "API_URL": upstream.APIURL(),
		}},
		"environment_key_pairs": {file: `"environment_key_pairs": [{
"server_side_key": "ser.your_server_side_key",
"client_side_key": "your_client_side_environment_key"
}]`, env: addressOnly, key: "your_client_side_environment_key"},
		"api_poll_frequency_seconds": {file: `"api_poll_frequency_seconds": 30`, env: fragment},
		"api_poll_timeout_seconds":   {file: `"api_poll_timeout_seconds": 1`, env: fragment},
		"allow_origins":              {file: `"allow_origins": "https://www.example.com"`, env: fragment},
		"endpoint_caches": {file: `"endpoint_caches": {
"flags": {
"use_cache": false
},
"identities": {
"use_cache": true,
"cache_max_size": 1000,
}
}`, env: fragment},
		"server.proxy_headers": {file: `"server": {
"proxy_headers": true
}`, env: fragment},
		"SERVER_PROXY_HEADERS": {env: map[string]string{
			"SERVER_PROXY_HEADERS": "true", "ENVIRONMENT_KEY_PAIRS": examplePairs, "API_URL": upstream.APIURL(),
		}},
		"logging.log_level":            {file: `"logging": {"log_level": "DEBUG"}`, env: fragment},
		"logging.log_format":           {file: `"logging": {"log_format": "json"}`, env: fragment},
		"logging.log_event_field_name": {file: `"logging": {"log_event_field_name": "event"}`, env: fragment},
		"logging.colour":               {file: `"logging": {"colour": false}`, env: fragment},
		"grace period of null":         {file: `"health_check": {"environment_update_grace_period_seconds": null}`, env: fragment},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := harness.StartProxy(t, harness.Setup{ConfigText: tt.file, Env: tt.env})
			proxy.WaitReady(t)
			key := tt.key
			if key == "" {
				key = exampleClientKey
			}
			if got := flags(t, proxy.URL, key); got != shopFlags {
				t.Errorf("got %s", got)
			}
			if strings.Contains(proxy.Stdout(), "configuration_warning") {
				t.Errorf("a documented example is warned about:\n%s", proxy.Stdout())
			}
		})
	}
}

// The example of api_url leads to nobody, so the proxy starts and is not ready.
func TestDocumentedAPIURLStarts(t *testing.T) {
	t.Parallel()
	proxy := harness.StartProxy(t, harness.Setup{
		ConfigText: `"api_url": "https://flagsmith.example.com/api/v1"`,
		// Nothing may leave this machine: a forward proxy that is not there.
		Env: map[string]string{"ENVIRONMENT_KEY_PAIRS": examplePairs, "HTTPS_PROXY": "http://127.0.0.1:1"},
	})
	response, err := harness.Raw(proxy.Address, harness.RawRequest{Method: "GET", Target: "/proxy/health/readiness"})
	if err != nil || response.Status != http.StatusServiceUnavailable {
		t.Errorf("readiness: %d, %v", response.Status, err)
	}
	event := proxy.WaitEvent(t, harness.StartTimeout, "error_fetching_document")
	if event.Text("client_side_key") != exampleClientKey {
		t.Errorf("got %v", event)
	}
}
