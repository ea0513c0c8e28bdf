{{/*
Keys that the chart does not know. files/keys.txt has those that it knows, made of values.schema.json:
`a.b` is a key, below `a.**` anything goes, `a.*.b` is in every map of `a`, `a[].b` in every entry of the list.
The schema itself lets unknown keys pass, since Helm asks it first and it has no suggestions.
*/}}
{{- define "tracegate.checkKeys" -}}
{{- $known := dict }}
{{- range .Files.Lines "files/keys.txt" }}
{{- if . }}{{ $_ := set $known . true }}{{ end }}
{{- end }}
{{- include "tracegate.unknownKeys" (dict "known" $known "prefix" "" "shown" "" "values" .Values) }}
{{- end }}

{{- define "tracegate.unknownKeys" -}}
{{- $at := . }}
{{- range $key, $value := .values }}
{{- $path := printf "%s%s" $at.prefix $key }}
{{- $shown := printf "%s%s" $at.shown $key }}
{{- if hasKey $at.known (printf "%s*" $at.prefix) }}{{ $path = printf "%s*" $at.prefix }}{{ end }}
{{- if not (hasKey $at.known $path) }}
* {{ $shown }} is no value of this chart{{ include "tracegate.suggestion" (dict "at" $at "key" $key) }}
{{- else if hasKey $at.known (printf "%s.**" $path) }}
{{- else if kindIs "map" $value }}
{{- $of := dict "known" $at.known "prefix" (printf "%s." $path) "shown" (printf "%s." $shown) "values" $value }}
{{- include "tracegate.unknownKeys" $of }}
{{- else if and (kindIs "slice" $value) (hasKey $at.known (printf "%s[]" $path)) }}
{{- range $index, $entry := $value }}
{{- if kindIs "map" $entry }}
{{- $of := dict "known" $at.known "prefix" (printf "%s[]." $path) "shown" (printf "%s[%d]." $shown $index) "values" $entry }}
{{- include "tracegate.unknownKeys" $of }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* "; did you mean …?", or where the key belongs. */}}
{{- define "tracegate.suggestion" -}}
{{- $best := 0 }}
{{- $name := "" }}
{{- $elsewhere := list }}
{{- range $path, $_ := .at.known }}
{{- $sibling := trimPrefix $.at.prefix $path }}
{{- if and (hasPrefix $.at.prefix $path) (regexMatch "^[A-Za-z0-9-]+$" $sibling) }}
{{- $alike := include "tracegate.alike" (dict "a" $.key "b" $sibling) | int }}
{{- if gt $alike $best }}{{ $best = $alike }}{{ $name = $sibling }}{{ end }}
{{- else if hasSuffix (printf ".%s" $.key) $path }}
{{- $elsewhere = append $elsewhere $path }}
{{- end }}
{{- end }}
{{- if ge $best 50 }}; did you mean {{ $.at.shown }}{{ $name }}?
{{- else if $elsewhere }}; there is {{ sortAlpha $elsewhere | join ", " }}
{{- end }}
{{- end }}

{{/* How alike two names are, 0 to 100: pairs of neighbouring letters that they share. */}}
{{- define "tracegate.alike" -}}
{{- $a := regexReplaceAll "[^a-z0-9]" (lower .a) "" }}
{{- $b := regexReplaceAll "[^a-z0-9]" (lower .b) "" }}
{{- if eq $a $b }}100
{{- else if or (lt (len $a) 2) (lt (len $b) 2) }}0
{{- else }}
{{- $pairs := list }}
{{- range $i := until (sub (len $b) 1 | int) }}{{ $pairs = append $pairs (substr $i (add $i 2 | int) $b) }}{{ end }}
{{- $common := 0 }}
{{- range $i := until (sub (len $a) 1 | int) }}
{{- if has (substr $i (add $i 2 | int) $a) $pairs }}{{ $common = add1 $common }}{{ end }}
{{- end }}
{{- div (mul 200 $common) (add (len $a) (len $b) -2) }}
{{- end }}
{{- end }}
