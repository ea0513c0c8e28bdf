{{/* The names that have a meaning: opened where the configuration listens. */}}
{{- define "tracegate.knownPorts" -}}
otlp otlp-http jaeger-compact jaeger-binary jaeger-thrift jaeger-grpc zipkin metrics
{{- end }}

{{/* The ports that are open, as a map of their values with `hostPort` resolved. */}}
{{- define "tracegate.openPorts" -}}
{{- $known := splitList " " (include "tracegate.knownPorts" .) }}
{{- $listening := splitList " " (include "tracegate.listening" .) }}
{{- $agent := eq (include "tracegate.mode" .) "daemonset" }}
{{- $monitored := or .Values.serviceMonitor.enabled .Values.podMonitor.enabled }}
{{- $open := dict }}
{{- range $name, $port := .Values.ports }}
{{- if $port }}
{{- $port = deepCopy $port }}
{{- $wanted := $port.enabled }}
{{- $number := int $port.containerPort }}
{{- if kindIs "invalid" $wanted }}
{{- $wanted = and (has $name $known) (or $monitored (ne $name "metrics")) }}
{{- if not $.Values.configMap.create }}{{ $wanted = and $wanted (has $name (list "otlp" "otlp-http" "metrics")) }}{{ end }}
{{- end }}
{{- if and $wanted (has $name $known) $.Values.configMap.create }}
{{- $wanted = has (toString $number) $listening }}
{{- end }}
{{- if $wanted }}
{{- $host := get $port "hostPort" | default 0 }}
{{- if and $.Values.presets.hostPorts.enabled (not $host) }}{{ $host = $number }}{{ end }}
{{- $_ := set $port "hostPort" ($agent | ternary (int $host) 0) }}
{{- $_ := set $port "containerPort" $number }}
{{- $_ := set $port "servicePort" (get $port "servicePort" | default $number | int) }}
{{- $_ := set $port "protocol" (get $port "protocol" | default "TCP") }}
{{- $_ := set $open $name $port }}
{{- end }}
{{- end }}
{{- end }}
{{- toYaml $open }}
{{- end }}

{{- define "tracegate.containerPorts" -}}
{{- range $name, $port := include "tracegate.openPorts" . | fromYaml }}
- name: {{ $name }}
  containerPort: {{ $port.containerPort }}
  protocol: {{ $port.protocol }}
  {{- if $port.hostPort }}
  hostPort: {{ $port.hostPort }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "tracegate.servicePorts" -}}
{{- $nodePorts := has .Values.service.type (list "NodePort" "LoadBalancer") }}
{{- range $name, $port := include "tracegate.openPorts" . | fromYaml }}
- name: {{ $name }}
  port: {{ $port.servicePort }}
  targetPort: {{ $name }}
  protocol: {{ $port.protocol }}
  {{- with $port.appProtocol }}
  appProtocol: {{ . }}
  {{- end }}
  {{- if and $nodePorts $port.nodePort }}
  nodePort: {{ $port.nodePort }}
  {{- end }}
{{- end }}
{{- end }}

{{/* "true" if there is a Service. */}}
{{- define "tracegate.hasService" -}}
{{- $wanted := .Values.service.enabled }}
{{- if or (kindIs "invalid" $wanted) .Values.ingress.enabled .Values.httproute.enabled }}{{ $wanted = true }}{{ end }}
{{- if and $wanted (include "tracegate.openPorts" . | fromYaml) }}true{{ end }}
{{- end }}

{{/* The families of addresses that the Service asks for. */}}
{{- define "tracegate.ipFamilies" -}}
{{- $dual := .Values.service.ipDualStack }}
{{- toYaml (.Values.service.ipFamilies | default ($dual.enabled | ternary $dual.ipFamilies list)) }}
{{- end }}

{{- define "tracegate.podIPFamily" -}}
{{- $families := include "tracegate.ipFamilies" . | fromYamlArray }}
{{- .Values.podIPFamily | default (first $families) | default "IPv4" }}
{{- end }}

{{/* The lower half of a Service's `spec`, but for its type and ports. */}}
{{- define "tracegate.serviceFamilies" -}}
{{- $dual := .Values.service.ipDualStack }}
{{- with .Values.service.ipFamilyPolicy | default ($dual.enabled | ternary $dual.ipFamilyPolicy "") }}
ipFamilyPolicy: {{ . }}
{{- end }}
{{- with include "tracegate.ipFamilies" . | fromYamlArray }}
ipFamilies: {{ toJson . }}
{{- end }}
{{- end }}
