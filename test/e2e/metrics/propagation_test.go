package metrics_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

const webhookSecret = "secret_of_the_webhook"

// How long a change took from upstream to being served is right whatever upstream's clock
// says, and however the proxy came to know of the change.
func TestPropagation(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{0, 10 * time.Minute, -10 * time.Minute} {
		for via, c := range map[string]struct {
			settings map[string]any
			announce func(*testing.T, *harness.Upstream, node, time.Time)
		}{
			"poll":    {map[string]any{"api_poll_frequency_seconds": 1}, func(*testing.T, *harness.Upstream, node, time.Time) {}},
			"webhook": {map[string]any{"webhook": map[string]any{"secret": webhookSecret}}, callWebhook},
			"stream":  {map[string]any{}, emit},
		} {
			t.Run(fmt.Sprintf("%s, clock %v ahead", via, ahead), func(t *testing.T) {
				t.Parallel()
				upstream := harness.StartUpstream(t)
				config := upstream.Serve(t, environment(time.Now().Add(-time.Hour), ahead))
				config["api_poll_frequency_seconds"] = 600
				for key, value := range c.settings {
					config[key] = value
				}
				if via == "stream" {
					config["realtime_url"] = upstream.URL
				}
				n := start(t, config)
				if via == "stream" {
					wait.ForSuccess(t, harness.StartTimeout, "the stream", func() error {
						if n, err := upstream.Listeners(t.Context(), clientKey); err != nil || n == 0 {
							return fmt.Errorf("%d listeners, %w", n, err)
						}
						return nil
					})
				}
				changed := time.Now()
				if err := upstream.PutEnvironment(t.Context(), environment(changed, ahead)); err != nil {
					t.Fatal(err)
				}
				c.announce(t, upstream, n, changed.Add(ahead))
				var count uint64
				var sum float64
				wait.ForSuccess(t, harness.StartTimeout, "change", func() error { // seldom: a scrape is large
					h := find(n.scrape(t)["edge_proxy_document_propagation_seconds"], "via", via).GetHistogram()
					count, sum = h.GetSampleCount(), h.GetSampleSum()
					if count == 0 {
						return errors.New("it has not been measured")
					}
					return nil
				})
				// Date has whole seconds, so that a clock is known to a second.
				if most := time.Since(changed) + time.Second; count != 1 || sum < 0 || sum > most.Seconds() {
					t.Errorf("%d changes that took %v s, want one within %v", count, sum, most)
				}
			})
		}
	}
}

func callWebhook(t *testing.T, _ *harness.Upstream, n node, _ time.Time) {
	t.Helper()
	const body = `{"event_type":"FLAG_UPDATED"}`
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	mac.Write([]byte(body))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.URL+"/proxy/webhook", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Flagsmith-Signature", hex.EncodeToString(mac.Sum(nil)))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("the webhook is answered %s", answer.Status)
	}
}

func emit(t *testing.T, upstream *harness.Upstream, _ node, updatedAt time.Time) {
	t.Helper()
	if _, err := upstream.Emit(t.Context(), clientKey, fmt.Sprintf(`{"updated_at": %f}`, float64(updatedAt.UnixMicro())/1e6)); err != nil {
		t.Fatal(err)
	}
}
