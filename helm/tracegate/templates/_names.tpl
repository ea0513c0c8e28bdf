{{- define "tracegate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "tracegate.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "tracegate.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{/* What the pods are for. */}}
{{- define "tracegate.role" -}}
{{- if .Values.role }}
{{- .Values.role }}
{{- else if eq .Values.mode "daemonset" }}
{{- "agent" }}
{{- else }}
{{- "gateway" }}
{{- end }}
{{- end }}

{{- define "tracegate.mode" -}}
{{- $usual := dict "agent" "daemonset" "gateway" "deployment" "sampler" "statefulset" }}
{{- default (get $usual (include "tracegate.role" .)) .Values.mode }}
{{- end }}

{{- define "tracegate.kind" -}}
{{- get (dict "daemonset" "DaemonSet" "deployment" "Deployment" "statefulset" "StatefulSet") (include "tracegate.mode" .) }}
{{- end }}

{{- define "tracegate.selectorLabels" -}}
app.kubernetes.io/name: {{ include "tracegate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: {{ include "tracegate.role" . }}
{{- end }}

{{- define "tracegate.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "tracegate.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.additionalLabels }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end }}

{{/* `metadata` of an object: `ctx`, and what differs: `suffix`, `name`, `annotations`, `labels`, `global`. */}}
{{- define "tracegate.metadata" -}}
{{- $ctx := .ctx -}}
metadata:
  name: {{ default (printf "%s%s" (include "tracegate.fullname" $ctx) (default "" .suffix)) .name }}
  {{- if not .global }}
  namespace: {{ include "tracegate.namespace" $ctx }}
  {{- end }}
  labels:
    {{- include "tracegate.labels" $ctx | nindent 4 }}
    {{- range $key, $value := .labels }}
    {{ $key }}: {{ tpl (toString $value) $ctx | quote }}
    {{- end }}
  {{- if .annotations }}
  annotations:
    {{- range $key, $value := .annotations }}
    {{ $key }}: {{ tpl (toString $value) $ctx | quote }}
    {{- end }}
  {{- end }}
{{- end }}

{{- define "tracegate.serviceAccountName" -}}
{{- $created := ternary (include "tracegate.fullname" .) "default" .Values.serviceAccount.create }}
{{- default $created .Values.serviceAccount.name }}
{{- end }}

{{/* Whether pods may ask the Kubernetes API. */}}
{{- define "tracegate.mountsToken" -}}
{{- $given := .Values.serviceAccount.automountServiceAccountToken }}
{{- kindIs "invalid" $given | ternary .Values.clusterRole.create $given }}
{{- end }}

{{/* The image, as the kubelet pulls it. */}}
{{- define "tracegate.image" -}}
{{- $registry := default (get (default dict .Values.global) "imageRegistry") .Values.image.registry }}
{{- $name := .Values.image.repository }}
{{- if $registry }}{{ $name = printf "%s/%s" (trimSuffix "/" $registry) $name }}{{ end }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $name .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $name (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* Replicas, or nothing where something else counts them. */}}
{{- define "tracegate.replicas" -}}
{{- if not .Values.autoscaling.enabled }}
{{- kindIs "invalid" .Values.replicaCount | ternary 1 .Values.replicaCount }}
{{- end }}
{{- end }}
