{{/* Values that were given and have nothing to do here, a line each: `key: why`. */}}
{{- define "tracegate.ignored" -}}
{{- $v := .Values }}
{{- $mode := include "tracegate.mode" . }}
{{- if not (kindIs "invalid" $v.useGOMEMLIMIT) }}
useGOMEMLIMIT: the program reads the limit of its cgroup itself
{{- end }}
{{- if not (kindIs "invalid" $v.rewriteDeprecatedComponentNames) }}
rewriteDeprecatedComponentNames: the program knows older names of components
{{- end }}
{{- if not (kindIs "invalid" $v.useK8sEventsReceiver) }}
useK8sEventsReceiver: it belongs to a preset that is not here
{{- end }}
{{- if not (kindIs "invalid" $v.presets.useCanonicalNames) }}
presets.useCanonicalNames: it belongs to presets that are not here
{{- end }}
{{- range $name, $detector := omit $v.presets.resourceDetection "enabled" }}
{{- if and (kindIs "map" $detector) (not $v.presets.resourceDetection.enabled) }}
{{- if $detector.enabled }}
presets.resourceDetection.{{ $name }}: presets.resourceDetection.enabled is false
{{- end }}
{{- end }}
{{- end }}
{{- if $v.internalTelemetryViaOTLP.traces.enabled }}
internalTelemetryViaOTLP.traces: the program makes no spans about itself
{{- end }}
{{- if $v.internalTelemetryViaOTLP.logs.enabled }}
internalTelemetryViaOTLP.logs: logs go to stderr; the node's log agent has them
{{- end }}
{{- if and $v.configMap.create (not $v.alternateConfig) (include "tracegate.scrapesItself" $v.config) }}
{{- $why := "that of the reference chart scrapes just the service itself; its metrics are on the port metrics" }}
{{- range $id, $pipeline := dig "service" "pipelines" dict $v.config }}
{{- $receivers := get (default dict $pipeline) "receivers" | default list }}
{{- if and (has "prometheus" $receivers) (gt (len $receivers) 1) }}
config.service.pipelines.{{ $id }}.receivers.prometheus: {{ $why }}
{{- end }}
{{- end }}
{{- end }}
{{- if and $v.alternateConfig $v.config }}
config: alternateConfig is used instead
{{- end }}
{{- if and (not $v.configMap.create) (or $v.config $v.alternateConfig) }}
config: configMap.create is false
{{- end }}
{{- if $v.configMap.existingPath }}
configMap.existingPath: a changed configuration is read without a restart, and `reload: restart` is for this chart's own
{{- end }}
{{- if and (not $v.configMap.create) (eq $v.reload "restart") }}
reload: the configuration is not this chart's, so that a change of it restarts nothing
{{- end }}
{{- if eq $mode "daemonset" }}
{{- if not (kindIs "invalid" $v.replicaCount) }}
replicaCount: agents are as many as nodes
{{- end }}
{{- if $v.autoscaling.enabled }}
autoscaling: agents are as many as nodes
{{- end }}
{{- if $v.podDisruptionBudget.enabled }}
podDisruptionBudget: a drain of a node leaves agents where they are
{{- end }}
{{- else if and $v.autoscaling.enabled (not (kindIs "invalid" $v.replicaCount)) }}
replicaCount: autoscaling is enabled
{{- end }}
{{- if ne $mode "statefulset" }}
{{- if $v.statefulset.volumeClaimTemplates }}
statefulset.volumeClaimTemplates: this is a {{ include "tracegate.kind" . }}
{{- end }}
{{- if $v.statefulset.persistentVolumeClaimRetentionPolicy.enabled }}
statefulset.persistentVolumeClaimRetentionPolicy: this is a {{ include "tracegate.kind" . }}
{{- end }}
{{- end }}
{{- if and $v.rollout.rollingUpdate (ne $v.rollout.strategy "RollingUpdate") }}
rollout.rollingUpdate: the strategy is {{ $v.rollout.strategy }}
{{- end }}
{{- include "tracegate.ignoredNetwork" . }}
{{- end }}

{{- define "tracegate.ignoredNetwork" -}}
{{- $v := .Values }}
{{- $agent := eq (include "tracegate.mode" .) "daemonset" }}
{{- $open := include "tracegate.openPorts" . | fromYaml }}
{{- $nodePorts := has $v.service.type (list "NodePort" "LoadBalancer") }}
{{- range $name, $port := $v.ports }}
{{- if $port }}
{{- if and $port.enabled (not (hasKey $open $name)) }}
ports.{{ $name }}: nothing of the configuration listens on {{ int $port.containerPort }} for other machines
{{- end }}
{{- if and $port.hostPort (not $agent) }}
ports.{{ $name }}.hostPort: only agents have ports of the node
{{- end }}
{{- if and $port.nodePort (not $nodePorts) }}
ports.{{ $name }}.nodePort: the Service is of type {{ $v.service.type }}
{{- end }}
{{- end }}
{{- end }}
{{- if and $v.presets.hostPorts.enabled (not $agent) }}
presets.hostPorts: only agents have ports of the node
{{- end }}
{{- if ne $v.service.type "LoadBalancer" }}
{{- range list "loadBalancerIP" "loadBalancerClass" "loadBalancerSourceRanges" }}
{{- if get $v.service . }}
service.{{ . }}: the Service is of type {{ $v.service.type }}
{{- end }}
{{- end }}
{{- end }}
{{- if and $v.service.externalTrafficPolicy (not $nodePorts) }}
service.externalTrafficPolicy: the Service is of type {{ $v.service.type }}
{{- end }}
{{- if and $v.serviceMonitor.enabled (not (include "tracegate.hasService" .)) }}
serviceMonitor: there is no Service to scrape; use podMonitor
{{- end }}
{{- end }}
