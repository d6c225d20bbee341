package cli_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/origin"
)

// TestADocumentThatDoesNotFitIntoMemoryIsRefused: a document that would make the system
// kill the process is refused with the reason, and the process goes on.
func TestADocumentThatDoesNotFitIntoMemoryIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		size    int
		setting any
		served  bool
	}{
		"one that fits":                      {7 << 19, nil, true},
		"one that does not":                  {9 << 19, nil, false},
		"one that max_document_bytes allows": {9 << 19, 8 << 20, true},
	} {
		t.Run(name, func(t *testing.T) {
			o, client := origin.Start(t), origin.NewClient(t)
			o.Serve(t, "env", origin.Document("env", time.Now(), "value", strings.Repeat("x", test.size)))
			config := o.Config(0, "env")
			config["api_poll_timeout_seconds"] = 30 // a busy machine is not the reason that is looked for
			if test.setting != nil {
				config["max_document_bytes"] = test.setting
			}
			p := harness.StartProxy(t, harness.Setup{Config: config, Env: map[string]string{"GOMEMLIMIT": "32MiB"}})
			limit := p.WaitEvent(t, harness.StartTimeout, "memory_limit")
			if limit.Text("source") != "GOMEMLIMIT" || limit["limit_bytes"] != 33554432.0 {
				t.Errorf("logged of the limit: %v", limit)
			}
			if test.served {
				p.WaitReady(t)
				return
			}
			failed := p.WaitEvent(t, harness.StartTimeout, "error_fetching_document")
			if !strings.Contains(failed.Text("error"), "4194304") || !strings.Contains(failed.Text("cause"), "memory") {
				t.Errorf("logged of the refusal: %v", failed)
			}
			if status, _, err := client.Flags(p.URL, "env"); err != nil || status != http.StatusServiceUnavailable {
				t.Errorf("flags: %d %v", status, err)
			}
		})
	}
}
