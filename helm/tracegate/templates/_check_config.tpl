{{/* What would keep the program from starting, as far as the chart can see it. */}}
{{- define "tracegate.checkConfig" -}}
{{- $config := include "tracegate.config" . | fromYaml }}
{{- if hasKey $config "Error" }}
* config: its templates do not give YAML: {{ get $config "Error" }}
{{- else if .Values.configMap.create }}
{{- if include "tracegate.asksHealth" . }}{{ include "tracegate.checkHealth" $config }}{{ end }}
{{- include "tracegate.checkReferences" $config }}
{{- if .Values.checkComponents }}
{{- include "tracegate.checkTypes" (dict "config" $config "components" (.Files.Get "files/components.yaml" | fromYaml)) }}
{{- end }}
{{- end }}
{{- end }}

{{/* The probes have somebody to ask, from outside the pod. */}}
{{- define "tracegate.checkHealth" -}}
{{- $health := include "tracegate.health" . | fromYaml }}
{{- if not $health }}
* config.service.extensions does not name health_check, which the probes ask: without it every pod is killed
{{- else if $health.isGrpc }}
* config.extensions.{{ $health.id }} answers gRPC alone, and the probes ask over HTTP. Write
  http: {endpoint: "${env:MY_POD_IP}:13133"}
{{- else if not (regexMatch ":[0-9]+$" $health.endpoint) }}
* config.extensions.{{ $health.id }}.{{ $health.key }}: the port for the probes cannot be read off `{{ $health.endpoint }}`.
  Write it as a number, or give each probe its httpGet.port
{{- else if not $health.port }}
* config.extensions.{{ $health.id }}.{{ $health.key }}: the probes ask the address of the pod, and nobody answers there, since
  it listens on {{ $health.endpoint }}: every pod is killed. Write
  {{ $health.key }}: ${env:MY_POD_IP}:{{ regexFind "[0-9]+$" $health.endpoint }}
{{- else if $health.wants }}
* config.extensions.{{ $health.id }}: `{{ $health.wants }}` asks the probes for what Kubernetes cannot present. Take it out, or
  give the probes a port of their own with httpGet.port
{{- end }}
{{- end }}

{{/* Every component that a pipeline or the service names is defined. */}}
{{- define "tracegate.checkReferences" -}}
{{- $config := . }}
{{- $connectors := keys (get . "connectors" | default dict) }}
{{- range dig "service" "extensions" list . }}
{{- if not (hasKey ($config.extensions | default dict) .) }}
* config.service.extensions names `{{ . }}`, which config.extensions does not define
{{- end }}
{{- end }}
{{- range $id, $pipeline := dig "service" "pipelines" dict . }}
{{- range $kind := list "receivers" "processors" "exporters" }}
{{- $defined := keys (get $config $kind | default dict) }}
{{- if ne $kind "processors" }}{{ $defined = concat $defined $connectors }}{{ end }}
{{- range get (default dict $pipeline) $kind | default list }}
{{- if not (has . $defined) }}
* config.service.pipelines.{{ $id }} names the {{ trimSuffix "s" $kind }} `{{ . }}`, which config.{{ $kind }} does not define
{{- if and (eq $kind "receivers") (has . (list "jaeger" "zipkin")) }}:
  the reference chart brings it, and this version does not have it. Take it out here
{{- else if and (eq $kind "receivers") (eq . "prometheus") }}:
  that of the reference chart scrapes just the service itself. Use internalTelemetryViaOTLP.metrics
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Every component that is defined is in this version's program, or a form of old that it honours. */}}
{{- define "tracegate.checkTypes" -}}
{{- $components := .components }}
{{- $honoured := dict "receivers" (list "prometheus") "extensions" (list "memory_ballast") }}
{{- range $kind := list "receivers" "processors" "exporters" "connectors" "extensions" }}
{{- $has := concat (get $components $kind) (get $honoured $kind | default list) }}
{{- range $id, $_ := get $.config $kind | default dict }}
{{- if not (has (first (splitList "/" $id)) $has) }}
* config.{{ $kind }}: this version has no {{ trimSuffix "s" $kind }} `{{ first (splitList "/" $id) }}`. `tracegate validate` says what to do
  without it; checkComponents: false is for an image that has it
{{- end }}
{{- end }}
{{- end }}
{{- end }}
