//go:build deploy

package alerts_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
	"github.com/edge-proxy/edge-proxy/adapters/metrics"
	"github.com/edge-proxy/edge-proxy/app"
	"github.com/edge-proxy/edge-proxy/test/support/certificates"
	"github.com/edge-proxy/edge-proxy/test/support/fakeflagsmith"
	"github.com/edge-proxy/edge-proxy/test/support/harness"
	"github.com/edge-proxy/edge-proxy/test/support/wait"
)

// Each alert fires on the metrics of the built binary when something fails, and clears when
// it is repaired.
func TestFaultsFireAlertsAndRepairsClearThem(t *testing.T) {
	m := startMonitor(t)
	t.Run("faults", func(t *testing.T) {
		for name, fault := range map[string]func(*testing.T, *monitor, string){
			"edge-proxy": nodeEnds, "outage": upstreamFails, "revoked": keyIsRevoked, "missing": upstreamFailsAtTheStart, "store": redisFails,
			"split": twoStores, "foreign": leaseIsTaken, "behind": nodeIsBehind, "configuration": configurationIsWrong, "roll-out": rolloutStops, "slow": requestsAreSlow,
			"late": changesAreLate, "reports": reportsAreRefused, "expensive": conditionIsExpensive, "certificate": certificateEnds,
			"panic": handlerPanics, "emergency": measureIsForgotten,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				fault(t, m, name)
			})
		}
	})
	for _, r := range readRules(t) {
		name := r.Alert + "/" + r.Labels["severity"]
		if !m.fired[name] && !t.Failed() {
			t.Errorf("no fault makes %s fire and clear", name)
		}
	}
}

// one starts an upstream with one environment and a node for it.
func one(t *testing.T, more map[string]any) (*harness.Upstream, *node) {
	t.Helper()
	u := harness.StartUpstream(t)
	config := u.Serve(t, environment(shop, time.Now().Add(-time.Hour), plain))
	for key, value := range more {
		config[key] = value
	}
	n := start(t, config)
	n.WaitReady(t)
	return u, n
}

func nodeEnds(t *testing.T, m *monitor, job string) {
	_, n := one(t, nil)
	m.watch(t, job, n)
	n.end(t)
	m.fire(t, job, "EdgeProxyDown/page")
	n.begin(t)
	m.clear(t, job, "EdgeProxyDown/page")
}

func upstreamFails(t *testing.T, m *monitor, job string) {
	u, n := one(t, nil)
	m.watch(t, job, n)
	fail(t, u, fakeflagsmith.EveryDocument, 503)
	alerts := []string{"EdgeProxyDocumentAging/ticket", "EdgeProxyDocumentStale/page", "EdgeProxyNotReady/page"}
	m.fire(t, job, alerts...)
	fail(t, u, fakeflagsmith.EveryDocument, 0)
	m.clear(t, job, alerts...)
}

func keyIsRevoked(t *testing.T, m *monitor, job string) {
	u := harness.StartUpstream(t)
	both := start(t, u.Serve(t, environment(shop, time.Now(), plain), environment(warehouse, time.Now(), plain)))
	single := start(t, u.Serve(t, environment(shop, time.Now(), plain)))
	both.WaitReady(t)
	m.watch(t, job, both, single)
	fail(t, u, fakeflagsmith.DocumentOf(warehouse), 403)
	alerts := []string{"EdgeProxyUpstreamRefusesKey/ticket", "EdgeProxyNotReady/ticket"}
	m.fire(t, job, alerts...)
	fail(t, u, fakeflagsmith.DocumentOf(warehouse), 0)
	m.clear(t, job, alerts...)
}

func upstreamFailsAtTheStart(t *testing.T, m *monitor, job string) {
	u := harness.StartUpstream(t)
	config := u.Serve(t, environment(shop, time.Now(), plain))
	fail(t, u, fakeflagsmith.EveryDocument, 503)
	n := start(t, config)
	m.watch(t, job, n)
	traffic(t, func(ctx context.Context) error { return n.ask(ctx, shop, "/api/v1/flags/", nil) })
	alerts := []string{"EdgeProxyEnvironmentMissing/page", "EdgeProxyErrorBudgetBurn/page", "EdgeProxyErrorBudgetBurn/ticket"}
	m.fire(t, job, alerts...)
	fail(t, u, fakeflagsmith.EveryDocument, 0)
	m.clear(t, job, alerts...)
}

// Redis hangs, comes back, dies and is replaced.
func redisFails(t *testing.T, m *monitor, job string) {
	r := startRedis(t, harness.FreePort(t))
	_, n := one(t, map[string]any{"store": map[string]any{"url": r.url}})
	m.watch(t, job, n)
	r.signal(t, syscall.SIGSTOP)
	m.fire(t, job, "EdgeProxyStoreDown/ticket")
	r.signal(t, syscall.SIGCONT)
	m.clear(t, job, "EdgeProxyStoreDown/ticket")
	r.signal(t, syscall.SIGKILL)
	m.fire(t, job, "EdgeProxyStoreDown/ticket")
	startRedis(t, r.port)
	m.clear(t, job, "EdgeProxyStoreDown/ticket")
}

func twoStores(t *testing.T, m *monitor, job string) {
	first, second := startRedis(t, harness.FreePort(t)), startRedis(t, harness.FreePort(t))
	u := harness.StartUpstream(t)
	config := u.Serve(t, environment(shop, time.Now(), plain))
	config["store"] = map[string]any{"url": first.url}
	a := start(t, config)
	config["store"] = map[string]any{"url": second.url}
	b := start(t, config)
	m.watch(t, job, a, b)
	m.fire(t, job, "EdgeProxyTwoLeaders/ticket")
	b.end(t)
	b.config["store"] = map[string]any{"url": first.url}
	b.begin(t)
	m.clear(t, job, "EdgeProxyTwoLeaders/ticket")
}

func leaseIsTaken(t *testing.T, m *monitor, job string) {
	r := startRedis(t, harness.FreePort(t))
	_, n := one(t, map[string]any{"store": map[string]any{"url": r.url}})
	m.watch(t, job, n)
	client := r.client(t)
	var leases string // the hash that has them all
	wait.Until(t, patience, "the lease", func() bool {
		names, err := client.Keys(t.Context(), "*:leases").Result()
		if err != nil || len(names) != 1 {
			return false
		}
		leases = names[0]
		held, err := client.HExists(t.Context(), leases, shop).Result()
		return err == nil && held
	})
	// See the format in adapters/store/redis/leases.go: a holder of 13 bytes, for days.
	if err := client.HSet(t.Context(), leases, shop, "600000000 13 another fleet").Err(); err != nil {
		t.Fatal(err)
	}
	m.fire(t, job, "EdgeProxyNoLeader/ticket")
	if err := client.HDel(t.Context(), leases, shop).Err(); err != nil {
		t.Fatal(err)
	}
	m.clear(t, job, "EdgeProxyNoLeader/ticket")
}

func nodeIsBehind(t *testing.T, m *monitor, job string) {
	u, a := one(t, nil)
	other, b := one(t, nil)
	m.watch(t, job, a, b)
	changed := environment(shop, time.Now(), plain)
	put(t, u, changed)
	m.fire(t, job, "EdgeProxyFleetDisagrees/ticket")
	put(t, other, changed)
	m.clear(t, job, "EdgeProxyFleetDisagrees/ticket")
}

// The configuration is invalid; then it is valid, but takes a restart.
func configurationIsWrong(t *testing.T, m *monitor, job string) {
	_, n := one(t, nil)
	m.watch(t, job, n)
	n.reload(t, "api_poll_frequency_seconds", "often")
	m.fire(t, job, "EdgeProxyConfigRejected/ticket")
	n.reload(t, "api_poll_frequency_seconds", 1)
	m.clear(t, job, "EdgeProxyConfigRejected/ticket")
	n.reload(t, "store", map[string]any{"url": "bolt:" + t.TempDir() + "/store"})
	m.fire(t, job, "EdgeProxyRestartNeeded/ticket")
	n.reload(t, "api_poll_frequency_seconds", 1)
	m.clear(t, job, "EdgeProxyRestartNeeded/ticket")
}

// A roll-out of a new configuration stops, and is then completed: the old node ends. Nodes
// on one machine never have the same configuration, since their ports differ.
func rolloutStops(t *testing.T, m *monitor, job string) {
	_, before := one(t, nil)
	_, after := one(t, nil)
	m.watch(t, job, before, after)
	m.fire(t, job, "EdgeProxyConfigDrift/ticket")
	before.end(t)
	m.clear(t, job, "EdgeProxyConfigDrift/ticket")
}

// Clients send the bodies of their requests slowly.
func requestsAreSlow(t *testing.T, m *monitor, job string) {
	_, n := one(t, nil)
	m.watch(t, job, n)
	stop := traffic(t, func(ctx context.Context) error {
		body, writer := io.Pipe()
		go func() {
			_, _ = io.WriteString(writer, `{"identifier":`) // the request reports if it fails
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
			_, _ = io.WriteString(writer, `"user"}`)
			_ = writer.Close()
		}()
		return n.ask(ctx, shop, "/api/v1/identities/", body)
	})
	m.fire(t, job, "EdgeProxySlow/ticket")
	stop()
	m.clear(t, job, "EdgeProxySlow/ticket")
}

// Flagsmith's API has a change only half a minute after it was made.
func changesAreLate(t *testing.T, m *monitor, job string) {
	u, n := one(t, nil)
	m.watch(t, job, n)
	put(t, u, environment(shop, time.Now().Add(-30*time.Second), plain))
	m.fire(t, job, "EdgeProxyPropagationSlow/ticket")
	m.clear(t, job, "EdgeProxyPropagationSlow/ticket")
}

func reportsAreRefused(t *testing.T, m *monitor, job string) {
	u := harness.StartUpstream(t)
	put(t, u, environment(shop, time.Now(), plain))
	if err := u.PutDiscovery(t.Context(), fakeflagsmith.Discovery{ProxyKey: proxyKey, Environments: []fakeflagsmith.DiscoveredEnvironment{
		{ClientKey: shop, ServerKeys: []fakeflagsmith.DiscoveredServerKey{{Key: "ser." + shop + "_4711", Active: true}}},
	}}); err != nil {
		t.Fatal(err)
	}
	fail(t, u, fakeflagsmith.ProxyUsage, 400)
	n := start(t, map[string]any{"api_url": u.APIURL(), "proxy_key": proxyKey, "usage_flush_interval_seconds": 0.2})
	n.WaitReady(t)
	m.watch(t, job, n)
	if err := n.ask(t.Context(), shop, "/api/v1/flags/", nil); err != nil {
		t.Fatal(err)
	}
	m.fire(t, job, "EdgeProxyReportsDropped/ticket")
	fail(t, u, fakeflagsmith.ProxyUsage, 0)
	m.clear(t, job, "EdgeProxyReportsDropped/ticket")
}

// One evaluation backtracks until its budget of steps is used up.
func conditionIsExpensive(t *testing.T, m *monitor, job string) {
	u := harness.StartUpstream(t)
	n := start(t, u.Serve(t, environment(shop, time.Now(), `{"operator":"REGEX","property_":"t","value":"(a+)+\\1$"}`)))
	n.WaitReady(t)
	m.watch(t, job, n)
	body := `{"identifier":"user","traits":[{"trait_key":"t","trait_value":"` + strings.Repeat("a", 1999) + `b"}]}`
	if err := n.ask(t.Context(), shop, "/api/v1/identities/", strings.NewReader(body)); err != nil {
		t.Fatal(err)
	}
	m.fire(t, job, "EdgeProxyConditionLimit/ticket")
	m.clear(t, job, "EdgeProxyConditionLimit/ticket")
}

// The certificate ends within an hour; then it is renewed.
func certificateEnds(t *testing.T, m *monitor, job string) {
	authority, dir := certificates.NewAuthority(t, "Test"), t.TempDir()
	issue := func(valid time.Duration) (cert, key string) {
		return authority.Issue(t, certificates.Leaf{Names: []string{"127.0.0.1"}, NotAfter: time.Now().Add(valid)}).Write(t, dir)
	}
	cert, key := issue(time.Hour)
	config := harness.StartUpstream(t).Serve(t, environment(shop, time.Now(), plain))
	config["server"] = map[string]any{"host": "127.0.0.1", "drain_delay_seconds": 0, "tls": map[string]any{"cert_file": cert, "key_file": key}}
	n := start(t, config)
	m.watch(t, job, n)
	alerts := []string{"EdgeProxyCertificateExpires/page", "EdgeProxyCertificateExpires/ticket"}
	m.fire(t, job, alerts...)
	issue(90 * 24 * time.Hour)
	n.Signal(t, syscall.SIGHUP)
	m.clear(t, job, alerts...)
}

// An operator overrides a feature, and forgets it for four hours.
func measureIsForgotten(t *testing.T, m *monitor, job string) {
	const token = "a_token_for_the_tests"
	u := harness.StartUpstream(t)
	n := startWith(t, u.Serve(t, environment(shop, time.Now(), plain)), map[string]any{"token": token})
	n.WaitReady(t)
	m.watch(t, job, n)
	override := n.admin + "/environments/" + shop + "/overrides/a"
	act(t, http.MethodPut, override, token, `{"enabled":false,"for":"8h","reason":"the fault run"}`)
	m.fire(t, job, "EdgeProxyEmergencyMeasure/info")
	act(t, http.MethodDelete, override, token, "")
	m.clear(t, job, "EdgeProxyEmergencyMeasure/info")
}

// act has an action done.
func act(t *testing.T, method, url, token, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s %s is answered %s, %v\n%s", method, url, answer.Status, err, text)
	}
}

// A handler panics: that of the interface on an application that is broken. No request is
// known that makes the program itself panic, so that the interface and its metrics run in
// the test.
func handlerPanics(t *testing.T, m *monitor, job string) {
	observed := metrics.New(metrics.Options{})
	api, err := httpapi.New(httpapi.Options{Query: broken{}, Observer: observed.Requests()})
	if err != nil {
		t.Fatal(err)
	}
	observed.Add(metrics.Value(metrics.Panics, func() int64 { return api.Stats().Panics }))
	admin := httptest.NewServer(observed.Handler())
	t.Cleanup(admin.Close)
	m.watch(t, job, &node{admin: admin.URL})
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/api/v1/flags/", nil)
	r.Header.Set("X-Environment-Key", shop)
	api.ServeHTTP(w, r)
	if w.Code != http.StatusInternalServerError {
		t.Fatalf("the panic is answered %d", w.Code)
	}
	m.fire(t, job, "EdgeProxyPanics/ticket")
	m.clear(t, job, "EdgeProxyPanics/ticket")
}

// broken is an application that panics when it is asked.
type broken struct{ app.Query }

func (broken) Snapshot() *app.Snapshot { panic("of the test") }
