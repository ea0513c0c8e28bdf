//! Broken configurations: for each the line, the key and the fix that are named.

use serde_json::Value;

use super::{file, path, tracegate};

/// A valid configuration that most of the broken ones are laid over, so that each has one thing to
/// say.
const BASE: &str = "\
receivers: {otlp: {protocols: {grpc: }}}
exporters: {nop: }
service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}
";

/// One error: its line, its path, and words of the text or the help that say what to do.
type Fault = (u64, &'static str, &'static str);

/// Checks that exactly these errors are named, in this order, to programs and to people.
fn check(base: Option<&str>, yaml: &str, expected: &[Fault]) {
    let (base, broken) = (base.map(file), file(yaml));
    let mut arguments = vec!["validate"];
    for file in base.iter().chain([&broken]) {
        arguments.extend(["--config", path(file)]);
    }
    let ended = tracegate(&[&arguments[..], &["--format", "json"]].concat());
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), ""), "{yaml}");
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    let faults = report["faults"].as_array().unwrap();
    let errors: Vec<_> = faults
        .iter()
        .filter(|fault| fault["severity"] == "error")
        .collect();
    assert_eq!(report["errors"].as_u64(), Some(errors.len() as u64));
    let places: Vec<_> = errors
        .iter()
        .map(|error| (&error["line"], &error["path"]))
        .collect();
    assert_eq!(errors.len(), expected.len(), "{yaml}{}", ended.out);
    for (error, (line, key, fix)) in errors.iter().zip(expected) {
        assert_eq!(error["file"], path(&broken), "{yaml}{}", ended.out);
        assert_eq!(
            (error["line"].as_u64(), &error["path"]),
            (Some(*line), &Value::from(*key))
        );
        let text = format!("{} ({})", error["text"], error["help"]).replace('\\', "");
        assert!(
            text.contains(fix),
            "{yaml}{places:?}\n{fix:?} is not in {text}"
        );
    }
    let ended = tracegate(&arguments);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{yaml}");
    for (line, key, _) in expected {
        let place = format!("--> {}:{line}:", path(&broken));
        assert!(
            ended.err.contains(&place),
            "{place} is not in\n{}",
            ended.err
        );
        assert!(
            key.is_empty() || ended.err.contains(&format!("= at {key}\n")),
            "{}",
            ended.err
        );
    }
}

/// Over the valid configuration.
fn check_over(rows: &[(&str, &[Fault])]) {
    for (yaml, expected) in rows {
        check(Some(BASE), yaml, expected);
    }
}

#[test]
fn documents() {
    for (yaml, expected) in [
        (
            "- receivers\n",
            (1, "", "a configuration is a map of sections"),
        ),
        (
            "receivers\n",
            (1, "", "a configuration is a map of sections"),
        ),
        ("receivers:\n\totlp:\n", (2, "", "indent with spaces")),
        (
            "service:\n  extensions: [a, b\n",
            (2, "", "unclosed bracket"),
        ),
        (
            "receivers: {nop: }\n\
             service: {pipelines: {logs: {receivers: [nop], exporters: [nop]}}}\n",
            (2, "exporters", "add a section `exporters`"),
        ),
        (
            "exporters: {nop: }\n\
             service: {pipelines: {logs: {receivers: [nop], exporters: [nop]}}}\n",
            (2, "receivers", "add a section `receivers`"),
        ),
        (
            "receivers: {nop: }\nexporters: {nop: }\n",
            (
                1,
                "service::pipelines",
                "add `traces: {receivers: […], exporters: […]}`",
            ),
        ),
    ] {
        check(None, yaml, &[expected]);
    }
}

#[test]
fn sections_and_ids() {
    check_over(&[
        (
            "receivers:\n  nop/1:\n  nop/2:\n  nop/1:\n",
            &[(4, "receivers::nop/1", "already defined at line 2")],
        ),
        (
            "receivers:\n  otlp\n",
            &[(1, "receivers", "write `otlp:` below it")],
        ),
        (
            "processors:\n  - batch\n",
            &[(1, "processors", "without dashes")],
        ),
        (
            "reciever:\n  otlp:\n",
            &[(1, "reciever", "did you mean `receivers`?")],
        ),
        (
            "processors:\n  9batch:\n",
            &[(2, "processors::9batch", "invalid character(s) in type")],
        ),
        (
            "processors:\n  batch/:\n",
            &[(2, "processors::batch/", "part after / should not be")],
        ),
        (
            "processors:\n  /a:\n",
            &[(2, "processors::/a", "part before / should not be")],
        ),
        (
            "processors:\n  batchl:\n",
            &[(2, "processors::batchl", "did you mean `batch`?")],
        ),
        (
            "exporters:\n  carbonara:\n",
            &[(2, "exporters::carbonara", "valid values: [otlp_grpc ")],
        ),
        (
            "exporters:\n  batch:\n",
            &[(2, "exporters::batch", "belongs to the section `processors`")],
        ),
    ]);
}

#[test]
fn pipelines() {
    const LOGS: &str = "service::pipelines::logs";
    check_over(&[
        (
            "service:\n  pipeline:\n    logs: {receivers: [otlp], exporters: [nop]}\n",
            &[(2, "service::pipeline", "did you mean `pipelines`?")],
        ),
        (
            "service:\n  pipelines:\n    trace: {receivers: [otlp], exporters: [nop]}\n",
            &[(3, "service::pipelines::trace", "did you mean `traces`?")],
        ),
        (
            "service:\n  pipelines:\n    logs:\n      receivers: otlp\n      exporters: [nop]\n",
            &[(4, "service::pipelines::logs::receivers", "write `[otlp]`")],
        ),
        (
            "service:\n  pipelines:\n    logs:\n      receivers: [otlp]\n      exporter: [nop]\n",
            &[
                (3, LOGS, "must have at least one exporter"),
                (
                    5,
                    "service::pipelines::logs::exporter",
                    "did you mean `exporters`?",
                ),
            ],
        ),
        (
            "service:\n  pipelines:\n    logs: {receivers: [otpl], exporters: [nop]}\n",
            &[(3, LOGS, "did you mean `otlp`?")],
        ),
        (
            "processors: {batch/big: }\nservice:\n  pipelines:\n    \
             logs: {receivers: [otlp], processors: [batch], exporters: [nop]}\n",
            &[(4, LOGS, "did you mean `batch/big`?")],
        ),
        (
            "processors: {batch: }\nservice:\n  pipelines:\n    \
             logs: {receivers: [otlp], exporters: [nop, batch]}\n",
            &[(
                4,
                LOGS,
                "`batch` is a processor, it cannot stand in `exporters`",
            )],
        ),
        (
            "processors: {batch: }\nservice:\n  pipelines:\n    \
             logs: {receivers: [otlp], processors: [batch, batch], exporters: [nop]}\n",
            &[(4, LOGS, "name it once")],
        ),
        (
            "service:\n  pipelines:\n    logs: {receivers: [1], exporters: [nop]}\n",
            &[(
                3,
                "service::pipelines::logs::receivers[0]",
                "expected an id, found an integer",
            )],
        ),
        (
            "service:\n  extensions: [health_chek]\nextensions: {health_check: }\n",
            &[(2, "service::extensions", "did you mean `health_check`?")],
        ),
        (
            "connectors: {forward: }\nservice:\n  pipelines:\n    \
             logs: {receivers: [otlp], exporters: [forward]}\n",
            &[(4, LOGS, "not used in any supported receiver pipeline")],
        ),
        (
            "connectors: {forward: }\nservice:\n  pipelines:\n    \
             logs: {receivers: [otlp, forward], exporters: [forward]}\n",
            &[(4, LOGS, "cycle detected: connector \"forward\"")],
        ),
    ]);
}

#[test]
fn our_own_telemetry() {
    check_over(&[
        (
            "service:\n  telemetry:\n    log: {level: debug}\n",
            &[(3, "service::telemetry::log", "did you mean `logs`?")],
        ),
        (
            "service:\n  telemetry: {logs: {level: chatty}}\n",
            &[(
                2,
                "service::telemetry::logs::level",
                "one of `debug`, `info`, `warn`, `error`",
            )],
        ),
        (
            "service:\n  telemetry: {logs: {encoding: jsn}}\n",
            &[(
                2,
                "service::telemetry::logs::encoding",
                "did you mean `json`?",
            )],
        ),
        (
            "service:\n  telemetry:\n    metrics:\n      address: somewhere\n",
            &[(
                4,
                "service::telemetry::metrics::address",
                "prometheus: {host: 0.0.0.0, port: 8888}",
            )],
        ),
        (
            "service:\n  telemetry:\n    metrics: {level: verbose}\n",
            &[(
                3,
                "service::telemetry::metrics::level",
                "one of `none`, `basic`, `normal`",
            )],
        ),
        (
            "service:\n  telemetry:\n    metrics:\n      readers:\n        - periodic: {}\n",
            &[(
                5,
                "service::telemetry::metrics::readers[0]::periodic::exporter",
                "must have exactly one of `otlp` and `console`",
            )],
        ),
    ]);
}

#[test]
fn receivers() {
    check_over(&[
        (
            "receivers:\n  otlp/2:\n    protocols: {}\n",
            &[(
                3,
                "receivers::otlp/2::protocols",
                "must specify at least one protocol",
            )],
        ),
        (
            "receivers:\n  otlp/2:\n    protocols:\n      http:\n      gprc:\n",
            &[(
                5,
                "receivers::otlp/2::protocols::gprc",
                "did you mean `grpc`?",
            )],
        ),
        (
            "receivers:\n  otlp/2:\n    protocols:\n      grpc:\n        enpoint: localhost:1\n",
            &[(
                5,
                "receivers::otlp/2::protocols::grpc::enpoint",
                "did you mean `endpoint`?",
            )],
        ),
        (
            "receivers:\n  otlp/2:\n    protocols:\n      grpc:\n        endpoint: localhost\n",
            &[(
                5,
                "receivers::otlp/2::protocols::grpc::endpoint",
                "missing port in address",
            )],
        ),
        (
            "receivers:\n  otlp/2:\n    protocols:\n      http:\n        endpoint: a:99999\n",
            &[(
                5,
                "receivers::otlp/2::protocols::http::endpoint",
                "a number up to 65535",
            )],
        ),
        (
            "receivers:\n  otlp/2:\n    protocols:\n      grpc: {endpoint: /x, transport: unixgram}\n",
            &[(
                4,
                "receivers::otlp/2::protocols::grpc::transport",
                "use tcp, tcp4, tcp6 or unix",
            )],
        ),
    ]);
}

#[test]
fn exporters() {
    check_over(&[
        (
            "exporters:\n  otlp_grpc:\n    tls: {insecure: true}\n",
            &[(
                2,
                "exporters::otlp_grpc::endpoint",
                "requires a non-empty \"endpoint\"",
            )],
        ),
        (
            "exporters:\n  otlp_http:\n    endpoint: tempo:4318\n",
            &[(
                3,
                "exporters::otlp_http::endpoint",
                "must begin with http:// or https://",
            )],
        ),
        (
            "exporters:\n  otlp_http:\n",
            &[(
                2,
                "exporters::otlp_http",
                "at least one endpoint must be specified",
            )],
        ),
        (
            "exporters:\n  otlp_grpc:\n    endpoint: tempo:4317\n    compression: gzp\n",
            &[(
                4,
                "exporters::otlp_grpc::compression",
                "one of `none`, `gzip`, `zstd`",
            )],
        ),
        (
            "exporters:\n  otlp_grpc:\n    endpoint: tempo:4317\n    timeout: 10 sec\n",
            &[(4, "exporters::otlp_grpc::timeout", "such as `1m30s`")],
        ),
        (
            "exporters:\n  otlp_grpc:\n    endpoint: tempo:4317\n    timeout: 1d\n",
            &[(
                4,
                "exporters::otlp_grpc::timeout",
                "there is no unit for days, write `24h`",
            )],
        ),
        (
            "exporters:\n  otlp_grpc:\n    endpoint: tempo:4317\n    timeout: -5s\n",
            &[(4, "exporters::otlp_grpc::timeout", "must be non-negative")],
        ),
        (
            "exporters:\n  otlp_grpc:\n    endpoint: t:1\n    sending_queue: {queue_size: 0}\n",
            &[(
                4,
                "exporters::otlp_grpc::sending_queue::queue_size",
                "must be positive",
            )],
        ),
        (
            "exporters:\n  otlp_grpc:\n    endpoint: t:1\n    sending_queue: {sizer: spans}\n",
            &[(
                4,
                "exporters::otlp_grpc::sending_queue::sizer",
                "one of `requests`, `items`, `bytes`",
            )],
        ),
        (
            "exporters:\n  otlp_grpc:\n    endpoint: t:1\n    \
             retry_on_failure: {max_intervall: 5s}\n",
            &[(
                4,
                "exporters::otlp_grpc::retry_on_failure::max_intervall",
                "did you mean `max_interval`?",
            )],
        ),
        (
            "exporters:\n  debug:\n    verbosity: detaild\n",
            &[(3, "exporters::debug::verbosity", "did you mean `detailed`?")],
        ),
        (
            "exporters:\n  debug:\n    use_internal_logger: \"no\"\n",
            &[(
                3,
                "exporters::debug::use_internal_logger",
                "write `true` or `false`, unquoted",
            )],
        ),
        (
            "exporters:\n  debug:\n    loglevel: debug\n",
            &[(
                3,
                "exporters::debug::loglevel",
                "the keys here are `verbosity`, ",
            )],
        ),
    ]);
}

#[test]
fn processors_and_connectors() {
    check_over(&[
        (
            "processors:\n  batch:\n    send_batch_size: 1000\n    send_batch_max_size: 500\n",
            &[(
                4,
                "processors::batch::send_batch_max_size",
                "must be greater or equal",
            )],
        ),
        (
            "processors:\n  batch:\n    send_batch_size: \"1000\"\n",
            &[(3, "processors::batch::send_batch_size", "remove the quotes")],
        ),
        (
            "processors:\n  batch:\n    send_batch_size: -1\n",
            &[(
                3,
                "processors::batch::send_batch_size",
                "expected 0 to 4294967295",
            )],
        ),
        (
            "processors:\n  memory_limiter:\n    limit_mib: 100\n",
            &[(
                2,
                "processors::memory_limiter::check_interval",
                "must be greater than zero",
            )],
        ),
        (
            "processors:\n  memory_limiter:\n    check_interval: 1s\n    limit_mib: 1\n    \
             spike_limit_mib: 2\n",
            &[(
                5,
                "processors::memory_limiter::spike_limit_mib",
                "must be smaller than 'limit_mib'",
            )],
        ),
        (
            "processors:\n  resource:\n    attributes:\n      - {key: a, action: insert}\n",
            &[(
                4,
                "processors::resource::attributes[0]",
                "\"from_attribute\"",
            )],
        ),
        (
            "processors:\n  attributes:\n    action: [{key: a, action: delete}]\n",
            &[
                (
                    2,
                    "processors::attributes",
                    "missing required field \"actions\"",
                ),
                (
                    3,
                    "processors::attributes::action",
                    "did you mean `actions`?",
                ),
            ],
        ),
        (
            "connectors:\n  forward:\n    to: logs\n",
            &[(3, "connectors::forward::to", "there are no keys here")],
        ),
    ]);
}

#[test]
fn what_stands_for_something_else() {
    check_over(&[
        (
            "receivers:\n  nop/1: ${file:/no/such.yaml}\n",
            &[(
                2,
                "receivers::nop/1",
                "unable to read the file file:/no/such.yaml",
            )],
        ),
        (
            "processors:\n  batch:\n    timeout: ${vault:x}\n",
            &[(
                3,
                "processors::batch::timeout",
                "scheme \"vault\" is not supported",
            )],
        ),
        (
            "processors:\n  batch:\n    timeout: ${env:1BAD}\n",
            &[(
                3,
                "processors::batch::timeout",
                "must match regex ^[a-zA-Z_]",
            )],
        ),
    ]);
}

#[test]
fn every_fault_of_a_file_is_named_in_one_run() {
    const YAML: &str = "\
receivers:
  otlp/2: {protocols: {grpc: {enpoint: a:1}}}
processors:
  batchl:
exporters:
  otlp_grpc: {endpoint: tempo:4317, timeout: 5}
service:
  telemetry: {logs: {level: chatty}}
  pipelines:
    logs: {receivers: [otpl], exporters: [otlp_grpc]}
";
    let expected = [
        (
            2,
            "receivers::otlp/2::protocols::grpc::enpoint",
            "did you mean `endpoint`?",
        ),
        (4, "processors::batchl", "did you mean `batch`?"),
        (8, "service::telemetry::logs::level", "one of `debug`"),
        (10, "service::pipelines::logs", "did you mean `otlp`?"),
    ];
    check(Some(BASE), YAML, &expected);
}

#[test]
fn a_secret_in_a_broken_line_is_not_shown() {
    let yaml =
        "exporters:\n  otlp_grpc:\n    endpoint: t:1\n    headers: {authorization: [hunter2]}\n";
    let (base, broken) = (file(BASE), file(yaml));
    for format in ["human", "json"] {
        let configs = ["--config", path(&base), "--config", path(&broken)];
        let ended = tracegate(&[&["validate", "--format", format], &configs[..]].concat());
        assert_eq!(ended.code, Some(1));
        assert!(!(ended.out + &ended.err).contains("hunter2"));
    }
}
