{{- /* How Prometheus scrapes a pod: the name of the release is the job, as the alerts expect. */ -}}
{{- define "edge-proxy.scrape" -}}
path: /metrics
{{- with .interval }}
interval: {{ . }}
{{- end }}
relabelings:
  - targetLabel: job
    replacement: {{ .job }}
{{- end -}}
