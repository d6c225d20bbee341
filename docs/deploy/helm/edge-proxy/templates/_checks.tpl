{{- /* Checks of values that the schema cannot express. */ -}}
{{- define "edge-proxy.checks" -}}
{{- if not .Values.image.repository -}}
{{- fail "image.repository is empty: leave it out for the image of the release" -}}
{{- end -}}
{{- if not .Values.existingSecret -}}
{{- fail "existingSecret is required: the name of a Secret with the keys, which the chart does not create" -}}
{{- end -}}
{{- if regexMatch "\"ser\\.[^\"]" (toJson .Values) -}}
{{- fail "there is a server-side key in the values: put it into the Secret that existingSecret names" -}}
{{- end -}}
{{- $proxyKey := .Values.secretKeys.proxyKey -}}
{{- if not (or .Values.environments .Values.secretKeys.environmentKeyPairs $proxyKey) -}}
{{- fail "no environments: set environments, secretKeys.environmentKeyPairs or secretKeys.proxyKey" -}}
{{- end -}}
{{- if hasKey .Values.config "environment_key_pairs" -}}
{{- fail "config.environment_key_pairs has secrets: use environments, or secretKeys.environmentKeyPairs" -}}
{{- end -}}
{{- if hasKey .Values.config "proxy_key" -}}
{{- fail "config.proxy_key is a secret: use secretKeys.proxyKey" -}}
{{- end -}}
{{- if hasKey (default dict .Values.config.webhook) "secret" -}}
{{- fail "config.webhook.secret is a secret: use secretKeys.webhookSecret" -}}
{{- end -}}
{{- if hasKey (default dict .Values.config.admin) "token" -}}
{{- fail "config.admin.token is a secret: use secretKeys.adminToken" -}}
{{- end -}}
{{- if hasKey (default dict .Values.config.store) "url" -}}
{{- fail "config.store.url follows from store.mode: use that, and secretKeys.storeURL" -}}
{{- end -}}
{{- if or (dig "server" "tls" "cert_file" "" .Values.config) (dig "server" "tls" "key_file" "" .Values.config) -}}
{{- fail "config.server.tls has files: name their Secret in tls.secretName" -}}
{{- end -}}
{{- if and .Values.tls.secretName (eq (int .Values.tls.httpPort) (include "edge-proxy.port" . | int)) -}}
{{- fail "tls.httpPort is the same as config.server.port: each needs a port of its own" -}}
{{- end -}}
{{- if and (not .Values.tls.secretName) (ne .Values.tls.clientAuth "none") -}}
{{- fail "tls.clientAuth needs tls.secretName" -}}
{{- end -}}
{{- range tuple "api_url" "realtime_url" -}}
{{- if regexMatch "^[a-z0-9+]+://[^/]*@" (get $.Values.config . | toString) -}}
{{- fail (printf "config.%s has a password in it" .) -}}
{{- end -}}
{{- end -}}
{{- range .Values.extraEnv -}}
{{- if regexMatch "^(?i:environment_key_pairs|proxy_key|webhook_secret|admin_token|store_url)$" .name -}}
{{- fail (printf "extraEnv has %s, which is a secret: use secretKeys" .name) -}}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.store.mode "redis") (not .Values.secretKeys.storeURL) -}}
{{- fail "store.mode redis needs secretKeys.storeURL: the Secret's entry with the URL of Redis" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress.host is required: the host name at which applications reach the proxy" -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}
{{- fail "httpRoute.parentRefs is required: the Gateways through which applications reach the proxy" -}}
{{- end -}}
{{- $monitors := .Values.metrics -}}
{{- if and $monitors.serviceMonitor.enabled $monitors.podMonitor.enabled -}}
{{- fail "metrics.serviceMonitor and metrics.podMonitor would both scrape each pod: enable one of them" -}}
{{- end -}}
{{- if or $monitors.serviceMonitor.enabled $monitors.podMonitor.enabled -}}
{{- if not (include "edge-proxy.adminPort" . | int) -}}
{{- fail "metrics.serviceMonitor and metrics.podMonitor need the admin port: set config.admin.host to 0.0.0.0, and config.admin.port to a port other than 0" -}}
{{- end -}}
{{- if and .Values.networkPolicy.enabled (not .Values.networkPolicy.adminFrom) -}}
{{- fail "metrics.serviceMonitor and metrics.podMonitor need networkPolicy.adminFrom: the peers of a NetworkPolicy that are Prometheus" -}}
{{- end -}}
{{- end -}}
{{- if .Values.autoscaling.enabled -}}
{{- if gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas) -}}
{{- fail "autoscaling.minReplicas is above autoscaling.maxReplicas" -}}
{{- end -}}
{{- if not (or .Values.autoscaling.targetCPUUtilizationPercentage .Values.autoscaling.requests.target) -}}
{{- fail "autoscaling needs a measure: set autoscaling.targetCPUUtilizationPercentage or autoscaling.requests.target" -}}
{{- end -}}
{{- if and .Values.autoscaling.targetCPUUtilizationPercentage (not (dig "requests" "cpu" "" .Values.resources)) -}}
{{- fail "autoscaling needs resources.requests.cpu: utilisation is a share of it" -}}
{{- end -}}
{{- end -}}
{{- end -}}
