//! Broken files and what a person is told about them.

use config::{Document, Faults, Format};

use crate::kit::{load_text, report_of};

/// Left: the file. Right: the report. Both begin on a line of their own.
fn check(text: &'static str, expected: &str) {
    let text = text.trim_start_matches('\n');
    assert_eq!(report_of(text).trim(), expected.trim());
}

#[test]
fn a_tab_is_named() {
    check(
        r#"
receivers:
	otlp:
"#,
        r#"
error: this is no YAML: tabs disallowed within this context (block indentation)
 --> c.yaml:2:2
  |
2 | 	otlp:
  | 	^
  = help: indent with spaces, YAML allows no tabs

"#,
    );
}

#[test]
fn an_open_bracket_is_shown() {
    check(
        r#"
receivers: {otlp: [}
"#,
        r#"
error: this is no YAML: mismatched bracket '[' closed by '}'
 --> c.yaml:1:19
  |
1 | receivers: {otlp: [}
  |                   ^

"#,
    );
}

#[test]
fn a_second_colon_is_shown() {
    check(
        r#"
receivers:
  otlp: protocols: grpc
"#,
        r#"
error: this is no YAML: mapping values are not allowed in this context
 --> c.yaml:2:18
  |
2 |   otlp: protocols: grpc
  |                  ^

"#,
    );
}

#[test]
fn an_unknown_anchor_is_shown() {
    check(
        r#"
receivers:
  otlp: *base
"#,
        r#"
error: this is no YAML: reference to unknown value
 --> c.yaml:2:9
  |
2 |   otlp: *base
  |         ^

"#,
    );
}

#[test]
fn every_duplicate_key_is_named_with_its_first() {
    check(
        r#"
receivers:
  otlp:
  otlp:
exporters:
  debug:
    verbosity: basic
    verbosity: normal
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
"#,
        r#"
error: mapping key `otlp` already defined at line 2
 --> c.yaml:3:3
  |
3 |   otlp:
  |   ^^^^
  = at receivers::otlp
  = help: remove one, or put both into one map

error: mapping key `verbosity` already defined at line 6
 --> c.yaml:7:5
  |
7 |     verbosity: normal
  |     ^^^^^^^^^
  = at exporters::debug::verbosity
  = help: remove one, or put both into one map

"#,
    );
}

#[test]
fn unknown_sections_are_named_with_the_likely_one() {
    check(
        r#"
recievers:
  otlp:
exporters:
  debug:
foo: 1
service:
  pipeline:
    traces: {receivers: [otlp], exporters: [debug]}
"#,
        r#"
error: unknown key `recievers`
 --> c.yaml:1:1
  |
1 | recievers:
  | ^^^^^^^^^
  = at recievers
  = help: did you mean `receivers`?

error: unknown key `foo`
 --> c.yaml:5:1
  |
5 | foo: 1
  | ^^^
  = at foo

error: unknown key `pipeline`
 --> c.yaml:7:3
  |
7 |   pipeline:
  |   ^^^^^^^^
  = at service::pipeline
  = help: did you mean `pipelines`?

error: no receiver configuration specified in config
 --> c.yaml:6:1
  |
6 | service:
  | ^^^^^^^
  = at receivers
  = help: add a section `receivers` with at least one

error: service must have at least one pipeline
 --> c.yaml:6:1
  |
6 | service:
  | ^^^^^^^
  = at service::pipelines
  = help: add `traces: {receivers: […], exporters: […]}` to it

"#,
    );
}

#[test]
fn a_section_must_be_a_map() {
    check(
        r#"
receivers: [otlp]
exporters: debug
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
"#,
        r#"
error: expected a map, found a list
 --> c.yaml:1:1
  |
1 | receivers: [otlp]
  | ^^^^^^^^^
  = at receivers
  = help: write `key: value` lines below it, without dashes

error: expected a map, found a string `debug`
 --> c.yaml:2:1
  |
2 | exporters: debug
  | ^^^^^^^^^
  = at exporters
  = help: write `debug:` below it

"#,
    );
}

#[test]
fn ids_are_checked() {
    check(
        r#"
receivers:
  otlp/:
  ot-lp:
  /x:
  otlp:
exporters:
  debug:
  " debug":
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [debug, "a b"]}
"#,
        r#"
error: in "otlp/" id: the part after / should not be empty
 --> c.yaml:2:3
  |
2 |   otlp/:
  |   ^^^^^
  = at receivers::otlp/

error: invalid character(s) in type "ot-lp"
 --> c.yaml:3:3
  |
3 |   ot-lp:
  |   ^^^^^
  = at receivers::ot-lp

error: in "/x" id: the part before / should not be empty
 --> c.yaml:4:3
  |
4 |   /x:
  |   ^^
  = at receivers::/x

error: duplicate name "debug" after unmarshaling
 --> c.yaml:8:3
  |
8 |   " debug":
  |   ^^^^^^^^
  = at exporters:: debug

error: invalid character(s) in type "a b"
  --> c.yaml:11:52
   |
11 |     traces: {receivers: [otlp], exporters: [debug, "a b"]}
   |                                                    ^^^^^
   = at service::pipelines::traces::exporters[1]

"#,
    );
}

#[test]
fn references_must_lead_somewhere() {
    check(
        r#"
receivers:
  otlp/in:
processors:
  batch:
exporters:
  debug:
service:
  extensions: [health_check]
  pipelines:
    traces:
      receivers: [otlp]
      processors: [bach, debug]
      exporters: [dbug]
"#,
        r#"
error: references extension "health_check" which is not configured
 --> c.yaml:8:16
  |
8 |   extensions: [health_check]
  |                ^^^^^^^^^^^^
  = at service::extensions
  = help: declare it under `extensions`

error: references receiver "otlp" which is not configured
  --> c.yaml:11:19
   |
11 |       receivers: [otlp]
   |                   ^^^^
   = at service::pipelines::traces
   = help: did you mean `otlp/in`?

error: references processor "bach" which is not configured
  --> c.yaml:12:20
   |
12 |       processors: [bach, debug]
   |                    ^^^^
   = at service::pipelines::traces
   = help: did you mean `batch`?

error: references processor "debug" which is not configured
  --> c.yaml:12:26
   |
12 |       processors: [bach, debug]
   |                          ^^^^^
   = at service::pipelines::traces
   = help: `debug` is an exporter, it cannot stand in `processors`

error: references exporter "dbug" which is not configured
  --> c.yaml:13:19
   |
13 |       exporters: [dbug]
   |                   ^^^^
   = at service::pipelines::traces
   = help: did you mean `debug`?

"#,
    );
}

#[test]
fn a_pipeline_has_two_sides_and_each_processor_once() {
    check(
        r#"
receivers:
  otlp:
processors:
  batch:
exporters:
  debug:
service:
  pipelines:
    traces:
      processors: [batch, batch]
    logs:
      receivers: [otlp]
      exporters: []
"#,
        r#"
error: must have at least one receiver
 --> c.yaml:9:5
  |
9 |     traces:
  |     ^^^^^^
  = at service::pipelines::traces

error: references processor "batch" multiple times
  --> c.yaml:10:27
   |
10 |       processors: [batch, batch]
   |                           ^^^^^
   = at service::pipelines::traces
   = help: name it once; a second one needs an id of its own, such as `batch/again`

error: must have at least one exporter
 --> c.yaml:9:5
  |
9 |     traces:
  |     ^^^^^^
  = at service::pipelines::traces

error: must have at least one exporter
  --> c.yaml:11:5
   |
11 |     logs:
   |     ^^^^
   = at service::pipelines::logs

"#,
    );
}

#[test]
fn pipelines_are_named_for_their_signal() {
    check(
        r#"
receivers:
  otlp:
exporters:
  debug:
service:
  pipelines:
    trace: {receivers: [otlp], exporters: [debug]}
    profiles: {receivers: [otlp], exporters: [debug]}
    logs: {receivers: otlp, exporter: [debug], exporters: [5]}
"#,
        r#"
error: unknown pipeline signal: "trace"
 --> c.yaml:7:5
  |
7 |     trace: {receivers: [otlp], exporters: [debug]}
  |     ^^^^^
  = at service::pipelines::trace
  = help: did you mean `traces`?

error: pipeline "profiles": this build carries no profiles
 --> c.yaml:8:5
  |
8 |     profiles: {receivers: [otlp], exporters: [debug]}
  |     ^^^^^^^^
  = at service::pipelines::profiles

error: expected a list of ids, found a string `otlp`
 --> c.yaml:9:12
  |
9 |     logs: {receivers: otlp, exporter: [debug], exporters: [5]}
  |            ^^^^^^^^^
  = at service::pipelines::logs::receivers
  = help: write `[otlp]`

error: unknown key `exporter`
 --> c.yaml:9:29
  |
9 |     logs: {receivers: otlp, exporter: [debug], exporters: [5]}
  |                             ^^^^^^^^
  = at service::pipelines::logs::exporter
  = help: did you mean `exporters`?

error: expected an id, found an integer `5`
 --> c.yaml:9:60
  |
9 |     logs: {receivers: otlp, exporter: [debug], exporters: [5]}
  |                                                            ^
  = at service::pipelines::logs::exporters[0]

"#,
    );
}

#[test]
fn a_service_needs_pipelines() {
    check(
        r#"
receivers:
  otlp:
exporters:
  debug:
service:
"#,
        r#"
error: service must have at least one pipeline
 --> c.yaml:5:1
  |
5 | service:
  | ^^^^^^^
  = at service::pipelines
  = help: add `traces: {receivers: […], exporters: […]}` to it

"#,
    );
}

#[test]
fn nothing_but_a_service() {
    check(
        r#"
service:
  telemetry:
    logs: {level: info}
"#,
        r#"
error: no receiver configuration specified in config
 --> c.yaml:1:1
  |
1 | service:
  | ^^^^^^^
  = at receivers
  = help: add a section `receivers` with at least one

error: no exporter configuration specified in config
 --> c.yaml:1:1
  |
1 | service:
  | ^^^^^^^
  = at exporters
  = help: add a section `exporters` with at least one

error: service must have at least one pipeline
 --> c.yaml:1:1
  |
1 | service:
  | ^^^^^^^
  = at service::pipelines
  = help: add `traces: {receivers: […], exporters: […]}` to it

"#,
    );
}

#[test]
fn a_connector_is_not_named_like_an_exporter() {
    check(
        r#"
receivers:
  otlp:
exporters:
  forward:
connectors:
  forward:
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [forward]}
"#,
        r#"
error: ambiguous ID: Found both "forward" exporter and "forward" connector. Change one of the components' IDs to eliminate ambiguity (e.g. rename "forward" connector to "forward/connector")
 --> c.yaml:6:3
  |
6 |   forward:
  |   ^^^^^^^
  = at connectors::forward
  = help: rename the connector to `forward/connector`

"#,
    );
}

#[test]
fn what_nothing_uses_is_a_warning() {
    check(
        r#"
receivers:
  otlp:
  otlp/spare:
processors:
  batch:
exporters:
  debug:
extensions:
  health_check:
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
"#,
        r#"
warning: the receiver `otlp/spare` is not in any pipeline, so it is not started
 --> c.yaml:3:3
  |
3 |   otlp/spare:
  |   ^^^^^^^^^^
  = at receivers::otlp/spare

warning: the processor `batch` is not in any pipeline, so it is not started
 --> c.yaml:5:3
  |
5 |   batch:
  |   ^^^^^
  = at processors::batch

warning: the extension `health_check` is not in `service::extensions`, so it is not started
 --> c.yaml:9:3
  |
9 |   health_check:
  |   ^^^^^^^^^^^^
  = at extensions::health_check

"#,
    );
}

#[test]
fn telemetry_is_checked_like_a_component() {
    check(
        r#"
receivers:
  otlp:
exporters:
  debug:
service:
  telemetry:
    logs:
      level: loud
      encoding: jsno
      sampling: {tick: 10}
    metrics:
      level: Detailed
    traces:
      propagators: [jaeger]
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
"#,
        r#"
error: unrecognized level: "loud", one of `debug`, `info`, `warn`, `error`
 --> c.yaml:8:14
  |
8 |       level: loud
  |              ^^^^
  = at service::telemetry::logs::level

error: unknown value `jsno`
 --> c.yaml:9:17
  |
9 |       encoding: jsno
  |                 ^^^^
  = at service::telemetry::logs::encoding
  = help: did you mean `json`?

warning: a bare number is nanoseconds: `10` is 10ns
  --> c.yaml:10:24
   |
10 |       sampling: {tick: 10}
   |                        ^^
   = at service::telemetry::logs::sampling::tick
   = help: did you mean `10s`?

"#,
    );
}

#[test]
fn readers_must_exist() {
    check(
        r#"
receivers:
  otlp:
exporters:
  debug:
service:
  telemetry:
    metrics: {readers: []}
    resource:
      attributes: [{name: a, value: b}]
      service.name: x
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
"#,
        r#"
error: resource::attributes cannot be used together with legacy inline resource attributes
 --> c.yaml:8:5
  |
8 |     resource:
  |     ^^^^^^^^
  = at service::telemetry::resource

"#,
    );
}

#[test]
fn an_unknown_scheme_is_shown_in_its_line() {
    check(
        r#"
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: ${env:MY_POD_IP:-localhost}:${evn:PORT}
exporters:
  debug:
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
"#,
        r#"
error: scheme "evn" is not supported for uri "evn:PORT"
 --> c.yaml:5:47
  |
5 |         endpoint: ${env:MY_POD_IP:-localhost}:${evn:PORT}
  |                                               ^^^^^^^^^^^
  = at receivers::otlp::protocols::grpc::endpoint
  = help: did you mean `env`?

"#,
    );
}

#[test]
fn secrets_are_not_shown() {
    check(
        r#"
receivers:
  otlp:
exporters:
  otlp:
    headers:
      authorization: "Bearer hunter2"
      authorization: "Bearer hunter3"
    tls: {key_pem: "${nope:hunter2}", key_pem: b}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp]}
"#,
        r#"
error: mapping key `authorization` already defined at line 6
 --> c.yaml:7:7
  |
7 |       authorization: [REDACTED]
  |       ^^^^^^^^^^^^^
  = at exporters::otlp::headers::authorization
  = help: remove one, or put both into one map

error: mapping key `key_pem` already defined at line 8
 --> c.yaml:8:39
  |
8 |     tls: {key_pem: [REDACTED]
  |                    ^^^^^^^^^^
  = at exporters::otlp::tls::key_pem
  = help: remove one, or put both into one map

error: scheme "nope" is not supported for uri "[REDACTED]"
 --> c.yaml:8:21
  |
8 |     tls: {key_pem: [REDACTED]
  |                    ^^^^^^^^^^
  = at exporters::otlp::tls::key_pem

"#,
    );
}

#[test]
fn programs_read_faults_as_json() {
    let text = "receivers: {otlp: }\nexporters: {debug: }\nservce:\n";
    let mut faults = Faults::new();
    let root = load_text(text, &mut faults).expect("YAML");
    Document::read(&root, &mut faults);
    let mut out = Vec::new();
    faults
        .write(Format::Json, &mut out)
        .expect("a vector takes everything");
    let expected = r#"{
  "errors": 1,
  "faults": [
    {
      "column": 1,
      "file": "c.yaml",
      "help": "did you mean `service`?",
      "line": 3,
      "path": "servce",
      "severity": "error",
      "text": "unknown key `servce`"
    }
  ]
}
"#;
    assert_eq!(String::from_utf8(out).expect("UTF-8"), expected);
}

/// Positions count characters, lines end at their break, a mark stays within its line.
#[test]
fn a_mark_stands_under_its_text() {
    for (text, expected) in [
        ("é: 1\nö: 2\n", " --> c.yaml:2:1\n  |\n2 | ö: 2\n  | ^\n"),
        (
            "\u{feff}fööö: 1\n",
            " --> c.yaml:1:1\n  |\n1 | fööö: 1\n  | ^^^^\n",
        ),
        ("a:\r\n  b: 1\r\n", " --> c.yaml:1:1\n  |\n1 | a:\n  | ^\n"),
    ] {
        let report = report_of(text);
        assert!(report.contains(expected), "{report}");
    }
}

/// Every byte of a file replaced by what breaks YAML: there is always a report, never a panic.
#[test]
fn a_damaged_file_is_always_reported() {
    let whole = "receivers: {otlp: &a {protocols: {grpc: }}}\nexporters:\n  debug: *a\n  x:\n    \
                 headers: [{name: é, value: '${env:X:-$$}'}]\nservice::telemetry: {logs: }\nservice:\n  \
                 pipelines: {traces/a: {receivers: [otlp], exporters: [debug, x]}}\n";
    for at in 0..whole.len() {
        for wrong in [
            "", "\t", ":", "{", "]", "'", "*", "&", "$", "}", "\n", "- ", "|", "\u{feff}", "#",
        ] {
            let (Some(before), Some(after)) = (whole.get(..at), whole.get(at + 1..)) else {
                continue;
            };
            let text: &'static str = format!("{before}{wrong}{after}").leak();
            report_of(text);
        }
    }
}
