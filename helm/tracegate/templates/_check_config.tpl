{{/* What would keep the program from starting, as far as the chart can see it. */}}
{{- define "tracegate.checkConfig" -}}
{{- $config := include "tracegate.config" . | fromYaml }}
{{- if hasKey $config "Error" }}
* config: its templates do not give YAML: {{ get $config "Error" }}
{{- else if .Values.configMap.create }}
{{- include "tracegate.checkHealth" $config }}
{{- include "tracegate.checkReferences" $config }}
{{- if .Values.checkComponents }}
{{- include "tracegate.checkTypes" (dict "config" $config "components" (.Files.Get "files/components.yaml" | fromYaml)) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "tracegate.checkHealth" -}}
{{- $found := false }}
{{- range dig "service" "extensions" list . }}
{{- if has (first (splitList "/" .)) (list "health_check" "healthcheckv2") }}{{ $found = true }}{{ end }}
{{- end }}
{{- if not $found }}
* config.service.extensions does not name health_check, which the probes ask: without it every pod is killed
{{- end }}
{{- end }}

{{/* Every component that a pipeline names is defined. */}}
{{- define "tracegate.checkReferences" -}}
{{- $config := . }}
{{- $connectors := keys (get . "connectors" | default dict) }}
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
