{{- define "edge-proxy.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "edge-proxy.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "edge-proxy.labels" -}}
{{ include "edge-proxy.selectorLabels" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "edge-proxy.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "edge-proxy.workloadKind" -}}
{{- if eq .Values.store.mode "bbolt" -}}StatefulSet{{- else -}}Deployment{{- end -}}
{{- end -}}

{{- define "edge-proxy.secretsDirectory" -}}/run/secrets/edge-proxy{{- end -}}

{{- define "edge-proxy.tlsDirectory" -}}/run/secrets/edge-proxy-tls{{- end -}}

{{- define "edge-proxy.storeDirectory" -}}/var/lib/edge-proxy{{- end -}}

{{- /* The port that the proxy listens on. */ -}}
{{- define "edge-proxy.port" -}}
{{- dig "server" "port" 8000 .Values.config | int -}}
{{- end -}}

{{- /* The name of the port that probes ask: the kubelet has no certificate. */ -}}
{{- define "edge-proxy.probePort" -}}
{{- if .Values.tls.secretName -}}plain{{- else -}}http{{- end -}}
{{- end -}}

{{- /* The port of the admin listener, 0 if other pods cannot reach it. */ -}}
{{- define "edge-proxy.adminPort" -}}
{{- if dig "admin" "host" "" .Values.config -}}
{{- dig "admin" "port" 8001 .Values.config | int -}}
{{- else -}}
0
{{- end -}}
{{- end -}}

{{- /*
Shutting down takes the drain delay, or the time to end polling if that is longer,
then one shutdown time-out for the requests and one for the store.
*/ -}}
{{- define "edge-proxy.terminationGracePeriodSeconds" -}}
{{- $drain := dig "server" "drain_delay_seconds" 3 .Values.config | float64 | ceil | int -}}
{{- $step := dig "server" "shutdown_timeout_seconds" 9 .Values.config | float64 | ceil | int -}}
{{- add (max $drain $step) (mul 2 $step) 2 -}}
{{- end -}}

{{- /* The port of a URL, "" if it has none. */ -}}
{{- define "edge-proxy.urlPort" -}}
{{- with . -}}
{{- $url := urlParse . -}}
{{- if regexMatch ":[0-9]+$" $url.host -}}
{{- regexFind "[0-9]+$" $url.host -}}
{{- else if eq $url.scheme "http" -}}80
{{- else if eq $url.scheme "https" -}}443
{{- end -}}
{{- end -}}
{{- end -}}
