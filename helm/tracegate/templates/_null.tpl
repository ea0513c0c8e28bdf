{{/*
Puts nothing of its kind, in place, where a value is missing because it was set to null: an empty map for a map. Helm takes
the default away then, and what looks into it would fail. files/nothing.json is made of values.schema.json. Every template
begins with it, since Helm says nothing of their order.
*/}}
{{- define "tracegate.fill" -}}
{{- include "tracegate.fillMap" (dict "values" .Values "nothing" (.Files.Get "files/nothing.json" | fromJson)) }}
{{- end }}

{{- define "tracegate.fillMap" -}}
{{- $values := .values }}
{{- range $key, $nothing := .nothing }}
{{- if or (not (hasKey $values $key)) (kindIs "invalid" (get $values $key)) }}
{{- $_ := set $values $key $nothing }}
{{- else if and (kindIs "map" $nothing) (kindIs "map" (get $values $key)) }}
{{- include "tracegate.fillMap" (dict "values" (get $values $key) "nothing" $nothing) }}
{{- end }}
{{- end }}
{{- end }}
