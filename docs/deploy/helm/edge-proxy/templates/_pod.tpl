{{- define "edge-proxy.podTemplate" -}}
metadata:
  labels:
    {{- include "edge-proxy.selectorLabels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # Changes with the settings that need a restart, so that the pods roll.
    checksum/restart: {{ include "edge-proxy.restartSettings" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "edge-proxy.fullname" . }}
  automountServiceAccountToken: false
  # Kubernetes would make variables for services that look like settings.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "edge-proxy.terminationGracePeriodSeconds" . }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    # Makes the mounted files readable and the store's volume writable.
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  {{- with .Values.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: edge-proxy
      image: {{ include "edge-proxy.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      ports:
        - name: http
          containerPort: {{ include "edge-proxy.port" . }}
          protocol: TCP
        {{- if .Values.tls.secretName }}
        # Without TLS, for probes. Not in the Service.
        - name: plain
          containerPort: {{ .Values.tls.httpPort }}
          protocol: TCP
        {{- end }}
        {{- with include "edge-proxy.adminPort" . | int }}
        # For operators. Not in the Service.
        - name: admin
          containerPort: {{ . }}
          protocol: TCP
        {{- end }}
      env:
        {{- include "edge-proxy.env" . | nindent 8 }}
      startupProbe:
        httpGet:
          path: /proxy/health/liveness
          port: {{ include "edge-proxy.probePort" . }}
        {{- toYaml .Values.probes.startup | nindent 8 }}
      # Not readiness: while Flagsmith is away, it would end pods that still serve
      # their documents.
      livenessProbe:
        httpGet:
          path: /proxy/health/liveness
          port: {{ include "edge-proxy.probePort" . }}
        {{- toYaml .Values.probes.liveness | nindent 8 }}
      readinessProbe:
        httpGet:
          path: /proxy/health/readiness
          port: {{ include "edge-proxy.probePort" . }}
        {{- toYaml .Values.probes.readiness | nindent 8 }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      {{- with .Values.lifecycle }}
      lifecycle:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        # Directories: single files, mounted by subPath, would not follow changes.
        - name: config
          mountPath: /app
          readOnly: true
        - name: secrets
          mountPath: {{ include "edge-proxy.secretsDirectory" . }}
          readOnly: true
        {{- if .Values.tls.secretName }}
        - name: tls
          mountPath: {{ include "edge-proxy.tlsDirectory" . }}
          readOnly: true
        {{- end }}
        {{- if eq .Values.store.mode "bbolt" }}
        - name: documents
          mountPath: {{ include "edge-proxy.storeDirectory" . }}
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ include "edge-proxy.fullname" . }}
        defaultMode: 0440
    - name: secrets
      secret:
        secretName: {{ .Values.existingSecret }}
        defaultMode: 0440
    {{- with .Values.tls.secretName }}
    - name: tls
      secret:
        secretName: {{ . }}
        defaultMode: 0440
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- range . }}
    {{- $constraint := deepCopy . }}
    {{- if not (hasKey . "labelSelector") }}
    {{- $_ := set $constraint "labelSelector" (dict "matchLabels" (include "edge-proxy.selectorLabels" $ | fromYaml)) }}
    {{- end }}
    {{- toYaml (list $constraint) | nindent 4 }}
    {{- end }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "edge-proxy.env" -}}
{{- $env := list -}}
{{- $files := dict -}}
{{- if not .Values.environments -}}
{{- $_ := set $files "ENVIRONMENT_KEY_PAIRS_FILE" .Values.secretKeys.environmentKeyPairs -}}
{{- end -}}
{{- if eq .Values.store.mode "redis" -}}
{{- $_ := set $files "STORE_URL_FILE" .Values.secretKeys.storeURL -}}
{{- end -}}
{{- $_ := set $files "WEBHOOK_SECRET_FILE" .Values.secretKeys.webhookSecret -}}
{{- $_ := set $files "PROXY_KEY_FILE" .Values.secretKeys.proxyKey -}}
{{- $_ := set $files "ADMIN_TOKEN_FILE" .Values.secretKeys.adminToken -}}
{{- $_ := set $files "HTTPS_PROXY_FILE" .Values.secretKeys.httpsProxy -}}
{{- range $name := keys $files | sortAlpha -}}
{{- with get $files $name -}}
{{- $env = append $env (dict "name" $name "value" (printf "%s/%s" (include "edge-proxy.secretsDirectory" $) .)) -}}
{{- end -}}
{{- end -}}
{{- with .Values.forwardedAllowIPs -}}
{{- $env = append $env (dict "name" "FORWARDED_ALLOW_IPS" "value" .) -}}
{{- end -}}
{{- toYaml (concat $env .Values.extraEnv) -}}
{{- end -}}
