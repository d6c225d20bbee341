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
{{- with .Values.tls -}}
{{- if .secretName -}}
{{- $directory := include "edge-proxy.tlsDirectory" $ -}}
{{- $tls := dict "cert_file" (printf "%s/tls.crt" $directory) "key_file" (printf "%s/tls.key" $directory) -}}
{{- if ne .clientAuth "none" -}}
{{- $_ := set $tls "client_auth" .clientAuth -}}
{{- $_ := set $tls "client_ca_file" (printf "%s/%s" $directory .clientCAEntry) -}}
{{- end -}}
{{- $server := dict "http_port" (int .httpPort) "tls" $tls -}}
{{- $_ := set $config "server" (merge $server (default dict $config.server)) -}}
{{- end -}}
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
{{- range tuple "admin.host" "admin.port" "admin.tls.cert_file" "admin.tls.client_auth" "admin.tls.client_ca_file" "admin.tls.key_file" "admin.tls.min_version" "api_tls.ca_file" "api_tls.cert_file" "api_tls.key_file" "api_url" "events.url" "metrics.enabled" "metrics.features" "metrics.max_environments" "metrics.native_histograms" "realtime_url" "server.fast_path" "server.host" "server.http_port" "server.max_connections" "server.max_header_bytes" "server.max_inflight_bytes" "server.port" "server.read_header_timeout_seconds" "server.read_timeout_seconds" "server.timeout_keep_alive" "server.tls.cert_file" "server.tls.client_auth" "server.tls.client_ca_file" "server.tls.key_file" "server.tls.min_version" "server.unix_socket" "server.write_timeout_seconds" "store.prefix" "store.url" "tracing.ratio" "tracing.sampled_by_parent" "tracing.slow_seconds" -}}
{{- $value := $config -}}
{{- range splitList "." . -}}
{{- $value = kindIs "map" $value | ternary (get (kindIs "map" $value | ternary $value dict) .) "" -}}
{{- end -}}
{{- $_ := set $kept . $value -}}
{{- end -}}
{{- toJson $kept -}}
{{- else -}}
{{- toJson $config -}}
{{- end -}}
{{- end -}}
