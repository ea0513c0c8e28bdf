{{/* What each role begins with. */}}
{{- define "tracegate.defaults" -}}
{{- $role := include "tracegate.role" . -}}
extensions:
  health_check:
    endpoint: ${env:MY_POD_IP}:13133
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: ${env:MY_POD_IP}:4317
      http:
        endpoint: ${env:MY_POD_IP}:4318
processors:
  memory_limiter:
    check_interval: 1s
    limit_percentage: 75
    spike_limit_percentage: 15
  batch: {}
  {{- if eq $role "sampler" }}
  tail_sampling:
    decision_wait: 10s
    num_traces: 100000
    policies:
      - name: errors
        type: status_code
        status_code: {status_codes: [ERROR]}
      - name: slow
        type: latency
        latency: {threshold_ms: 1000}
      - name: a-tenth
        type: probabilistic
        probabilistic: {sampling_percentage: 10}
  {{- end }}
exporters:
  debug: {}
service:
  extensions: [health_check]
  telemetry:
    metrics:
      readers:
        - pull:
            exporter:
              prometheus:
                host: ${env:MY_POD_IP}
                port: 8888
  pipelines:
    traces:
      receivers: [otlp]
      processors: {{ eq $role "sampler" | ternary "[memory_limiter, tail_sampling, batch]" "[memory_limiter, batch]" }}
      exporters: [debug]
    {{- if ne $role "sampler" }}
    metrics:
      receivers: [otlp]
      processors: [memory_limiter, batch]
      exporters: [debug]
    logs:
      receivers: [otlp]
      processors: [memory_limiter, batch]
      exporters: [debug]
    {{- end }}
{{- end }}

{{/* Lays the map `over` on the map `base`, in place: null takes away what `base` has, and stays where it has nothing. */}}
{{- define "tracegate.overlay" -}}
{{- $base := .base -}}
{{- range $key, $value := .over -}}
  {{- if and (kindIs "invalid" $value) (hasKey $base $key) -}}
    {{- $_ := unset $base $key -}}
  {{- else if and (kindIs "map" $value) (kindIs "map" (get $base $key)) -}}
    {{- include "tracegate.overlay" (dict "base" (get $base $key) "over" $value) -}}
  {{- else -}}
    {{- $_ := set $base $key $value -}}
  {{- end -}}
{{- end -}}
{{- end }}

{{/* The configuration as text, templates in it evaluated. Empty if it is not of this chart. */}}
{{- define "tracegate.config" -}}
{{- if .Values.configMap.create }}
{{- $config := deepCopy .Values.alternateConfig }}
{{- if not $config }}
{{- $config = include "tracegate.merged" . | fromYaml }}
{{- end }}
{{- include "tracegate.ownMetrics" (dict "ctx" . "config" $config) }}
{{- tpl (toYaml $config) . }}
{{- end }}
{{- end }}

{{/* `config`, laid over what the role begins with. */}}
{{- define "tracegate.merged" -}}
{{- $given := .Values.config }}
{{- $begins := include "tracegate.defaults" . | fromYaml }}
{{- $config := deepCopy $begins }}
{{- if dig "service" "telemetry" "metrics" "address" "" $given }}
{{- /* The older form of the page's address stands for the whole page. */}}
{{- $_ := unset $config.service.telemetry.metrics "readers" }}
{{- end }}
{{- include "tracegate.overlay" (dict "base" $config "over" (deepCopy $given)) }}
{{- include "tracegate.trimPipelines" $config }}
{{- range $kind := list "receivers" "processors" "exporters" }}
{{- $components := get $config $kind | default dict }}
{{- $listed := get $given $kind | default dict }}
{{- $named := list }}
{{- range $id, $pipeline := dig "service" "pipelines" dict $config }}
{{- $named = concat $named (get (default dict $pipeline) $kind | default list) }}
{{- end }}
{{- /* What the role has brought and no pipeline names goes, and null takes nothing away that one names. */}}
{{- range $id := keys $components }}
{{- if not (or (has $id $named) (hasKey $listed $id)) }}{{ $_ := unset $components $id }}{{ end }}
{{- end }}
{{- range $id, $component := get $begins $kind }}
{{- if and (has $id $named) (not (hasKey $components $id)) }}{{ $_ := set $components $id $component }}{{ end }}
{{- end }}
{{- $_ := set $config $kind $components }}
{{- end }}
{{- toYaml $config }}
{{- end }}

{{/* Takes out, in place, what files for the reference chart say of its own beginnings. */}}
{{- define "tracegate.trimPipelines" -}}
{{- $receivers := get . "receivers" | default dict }}
{{- range list "jaeger" "prometheus" "zipkin" }}
{{- if and (hasKey $receivers .) (kindIs "invalid" (get $receivers .)) }}
{{- $_ := unset $receivers . }}
{{- end }}
{{- end }}
{{- $itself := include "tracegate.scrapesItself" . }}
{{- $pipelines := dig "service" "pipelines" dict . }}
{{- range $id, $pipeline := deepCopy $pipelines }}
{{- if kindIs "invalid" $pipeline }}
{{- $_ := unset $pipelines $id }}
{{- else if and $itself (gt (len ($pipeline.receivers | default list)) 1) }}
{{- $_ := set (get $pipelines $id) "receivers" (without $pipeline.receivers "prometheus") }}
{{- end }}
{{- end }}
{{- end }}

{{/* "true" if `prometheus` can only be the reference chart's, which scrapes just the service itself. */}}
{{- define "tracegate.scrapesItself" -}}
{{- if not (hasKey (get . "receivers" | default dict) "prometheus") }}true{{ end }}
{{- end }}

{{/* `internalTelemetryViaOTLP.metrics`: a reader more, in place. */}}
{{- define "tracegate.ownMetrics" -}}
{{- $given := .ctx.Values.internalTelemetryViaOTLP }}
{{- if $given.metrics.enabled }}
{{- $endpoint := $given.metrics.endpoint | default $given.endpoint }}
{{- if not $endpoint }}
{{- fail "internalTelemetryViaOTLP.metrics needs an endpoint: set internalTelemetryViaOTLP.endpoint, such as http://gateway:4318" }}
{{- end }}
{{- $otlp := dict "protocol" "http/protobuf" "endpoint" $endpoint }}
{{- with $given.metrics.headers | default $given.headers }}{{ $_ := set $otlp "headers" . }}{{ end }}
{{- $reader := dict "periodic" (dict "exporter" (dict "otlp" $otlp)) }}
{{- $service := get .config "service" | default dict }}
{{- $telemetry := get $service "telemetry" | default dict }}
{{- $metrics := get $telemetry "metrics" | default dict }}
{{- $_ := set $metrics "readers" (append (get $metrics "readers" | default list) $reader) }}
{{- $_ := set $telemetry "metrics" $metrics }}
{{- $_ := set $service "telemetry" $telemetry }}
{{- $_ := set .config "service" $service }}
{{- end }}
{{- end }}

{{/* Where the configuration stands. */}}
{{- define "tracegate.configName" -}}
{{- default (include "tracegate.fullname" .) .Values.configMap.existingName }}
{{- end }}

{{/* The port of an address such as `${env:MY_POD_IP}:4317`, if other machines can reach it. */}}
{{- define "tracegate.reachable" -}}
{{- $address := toString . }}
{{- if regexMatch ":[0-9]+$" $address }}
{{- $host := regexReplaceAll ":[0-9]+$" $address "" }}
{{- if not (or (regexMatch "^(localhost|127\\..*|\\[::1\\])$" $host) (hasPrefix "unix" $host)) }}
{{- regexFind "[0-9]+$" $address }}
{{- end }}
{{- end }}
{{- end }}

{{/* Ports of all `endpoint` keys of a value, a line each. */}}
{{- define "tracegate.endpoints" -}}
{{- if kindIs "map" . }}
{{- range $key, $value := . }}
{{- if and (eq $key "endpoint") (kindIs "string" $value) }}
{{ include "tracegate.reachable" $value }}
{{- else }}
{{- include "tracegate.endpoints" $value }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The ports on which the configuration listens for others, with spaces around each. */}}
{{- define "tracegate.listening" -}}
{{- $config := include "tracegate.config" . | fromYaml }}
{{- range $kind := list "receivers" "exporters" }}
{{- $used := list }}
{{- range $id, $pipeline := dig "service" "pipelines" dict $config }}
{{- $used = concat $used (get (default dict $pipeline) $kind | default list) }}
{{- end }}
{{- range $id, $component := get $config $kind | default dict }}
{{- if and (has $id $used) (or (eq $kind "receivers") (eq "prometheus" (first (splitList "/" $id)))) }}
{{- include "tracegate.endpoints" $component | replace "\n" " " }}
{{- " " }}
{{- end }}
{{- end }}
{{- end }}
{{- $metrics := dig "service" "telemetry" "metrics" dict $config }}
{{- range dig "readers" list $metrics }}
{{- $page := dig "pull" "exporter" "prometheus" dict . }}
{{- with get $page "port" }}
{{- include "tracegate.reachable" (printf "%s:%v" (get $page "host" | default "localhost") .) }}
{{- " " }}
{{- end }}
{{- end }}
{{- include "tracegate.reachable" (dig "address" "" $metrics) }}
{{- end }}

{{/*
What the probes ask: the first health check of `service.extensions` that other machines reach, else the first. As YAML
its `id`, the `key` of its endpoint, the `endpoint`, `tls`, what it wants of who asks as `wants`, and the `port` if it
is reachable. Nothing if there is none.
*/}}
{{- define "tracegate.health" -}}
{{- $found := dict }}
{{- $extensions := get . "extensions" | default dict }}
{{- range dig "service" "extensions" list . }}
{{- if and (not $found.port) (has (first (splitList "/" .)) (list "health_check" "healthcheckv2")) }}
{{- $server := get $extensions . | default dict }}
{{- $health := dict "id" . "key" "endpoint" }}
{{- if $server.use_v2 }}
{{- $health = dict "id" . "key" "http.endpoint" "isGrpc" (not (hasKey $server "http")) }}
{{- $server = $server.http | default dict }}
{{- end }}
{{- $_ := set $health "endpoint" ($server.endpoint | default "localhost:13133") }}
{{- $_ := set $health "tls" (not (empty $server.tls)) }}
{{- $_ := set $health "wants" (ternary "auth" (ternary "tls.client_ca_file" "" (hasKey ($server.tls | default dict) "client_ca_file")) (not (empty $server.auth))) }}
{{- $port := include "tracegate.reachable" $health.endpoint }}
{{- if and $port (not $health.isGrpc) }}{{ $_ := set $health "port" $port }}{{ end }}
{{- if or $health.port (not $found) }}{{ $found = $health }}{{ end }}
{{- end }}
{{- end }}
{{- toYaml $found }}
{{- end }}

{{/* "true" if a probe asks the health check of the configuration, and not a port that it names itself. */}}
{{- define "tracegate.asksHealth" -}}
{{- range $probe := list "startupProbe" "livenessProbe" "readinessProbe" }}
{{- with get $.Values $probe }}{{ with .httpGet }}{{ if not .port }}true{{ end }}{{ end }}{{ end }}
{{- end }}
{{- end }}
