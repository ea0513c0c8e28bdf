{{/* What is legal and hardly meant, a line each. */}}
{{- define "tracegate.warnings" -}}
{{- $v := .Values }}
{{- $config := include "tracegate.config" . | fromYaml }}
{{- $mode := include "tracegate.mode" . }}
{{- $several := or (eq $mode "daemonset") $v.autoscaling.enabled (gt (int $v.replicaCount) 1) }}
{{- if not (dig "limits" "memory" "" $v.resources) }}
resources.limits.memory is not set: telemetry may take half of the node's memory
{{- end }}
{{- range $id, $pipeline := dig "service" "pipelines" dict $config }}
{{- $exporters := get (default dict $pipeline) "exporters" | default list }}
{{- if eq (join "," $exporters) "debug" }}
the pipeline {{ $id }} sends nowhere: it has the exporter debug alone
{{- end }}
{{- range get (default dict $pipeline) "processors" | default list }}
{{- if and (hasPrefix "tail_sampling" .) $several }}
the pipeline {{ $id }} has tail_sampling in several replicas: unless what is before it routes by trace id, traces are split
{{- end }}
{{- end }}
{{- end }}
{{- $known := list }}
{{- range $name, $port := include "tracegate.openPorts" . | fromYaml }}{{ $known = append $known (int $port.containerPort) }}{{ end }}
{{- range $name, $port := $v.ports }}
{{- /* Closed on purpose, or the page that nobody scrapes. */}}
{{- if and $port (or (eq $name "metrics") (eq (toString $port.enabled) "false")) }}
{{- $known = append $known (int $port.containerPort) }}
{{- end }}
{{- end }}
{{- range splitList " " (include "tracegate.listening" .) | compact | uniq }}
{{- if not (has (int .) $known) }}
the configuration listens on {{ . }}, which no port below `ports` opens
{{- end }}
{{- end }}
{{- if hasKey (get $config "receivers" | default dict) "prometheus" }}
config.receivers.prometheus: this version has no such receiver; one that scrapes just this service does nothing, any other is a fault
{{- end }}
{{- if and $v.hostNetwork (not $v.dnsPolicy) }}
hostNetwork without dnsPolicy ClusterFirstWithHostNet: names of Services are not found
{{- end }}
{{- if and (not $v.configMap.create) (not $v.configMap.existingName) }}
configMap.create is false and existingName is empty: command.extraArgs has to name a configuration
{{- end }}
{{- if dig "preStop" "exec" "" $v.lifecycleHooks }}
lifecycleHooks.preStop.exec: the image has no shell and no sleep; shutdown.delaySeconds is for what such hooks are for
{{- end }}
{{- end }}
