package chart_test

import (
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
)

// good is the minimum that a release needs.
const good = "existingSecret: edge-proxy\n"

func TestLeastValues(t *testing.T) {
	if _, _, err := template(t, read(t, good)); err != nil {
		t.Error(err)
	}
}

func read(t *testing.T, text string) common.Values {
	t.Helper()
	values, err := common.ReadValues([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// "helm lint" refuses what the schema refuses.
func TestRefusedBySchema(t *testing.T) {
	for _, tt := range []struct{ values, want string }{
		{"replica: 3", "'replica'"},
		{"replicas: two", "replicas"},
		{"store: {mode: etcd}", "memory"},
		{"store: {mode: bbolt, bbolt: {size: big}}", "/store/bbolt/size"},
		{"config: {api_url: flagsmith.example.com}", "/config/api_url"},
		{"config: {server: {port: 80}}", "/config/server/port"},
		{"config: {server: {drain_delay_seconds: -1}}", "/config/server/drain_delay_seconds"},
		{"environments: [{clientSideKey: '', serverSideKeyEntry: shop}]", "/environments/0/clientSideKey"},
		{"environments: [{clientSideKey: shop}]", "serverSideKeyEntry"},
		{"environments: [{clientSideKey: shop, serverSideKeyEntry: ../shop}]", "/environments/0/serverSideKeyEntry"},
		{"image: {tag: 1.0}", "/image/tag"},
		{"image: {digest: 'sha256:1'}", "/image/digest"},
		{"podDisruptionBudget: {maxUnavailable: 0}", "/podDisruptionBudget/maxUnavailable"},
		{"probes: {readiness: {path: /}}", "'path'"},
		{"resources: {limits: {memory: 512MB}}", "/resources/limits/memory"},
		{"extraEnv: [{name: WEB_CONCURRENCY, value: 2}]", "/extraEnv/0/value"},
		{"networkPolicy: {redisPorts: []}", "/networkPolicy/redisPorts"},
		{"ingress: {paths: [api]}", "/ingress/paths/0"},
		{"lifecycle: {preStop: {exec: {command: [sleep, '5']}}}", "/lifecycle/preStop"},
		{"httpRoute: {parentRefs: [{namespace: gateways}]}", "/httpRoute/parentRefs/0"},
		{"topologySpreadConstraints: [{topologyKey: zone}]", "/topologySpreadConstraints/0"},
		{"autoscaling: {requests: {target: many}}", "/autoscaling/requests/target"},
		{"extraVolumes: {name: trust}", "/extraVolumes"},
		{"metrics: {podMonitor: {interval: often}}", "/metrics/podMonitor/interval"},
		{"metrics: {prometheusRule: {labels: {team: 1}}}", "/metrics/prometheusRule/labels/team"},
		{"metrics: {rules: true}", "'rules'"},
	} {
		t.Run(tt.values, func(t *testing.T) {
			values := merged(t, tt.values)
			if _, _, err := template(t, values); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("template: %v, want %s", err, tt.want)
			}
			if got := complaints(values); !strings.Contains(got, tt.want) {
				t.Errorf("lint: %s, want %s", got, tt.want)
			}
		})
	}
}

// merged returns the good values, overlaid with others.
func merged(t *testing.T, text string) common.Values {
	t.Helper()
	values := read(t, good)
	for key, value := range read(t, text) {
		if inner, ok := value.(map[string]any); ok {
			if below, ok := values[key].(map[string]any); ok {
				for k, v := range inner {
					below[k] = v
				}
				continue
			}
		}
		values[key] = value
	}
	return values
}

func complaints(values common.Values) string {
	var found strings.Builder
	for _, message := range lint.RunAll(directory, values, "shop").Messages {
		if message.Severity == support.ErrorSev {
			found.WriteString(message.Error() + "\n")
		}
	}
	return found.String()
}

func TestRefusedByTemplate(t *testing.T) {
	const key = "ser.key_of_the_shop_4711"
	for _, tt := range []struct{ values, want string }{
		{"image: {repository: ''}", "image.repository is empty"},
		{"existingSecret: ''", "existingSecret is required"},
		{"secretKeys: {environmentKeyPairs: ''}", "no environments"},
		{"config: {environment_key_pairs: []}", "config.environment_key_pairs has secrets"},
		{"config: {comment: " + key + "}", "server-side key in the values"},
		{"environments: [{clientSideKey: " + key + ", serverSideKeyEntry: shop}]", "server-side key in the values"},
		{"extraEnv: [{name: A, value: " + key + "}]", "server-side key in the values"},
		{"config: {proxy_key: hidden_text}", "config.proxy_key is a secret"},
		{"config: {webhook: {secret: hidden_text}}", "config.webhook.secret is a secret"},
		{"config: {store: {url: 'redis://:hidden_text@redis'}}", "config.store.url follows from store.mode"},
		{"config: {api_url: 'https://me:hidden_text@flagsmith'}", "config.api_url has a password"},
		{"extraEnv: [{name: webhook_secret, value: hidden_text}]", "extraEnv has webhook_secret"},
		{"{store: {mode: redis}, secretKeys: {storeURL: ''}}", "store.mode redis needs secretKeys.storeURL"},
		{"ingress: {enabled: true}", "ingress.host is required"},
		{"extraObjects: [{kind: Secret, stringData: {key: " + key + "}}]", "server-side key in the values"},
		{"autoscaling: {minReplicas: 20}", "minReplicas is above"},
		{"httpRoute: {enabled: true}", "httpRoute.parentRefs is required"},
		{"autoscaling: {targetCPUUtilizationPercentage: 0}", "autoscaling needs a measure"},
		{"{metrics: {podMonitor: {enabled: true}, serviceMonitor: {enabled: true}}}", "enable one of them"},
		{"{metrics: {podMonitor: {enabled: true}}}", "need networkPolicy.adminFrom"},
		{"{metrics: {serviceMonitor: {enabled: true}}, config: {admin: {port: 0}}}", "need the admin port"},
		{"resources: {requests: {cpu: null}}", "autoscaling needs resources.requests.cpu"},
	} {
		t.Run(tt.values, func(t *testing.T) {
			_, _, err := template(t, merged(t, tt.values))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("%v, want %s", err, tt.want)
			}
			if text := err.Error(); strings.Contains(text, key) || strings.Contains(text, "hidden_text") {
				t.Errorf("the secret is in the error: %v", err)
			}
		})
	}
}
