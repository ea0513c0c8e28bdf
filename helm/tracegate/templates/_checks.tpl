{{/* Fails with all that is wrong with the values, in one go. */}}
{{- define "tracegate.check" -}}
{{- $problems := list }}
{{- range list "Keys" "Role" "Image" "Command" "Presets" "Shutdown" "Config" "ConfigMap" "Monitoring" }}
{{- $found := include (printf "tracegate.check%s" .) $ | trim }}
{{- if $found }}{{ $problems = append $problems $found }}{{ end }}
{{- end }}
{{- if $problems }}
{{- fail (printf "\n\n%s\n" (join "\n" $problems)) }}
{{- end }}
{{- end }}

{{- define "tracegate.checkRole" -}}
{{- $mode := include "tracegate.mode" . }}
{{- if not (or .Values.role .Values.mode) }}
* set `role` to agent, gateway or sampler (or `mode` to daemonset, deployment or statefulset)
{{- end }}
{{- if eq (include "tracegate.role" .) "sampler" }}
{{- if ne $mode "statefulset" }}
* role `sampler` is a StatefulSet: take `mode: {{ $mode }}` out
{{- end }}
{{- if not (include "tracegate.routesTraces" .) }}
{{- if gt (int .Values.replicaCount) 1 }}
* replicaCount: {{ int .Values.replicaCount }} samplers would split traces: {{ include "tracegate.splitReason" . }}
{{- end }}
{{- if .Values.autoscaling.enabled }}
* autoscaling.enabled: several samplers would split traces: {{ include "tracegate.splitReason" . }}
{{- end }}
{{- end }}
{{- end }}
{{- if and (eq .Values.dnsPolicy "None") (not .Values.dnsConfig) }}
* dnsPolicy `None` needs `dnsConfig`
{{- end }}
{{- end }}

{{- define "tracegate.splitReason" -}}
the spans of one trace reach different replicas, and each decides by its part. Keep replicaCount at 1 and set
  `num_shards` of tail_sampling to use more cores; more replicas need an exporter in front of them that routes by
  trace id (load_balancing), which this version does not have
{{- end }}

{{/* "true" once there is an exporter that keeps traces together. */}}
{{- define "tracegate.routesTraces" -}}
{{- $components := .Files.Get "files/components.yaml" | fromYaml }}
{{- if has "load_balancing" (get $components "exporters") }}true{{ end }}
{{- end }}

{{- define "tracegate.checkImage" -}}
{{- $repository := .Values.image.repository }}
{{- if not $repository }}
* image.repository is needed: build the image (packaging/image) and push it to a registry of yours; there is none to
  pull from
{{- else if contains "tracegate" $repository }}
{{- else if regexMatch "(otel-?col|opentelemetry-collector|otel-collector|(^|/)alloy$)" $repository }}
* image.repository: `{{ $repository }}` is a Go Collector, and this chart's arguments, probes and checks are for
  Tracegate. Name your image of Tracegate; `config` stays as it is
{{- end }}
{{- end }}

{{- define "tracegate.checkCommand" -}}
{{- with .Values.command.name }}
{{- if regexMatch "^(otel-?col|otelcontribcol)" . }}
* command.name: `{{ . }}` is a Go Collector. Take it out: the image's entry point is the program
{{- end }}
{{- end }}
{{- range .Values.command.extraArgs }}
{{- if regexMatch "^--watch(=|$)" . }}
* command.extraArgs: `{{ . }}` has a value of its own: `reload: watch`
{{- else if regexMatch "^--shutdown-(delay|timeout)" . }}
* command.extraArgs: `{{ . }}` has values of its own: `shutdown.delaySeconds` and `shutdown.timeoutSeconds`, from
  which the grace period follows
{{- end }}
{{- end }}
{{- end }}

{{- define "tracegate.checkPresets" -}}
{{- $components := .Files.Get "files/components.yaml" | fromYaml }}
{{- range $name, $preset := .Files.Get "files/presets.yaml" | fromYaml }}
{{- $value := $.Values.presets }}
{{- range splitList "." $name }}{{ $value = get $value . }}{{ end }}
{{- if $value.enabled }}
{{- $component := printf "%s `%s`" (trimSuffix "s" $preset.kind) $preset.type }}
{{- if has $preset.type (get $components $preset.kind) }}
* presets.{{ $name }} is not in this chart yet. The {{ $component }} is in this version: write it into `config`
{{- else }}
* presets.{{ $name }} needs the {{ $component }}, which this version does not have.
  Instead: {{ $preset.instead }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Seconds of the stop: `delay`, `timeout`, `grace`. */}}
{{- define "tracegate.shutdown" -}}
{{- $delay := int .Values.shutdown.delaySeconds }}
{{- $hook := dig "preStop" "sleep" "seconds" 0 .Values.lifecycleHooks | int }}
{{- $grace := .Values.terminationGracePeriodSeconds }}
{{- $timeout := .Values.shutdown.timeoutSeconds }}
{{- if kindIs "invalid" $timeout }}
{{- $timeout = kindIs "invalid" $grace | ternary 25 (sub (int $grace) (add $hook $delay 5)) }}
{{- end }}
{{- $needed := add $hook $delay (int $timeout) 5 }}
delay: {{ $delay }}
timeout: {{ $timeout | int }}
needed: {{ $needed }}
grace: {{ kindIs "invalid" $grace | ternary $needed (int $grace) }}
{{- end }}

{{- define "tracegate.checkShutdown" -}}
{{- $stop := include "tracegate.shutdown" . | fromYaml }}
{{- if or (lt (int $stop.timeout) 1) (lt (int $stop.grace) (int $stop.needed)) }}
* terminationGracePeriodSeconds: {{ int $stop.grace }} s are too few for a preStop sleep, shutdown.delaySeconds ({{ int $stop.delay }} s),
  at least 1 s to deliver what is held (shutdown.timeoutSeconds) and 5 s more. A pod that is killed loses what it holds.
  Leave it out
{{- end }}
{{- end }}

{{- define "tracegate.checkConfigMap" -}}
{{- with .Values.configMap }}
{{- if and .create .existingName }}
* configMap.existingName: set configMap.create to false, or take it out
{{- end }}
{{- end }}
{{- end }}

{{- define "tracegate.checkMonitoring" -}}
{{- if or .Values.serviceMonitor.enabled .Values.podMonitor.enabled }}
{{- if not (hasKey (include "tracegate.openPorts" . | fromYaml) "metrics") }}
* serviceMonitor, podMonitor: there is no metrics page to scrape: `ports.metrics` is closed, or no reader below
  `service::telemetry::metrics::readers` of the configuration listens at its containerPort for other machines
{{- end }}
{{- end }}
{{- if and .Values.prometheusRule.enabled .Values.prometheusRule.defaultRules.enabled (not (.Files.Get "files/alerts.yaml")) }}
* prometheusRule.defaultRules: this version of the chart brings no rules; write your own into prometheusRule.groups
{{- end }}
{{- end }}
