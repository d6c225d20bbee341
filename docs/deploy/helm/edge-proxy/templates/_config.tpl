{{- /* The settings of config.json: those of the values and those that the chart adds. */ -}}
{{- define "edge-proxy.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- if .Values.environments -}}
{{- $pairs := list -}}
{{- range .Values.environments -}}
{{- $file := printf "%s/%s" (include "edge-proxy.secretsDirectory" $) .serverSideKeyEntry -}}
{{- $pairs = append $pairs (dict "client_side_key" .clientSideKey "server_side_key" (dict "file" $file)) -}}
{{- end -}}
{{- $_ := set $config "environment_key_pairs" $pairs -}}
{{- end -}}
{{- if eq .Values.store.mode "bbolt" -}}
{{- $url := printf "bolt://%s/documents.db" (include "edge-proxy.storeDirectory" .) -}}
{{- $_ := set $config "store" (merge (dict "url" $url) (default dict $config.store)) -}}
{{- end -}}
{{- toPrettyJson $config -}}
{{- end -}}

{{- /*
The settings that need a restart, as JSON: with server.reload those that the proxy
cannot apply while it runs, and otherwise all.
*/ -}}
{{- define "edge-proxy.restartSettings" -}}
{{- $config := include "edge-proxy.config" . | fromJson -}}
{{- if dig "server" "reload" false $config -}}
{{- $kept := dict -}}
{{- range tuple "admin.host" "admin.port" "api_url" "events.url" "realtime_url" "server.host" "server.port" "server.timeout_keep_alive" "server.fast_path" "server.max_inflight_bytes" "server.max_connections" "server.max_header_bytes" "server.read_header_timeout_seconds" "server.read_timeout_seconds" "server.write_timeout_seconds" "store.url" "store.prefix" -}}
{{- $parts := splitList "." . -}}
{{- $value := get $config (first $parts) -}}
{{- if and (eq (len $parts) 2) (kindIs "map" $value) -}}
{{- $value = get $value (last $parts) -}}
{{- end -}}
{{- $_ := set $kept . $value -}}
{{- end -}}
{{- toJson $kept -}}
{{- else -}}
{{- toJson $config -}}
{{- end -}}
{{- end -}}
