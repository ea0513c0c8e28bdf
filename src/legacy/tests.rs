//! Old text in; warnings, and the configuration that it comes to, out.

use config::{Faults, Severity, Sources};
use serde_json::{Value, json};

use crate::setup::{Asked, Setup, setup};

const BASE: &str = "\
receivers: {otlp: {protocols: {grpc: }}}
exporters: {nop: }
service: {telemetry: {metrics: {level: none}},
  pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}
";

/// The parts laid over a valid configuration; the faults by severity as `path: text (help)`.
fn read(yaml: &str, volatile_queues: bool) -> (Option<Setup>, [Vec<String>; 2]) {
    let asked = Asked {
        sources: Sources {
            configs: vec![format!("yaml:{BASE}"), format!("yaml:{yaml}")],
            sets: Vec::new(),
        },
        found: None,
        volatile_queues,
    };
    let mut faults = Faults::new();
    let setup = setup(&asked, &mut faults);
    let of = |severity| {
        let some = faults.iter().filter(|fault| fault.severity == severity);
        let line = |fault: &config::Fault| {
            let help = fault.help.as_deref().unwrap_or("");
            format!("{}: {} ({help})", fault.path, fault.text)
        };
        some.map(line).collect()
    };
    let lists = [of(Severity::Error), of(Severity::Warning)];
    (setup, lists)
}

/// The effective configuration of a component, or of a part of the telemetry.
fn effective(setup: &Setup, path: &str) -> Value {
    let (section, rest) = path.split_once("::").unwrap();
    if section == "telemetry" {
        let telemetry = serde_json::to_value(&setup.document.service.telemetry).unwrap();
        return telemetry.pointer(rest).unwrap().clone();
    }
    let (id, pointer) = rest.split_once("::").unwrap();
    let kinds = setup.effective.iter();
    let (_, components) = kinds
        .into_iter()
        .find(|(k, _)| k.section() == section)
        .unwrap();
    let found = components.iter().find(|(known, _)| known == id);
    found.unwrap().1.pointer(pointer).unwrap().clone()
}

/// An old form that is honoured: one warning about it, and what it comes to.
fn check(yaml: &str, warning: &str, path: &str, expected: &Value) {
    let (setup, [errors, warnings]) = read(yaml, false);
    assert_eq!(errors, [""; 0], "{yaml}");
    let of_form = warnings
        .iter()
        .filter(|line| line.as_str() == warning)
        .count();
    assert_eq!(of_form, 1, "{yaml}\n{warning}\n{warnings:#?}");
    assert_eq!(effective(&setup.unwrap(), path), *expected, "{yaml}");
}

/// One that is not: the fault with the block to write.
fn check_refused(yaml: &str, error: &str) {
    let (setup, [errors, _]) = read(yaml, false);
    assert_eq!(
        (errors.as_slice(), setup.is_none()),
        ([error.to_owned()].as_slice(), true)
    );
}

#[test]
fn keys_of_queues_and_batches() {
    check(
        "exporters: {otlp_grpc: {endpoint: 'h:1', sending_queue: {blocking: true}}}",
        "exporters::otlp_grpc::sending_queue::blocking: `blocking` is an old form, which the \
         Collector has removed in 0.129 (write `block_on_overflow: true`)",
        "exporters::otlp_grpc::/sending_queue/block_on_overflow",
        &json!(true),
    );
    let batch = "exporters: {otlp_grpc/2: {endpoint: 'h:1', sending_queue: {batch: \
                 {min_size_items: 10, max_size_items: 20}}}}";
    let row = |key: &str, new: &str| {
        format!(
            "exporters::otlp_grpc/2::sending_queue::batch::{key}: `{key}` is an old form, which \
             the Collector has removed in 0.123 (write `{new}`)"
        )
    };
    for (key, new, pointer, size) in [
        ("min_size_items", "min_size: 10", "min_size", 10),
        ("max_size_items", "max_size: 20", "max_size", 20),
    ] {
        let path = format!("exporters::otlp_grpc/2::/sending_queue/batch/{pointer}");
        check(batch, &row(key, new), &path, &json!(size));
    }
    let old = "which the Collector has removed in 0.130";
    let path = "exporters::otlp_grpc::batcher: `batcher` is an old form,";
    check(
        "exporters: {otlp_grpc: {endpoint: 'h:1', batcher: {enabled: true, flush_timeout: 1s, \
         min_size_items: 10}}}",
        &format!(
            "{path} {old} (write `sending_queue: {{batch: {{flush_timeout: 1s, min_size: 10, \
             sizer: items}}}}`)"
        ),
        "exporters::otlp_grpc::/sending_queue/batch",
        &json!({"flush_timeout": "1s", "min_size": 10, "max_size": 0, "sizer": "items",
            "partition": {"metadata_keys": []}}),
    );
    check(
        "exporters: {otlp_grpc: {endpoint: 'h:1', batcher: {enabled: false}}}",
        &format!("{path} {old} (take it out: it is off)"),
        "exporters::otlp_grpc::/sending_queue/batch",
        &json!({"enabled": false}),
    );
}

#[test]
fn keys_of_exporters() {
    check(
        "exporters: {logging: {loglevel: debug}}",
        "exporters::logging::loglevel: `loglevel` is an old form, which the Collector has removed \
         in 0.111 (write `debug` with `verbosity: detailed`)",
        "exporters::logging::/verbosity",
        &json!("detailed"),
    );
    for (level, verbosity) in [("info", "normal"), ("warn", "basic")] {
        let (setup, _) = read(
            &format!("exporters: {{logging/x: {{loglevel: {level}}}}}"),
            false,
        );
        let found = effective(&setup.unwrap(), "exporters::logging/x::/verbosity");
        assert_eq!(found, json!(verbosity), "{level}");
    }
    check(
        "exporters: {logging: }",
        "exporters::logging: \"logging\" alias is deprecated; use \"debug\" instead ()",
        "exporters::logging::/verbosity",
        &json!("basic"),
    );
    check(
        "exporters: {otlp: {endpoint: 'h:1', insecure: true}}",
        "exporters::otlp::insecure: `insecure` is an old form, which the Collector has moved into \
         `tls` (write `tls: {insecure: true}`)",
        "exporters::otlp::/tls/insecure",
        &json!(true),
    );
    check(
        "exporters: {otlphttp: {endpoint: 'http://h', retry_on_failure: {enabled: false}}}",
        "exporters::otlphttp: \"otlphttp\" alias is deprecated; use \"otlp_http\" instead ()",
        "exporters::otlphttp::/retry_on_failure/enabled",
        &json!(false),
    );
}

#[test]
fn keys_of_the_telemetry_and_of_other_components() {
    let reader = "pull: {exporter: {prometheus: {host";
    check(
        "service: {telemetry: {metrics: {address: '127.0.0.1:0'}}}",
        &format!(
            "service::telemetry::metrics::address: `address` is an old form, which the Collector \
             has removed in 0.128 (write `readers: [{{{reader}: 127.0.0.1, port: 0}}}}}}}}]`)"
        ),
        "telemetry::/metrics/readers/0/pull/exporter/prometheus/host",
        &json!("127.0.0.1"),
    );
    for address in [":9", "9", "'0.0.0.0:9'"] {
        let yaml = format!("service: {{telemetry: {{metrics: {{address: {address}}}}}}}");
        let (setup, [errors, _]) = read(&yaml, false);
        assert_eq!(errors, [""; 0], "{address}");
        let path = "telemetry::/metrics/readers/0/pull/exporter/prometheus";
        let page = effective(&setup.unwrap(), path);
        assert_eq!(
            (&page["host"], &page["port"]),
            (&json!("0.0.0.0"), &json!(9))
        );
    }
    check(
        "extensions: {health_check: {port: 1}}",
        "extensions::health_check::port: `port` is an old form, which the Collector has replaced \
         by `endpoint` (write `endpoint: 0.0.0.0:1`)",
        "extensions::health_check::/endpoint",
        &json!("0.0.0.0:1"),
    );
    check(
        "extensions: {health_check: {check_collector_pipeline: {enabled: true}}}",
        "extensions::health_check::check_collector_pipeline: `check_collector_pipeline` is an old \
         form, which the Collector accepts without effect (take it out: `/delivering` of this \
         extension says whether exporters deliver)",
        "extensions::health_check::/path",
        &json!("/"),
    );
    check(
        "processors: {memory_limiter: {check_interval: 1s, limit_mib: 9, ballast_size_mib: 1}}",
        "processors::memory_limiter::ballast_size_mib: `ballast_size_mib` is an old form, which \
         the Collector has removed in 0.109 (take it out: there is no ballast without a garbage \
         collector)",
        "processors::memory_limiter::/limit_mib",
        &json!(9),
    );
}

#[test]
fn an_old_form_that_contradicts_a_new_one_is_refused_with_the_block_to_write() {
    check_refused(
        "exporters: {otlp_grpc: {endpoint: 'h:1', sending_queue: {blocking: true, \
         block_on_overflow: false}}}",
        "exporters::otlp_grpc::sending_queue::blocking: `blocking` and `block_on_overflow` are the \
         same key (take `blocking` out)",
    );
    let batch = "write `sending_queue: {batch: {min_size: 1, sizer: items}}`";
    check_refused(
        "exporters: {otlp_grpc: {endpoint: 'h:1', sending_queue: {enabled: false}, batcher: \
         {min_size_items: 1}}}",
        &format!(
            "exporters::otlp_grpc::batcher: `batcher` is in the queue today, and this queue is off \
             ({batch})"
        ),
    );
    check_refused(
        "exporters: {otlp_grpc: {endpoint: 'h:1', sending_queue: {batch: }, batcher: \
         {min_size_items: 1}}}",
        &format!(
            "exporters::otlp_grpc::batcher: `batcher` and `sending_queue::batch` are the same \
             ({batch})"
        ),
    );
    check_refused(
        "exporters: {otlp_grpc: {endpoint: 'h:1', insecure: true, tls: {insecure: false}}}",
        "exporters::otlp_grpc::insecure: `insecure` stands in `tls` already (write `tls: \
         {insecure: true}`)",
    );
    check_refused(
        "service: {telemetry: {metrics: {address: here}}}",
        "service::telemetry::metrics::address: `address` is no `host:port`, and the Collector has \
         removed it in 0.128 (write `readers: [{pull: {exporter: {prometheus: {host: 0.0.0.0, \
         port: 8888}}}}]`)",
    );
}

#[test]
fn a_ballast_is_left_out() {
    let (setup, [errors, warnings]) = read(
        "extensions: {memory_ballast/x: {size_in_percentage: 40}, health_check: }
service: {extensions: [health_check, memory_ballast/x]}",
        false,
    );
    assert_eq!(errors, [""; 0]);
    let setup = setup.unwrap();
    let mut started = setup.document.service.extensions.iter();
    assert!(!started.any(|extension| extension.id.kind() == "memory_ballast"));
    assert_eq!(
        warnings,
        [
            "extensions::memory_ballast/x: `memory_ballast/x` has no effect; the Collector has \
             removed it in 0.109 (take it out here and out of `service::extensions`: no garbage \
             collector runs here, and the budget is 75 % of the cgroup's memory)"
        ]
    );
}

#[test]
fn a_receiver_that_scrapes_this_process_alone_stands_still() {
    let check = |jobs: &str, own: bool| {
        let yaml = format!(
            "receivers: {{prometheus/a: {{config: {{scrape_configs: {jobs}}}}}}}
service: {{pipelines: {{metrics: {{receivers: [otlp, prometheus/a], exporters: [nop]}}}}}}"
        );
        let (setup, [errors, warnings]) = read(&yaml, false);
        assert_eq!(
            (setup.is_some(), errors.is_empty()),
            (own, own),
            "{jobs} {errors:?}"
        );
        let told = warnings.iter().any(|line| {
            line.starts_with(
                "receivers::prometheus/a: `prometheus/a` scrapes this process alone, and this \
                 build has no such receiver: `nop/prometheus/a` stands in for it",
            )
        });
        assert_eq!(told, own, "{jobs} {warnings:?}");
    };
    let job =
        |targets: &str| format!("[{{job_name: a, static_configs: [{{targets: [{targets}]}}]}}]");
    for host in ["localhost", "127.0.0.1", "0.0.0.0", "${env:MY_POD_IP}", ""] {
        check(&job(&format!("\"{host}:8888\"")), true);
    }
    check(&job("'127.0.0.1:8888', 'localhost:8888'"), true);
    check(&job("'127.0.0.1:8888', 'db:9187'"), false);
    check(&job("'localhost:9090'"), false);
    check(&job("'other:8888'"), false);
    check(&job(""), false);
    check("[]", false);
    check(
        "[{job_name: a, kubernetes_sd_configs: [{role: pod}]}]",
        false,
    );
}

#[test]
fn the_log_of_remote_write_is_a_queue_on_disk() {
    for name in ["prometheus_remote_write", "prometheusremotewrite/a"] {
        let yaml =
            format!("exporters: {{{name}: {{endpoint: 'http://h', wal: {{directory: /w}}}}}}");
        let (setup, [errors, _]) = read(&yaml, false);
        assert!(setup.is_none());
        let expected = "::wal: the queue is in memory: what it holds is lost when the process ends \
                        (take `wal` out, or start with --allow-volatile-queues, if that may be)";
        assert_eq!(errors, [format!("exporters::{name}{expected}")]);
        let (setup, [errors, _]) = read(&yaml, true);
        assert_eq!((setup.unwrap().volatile_queues, errors.len()), (1, 0));
    }
}

#[test]
fn a_queue_on_disk_is_refused_unless_it_may_be_in_memory() {
    let yaml = "extensions: {file_storage/q: {directory: /q}}
exporters: {otlp_grpc: {endpoint: 'h:1', sending_queue: {storage: file_storage/q}}}
service: {extensions: [file_storage/q]}";
    let (setup, [errors, _]) = read(yaml, false);
    assert!(setup.is_none());
    assert_eq!(
        errors,
        [
            "extensions::file_storage/q: `file_storage/q`: this build keeps nothing on disk (take \
             `file_storage/q` out here and out of `service::extensions`, or start with \
             --allow-volatile-queues)",
            "exporters::otlp_grpc::sending_queue::storage: the queue is in memory: what it holds \
             is lost when the process ends (take `storage` out, or start with \
             --allow-volatile-queues, if that may be)"
        ]
    );
    let (setup, [errors, warnings]) = read(yaml, true);
    assert_eq!((setup.unwrap().volatile_queues, errors.len()), (1, 0));
    for fact in [
        "queues are in memory",
        "what it holds is lost when the process ends",
    ] {
        assert_eq!(
            warnings.iter().filter(|line| line.contains(fact)).count(),
            1,
            "{fact}"
        );
    }
}

#[test]
fn sections_that_say_enabled_are_on_or_off() {
    let (setup, [errors, warnings]) = read(
        "exporters: {otlp_grpc: {endpoint: 'h:1', sending_queue: {enabled: false}}, debug: \
         {sending_queue: {enabled: true}}}",
        false,
    );
    assert_eq!(errors, [""; 0]);
    assert!(
        !warnings.iter().any(|line| line.contains("enabled")),
        "{warnings:?}"
    );
    let setup = setup.unwrap();
    let queue = effective(&setup, "exporters::otlp_grpc::/sending_queue");
    assert_eq!(queue, json!({"enabled": false}));
    let size = effective(&setup, "exporters::debug::/sending_queue/queue_size");
    assert_eq!(size, json!(1000));
}
