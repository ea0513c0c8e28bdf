{{/* Metadata of the pods. */}}
{{- define "tracegate.podMetadata" -}}
{{- $checksum := eq .Values.reload "restart" }}
{{- if not (kindIs "invalid" .Values.enableConfigChecksumAnnotation) }}{{ $checksum = .Values.enableConfigChecksumAnnotation }}{{ end }}
{{- $checksum = and $checksum .Values.configMap.create }}
metadata:
  {{- if or $checksum .Values.podAnnotations }}
  annotations:
    {{- if $checksum }}
    checksum/config: {{ include "tracegate.config" . | sha256sum }}
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- tpl (toYaml .) $ | nindent 4 }}
    {{- end }}
  {{- end }}
  labels:
    {{- include "tracegate.selectorLabels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- tpl (toYaml .) $ | nindent 4 }}
    {{- end }}
{{- end }}

{{/* Whether a configuration is mounted. */}}
{{- define "tracegate.mounted" -}}
{{- if or .Values.configMap.create .Values.configMap.existingName }}true{{ end }}
{{- end }}

{{- define "tracegate.pod" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
serviceAccountName: {{ include "tracegate.serviceAccountName" . }}
automountServiceAccountToken: {{ include "tracegate.mountsToken" . }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
terminationGracePeriodSeconds: {{ (include "tracegate.shutdown" . | fromYaml).grace | int }}
{{- range $key := list "priorityClassName" "runtimeClassName" "schedulerName" "dnsPolicy" "hostNetwork" "shareProcessNamespace" }}
{{- with get $.Values $key }}
{{ $key }}: {{ . }}
{{- end }}
{{- end }}
{{- range $key := list "dnsConfig" "hostAliases" "nodeSelector" "affinity" "tolerations" "topologySpreadConstraints" }}
{{- with get $.Values $key }}
{{ $key }}:
  {{- tpl (toYaml .) $ | nindent 2 }}
{{- end }}
{{- end }}
{{- with .Values.initContainers }}
initContainers:
  {{- tpl (toYaml .) $ | nindent 2 }}
{{- end }}
containers:
  - name: tracegate
    {{- include "tracegate.container" . | nindent 4 }}
  {{- with .Values.extraContainers }}
  {{- tpl (toYaml .) $ | nindent 2 }}
  {{- end }}
{{- if or (include "tracegate.mounted" .) .Values.extraVolumes }}
volumes:
  {{- if include "tracegate.mounted" . }}
  - name: config
    {{- if .Values.configAsSecret }}
    secret:
      secretName: {{ include "tracegate.configName" . }}
      defaultMode: 0440
    {{- else }}
    configMap:
      name: {{ include "tracegate.configName" . }}
    {{- end }}
      items:
        - key: relay
          path: relay.yaml
  {{- end }}
  {{- with .Values.extraVolumes }}
  {{- tpl (toYaml .) $ | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "tracegate.container" -}}
{{- $stop := include "tracegate.shutdown" . | fromYaml -}}
image: {{ include "tracegate.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.command.name }}
command: [{{ printf "/%s" . | quote }}]
{{- end }}
args:
  {{- if include "tracegate.mounted" . }}
  - --config=/conf/relay.yaml
  {{- end }}
  {{- if eq .Values.reload "watch" }}
  - --watch
  {{- end }}
  - --shutdown-delay={{ int $stop.delay }}s
  - --shutdown-timeout={{ int $stop.timeout }}s
  {{- range .Values.command.extraArgs }}
  - {{ tpl . $ | quote }}
  {{- end }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "tracegate.containerPorts" . | trim }}
ports:
  {{- . | nindent 2 }}
{{- end }}
env:
  {{- include "tracegate.podIP" . | nindent 2 }}
  {{- with .Values.extraEnvs }}
  {{- tpl (toYaml .) $ | nindent 2 }}
  {{- end }}
{{- with .Values.extraEnvsFrom }}
envFrom:
  {{- tpl (toYaml .) $ | nindent 2 }}
{{- end }}
{{- with .Values.lifecycleHooks }}
lifecycle:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- range $probe := list "startupProbe" "livenessProbe" "readinessProbe" }}
{{- with get $.Values $probe }}
{{ $probe }}:
  {{- include "tracegate.probe" (dict "probe" . "ctx" $) | nindent 2 }}
{{- end }}
{{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.resizePolicy }}
resizePolicy:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if or (include "tracegate.mounted" .) .Values.extraVolumeMounts }}
volumeMounts:
  {{- if include "tracegate.mounted" . }}
  - name: config
    mountPath: /conf
    readOnly: true
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- tpl (toYaml .) $ | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* MY_POD_IP as listeners need it: an IPv6 address in brackets. */}}
{{- define "tracegate.podIP" -}}
{{- $plain := eq (include "tracegate.podIPFamily" .) "IPv4" -}}
- name: {{ $plain | ternary "MY_POD_IP" "MY_POD_IPV6" }}
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
{{- if not $plain }}
- name: MY_POD_IP
  value: "[$(MY_POD_IPV6)]"
{{- end }}
{{- end }}

{{/* A probe, asked where the health check listens unless it names a port. */}}
{{- define "tracegate.probe" -}}
{{- $probe := deepCopy .probe }}
{{- $health := include "tracegate.health" (include "tracegate.config" .ctx | fromYaml) | fromYaml }}
{{- with $probe.httpGet }}
{{- if not .port }}
{{- $_ := set . "port" ($health.port | default 13133 | int) }}
{{- if and $health.tls (not .scheme) }}{{ $_ := set . "scheme" "HTTPS" }}{{ end }}
{{- end }}
{{- end }}
{{- toYaml $probe }}
{{- end }}
