//! The effective configuration.

use serde_json::Value;

use super::{file, fixtures, path, tracegate, tracegate_with};

const WITH_SECRETS: &str = "\
receivers:
  otlp: {protocols: {grpc: }}
exporters:
  otlp_grpc:
    endpoint: ${env:BACK_END}
    headers: {authorization: Bearer hunter2, x-tenant: \"${env:TENANT}\"}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp_grpc]}
";

const ENVIRONMENT: [(&str, &str); 2] = [("BACK_END", "tempo:4317"), ("TENANT", "hunter3")];

#[test]
fn it_is_merged_expanded_and_filled_with_defaults() {
    let file = file(WITH_SECRETS);
    let set = "exporters.otlp_grpc.timeout=90s";
    let arguments = [
        "print-config",
        "--format",
        "json",
        "--config",
        path(&file),
        "--set",
        set,
    ];
    let ended = tracegate_with(&arguments, &ENVIRONMENT);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let printed: Value = serde_json::from_str(&ended.out).unwrap();
    let exporter = &printed["exporters"]["otlp_grpc"];
    assert_eq!(exporter["endpoint"], "tempo:4317");
    assert_eq!(exporter["timeout"], "1m30s");
    assert_eq!(exporter["sending_queue"]["queue_size"], 1000);
    assert_eq!(
        printed["service"]["pipelines"]["traces"]["processors"],
        serde_json::json!([])
    );
    assert_eq!(printed["service"]["telemetry"]["logs"]["level"], "info");
}

#[test]
fn secrets_are_left_out_of_both_formats() {
    let file = file(WITH_SECRETS);
    for format in ["yaml", "json"] {
        let arguments = ["print-config", "--format", format, "--config", path(&file)];
        let ended = tracegate_with(&arguments, &ENVIRONMENT);
        assert_eq!(ended.code, Some(0));
        assert!(
            !ended.out.contains("hunter") && !ended.err.contains("hunter"),
            "{}",
            ended.out
        );
        assert_eq!(ended.out.matches("[REDACTED]").count(), 2, "{}", ended.out);
    }
}

#[test]
fn what_is_printed_is_a_configuration_that_prints_the_same() {
    for sample in fixtures("valid") {
        let first = tracegate(&["print-config", "--config", sample.to_str().unwrap()]);
        assert_eq!(first.code, Some(0), "{sample:?}: {}", first.err);
        let printed = file(&first.out);
        let second = tracegate(&["print-config", "--config", path(&printed)]);
        assert_eq!(
            second.code,
            Some(0),
            "{sample:?}: {}\n{}",
            second.err,
            first.out
        );
        assert_eq!(second.out, first.out, "{sample:?}");
    }
}

#[test]
fn origins_name_the_source_and_line_of_each_value() {
    let file = file(WITH_SECRETS);
    let set = "exporters.otlp_grpc.timeout=90s";
    let arguments = [
        "print-config",
        "--origins",
        "--config",
        path(&file),
        "--set",
        set,
    ];
    let ended = tracegate_with(&arguments, &ENVIRONMENT);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let check = |line: &str| {
        let found = ended.out.lines().any(|found| found.trim_start() == line);
        assert!(found, "{line} is not in\n{}", ended.out);
    };
    check(&format!("endpoint: tempo:4317  # {}:5", path(&file)));
    check("timeout: 1m30s  # --set exporters.otlp_grpc.timeout");
    check("queue_size: 1000  # default");
    check(&format!("- otlp_grpc  # {}:9", path(&file)));
    let ended = tracegate(&["print-config", "--origins", "--format", "json"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.err.contains("which JSON does not have"),
        "{}",
        ended.err
    );
}

#[test]
fn what_the_collector_does_not_know_is_left_out_and_named_for_it() {
    let file = file(WITH_SECRETS);
    let arguments = ["print-config", "--for-collector", "--config", path(&file)];
    let ended = tracegate_with(&arguments, &ENVIRONMENT);
    assert_eq!(ended.code, Some(0));
    assert_eq!(
        ended.err,
        "omitted: receivers::otlp::ack: \"accepted\"\n\
         omitted: exporters::otlp_grpc::max_request_bytes: 4000000\n\
         omitted: extensions::admin\n"
    );
    for ours in ["max_request_bytes", "admin"] {
        assert!(!ended.out.contains(ours), "{}", ended.out);
    }
}

#[test]
fn a_type_that_the_collector_has_dropped_has_its_new_name_for_it_everywhere() {
    let yaml = "receivers: {nop: }\nexporters: {logging: , logging/b: }\n\
                service: {pipelines: {traces: {receivers: [nop], exporters: [logging/b, logging]}}}\n";
    let file = file(yaml);
    let arguments = [
        "print-config",
        "--for-collector",
        "--format",
        "json",
        "--config",
        path(&file),
    ];
    let ended = tracegate(&arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    for line in [
        "renamed: exporters::logging to debug\n",
        "renamed: exporters::logging/b to debug/b\n",
    ] {
        assert!(ended.err.contains(line), "{}", ended.err);
    }
    let printed: Value = serde_json::from_str(&ended.out).unwrap();
    let exporters: Vec<&String> = printed["exporters"].as_object().unwrap().keys().collect();
    assert_eq!(exporters, ["debug", "debug/b"]);
    let named = &printed["service"]["pipelines"]["traces"]["exporters"];
    assert_eq!(*named, serde_json::json!(["debug/b", "debug"]));
}

#[test]
fn texts_that_look_like_something_else_stay_texts() {
    let words = [
        "yes", "no", "on", "off", "1_000", "0123", "1e3", "null", "${X}", "12:30",
    ];
    for word in words {
        let yaml = format!(
            "receivers: {{nop: }}\nexporters: {{nop: }}\n\
             service:\n  telemetry:\n    resource:\n      \
             zone: '{}'\n  pipelines: {{traces: {{receivers: [nop], exporters: [nop]}}}}\n",
            word.replace('$', "$$")
        );
        let (zone, quoted) = (format!("zone: {word}\n"), word.replace('$', "$$"));
        let file = file(&yaml);
        let out = tracegate(&["print-config", "--config", path(&file)]).out;
        assert!(!out.contains(&zone), "{out}");
        assert!(out.contains(&format!("zone: \"{quoted}\"\n")), "{out}");
    }
}

#[test]
fn without_a_source_it_is_the_embedded_configuration() {
    let check = |arguments: &[&str], endpoint: &str| {
        let ended = tracegate(&[&["print-initial-config"], arguments].concat());
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
        assert!(
            ended
                .out
                .contains(&format!("        endpoint: \"{endpoint}\"\n")),
            "{}",
            ended.out
        );
        assert!(
            ended.out.contains("exporters:\n  debug:\n"),
            "{}",
            ended.out
        );
    };
    check(&[], "127.0.0.1:4317");
    check(
        &[
            "--set",
            "receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0",
        ],
        "127.0.0.1:0",
    );
}

#[test]
fn a_faulty_configuration_is_not_printed() {
    let file = file("receivers: {nop: }\n");
    let ended = tracegate(&["print-config", "--config", path(&file)]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    assert!(
        ended
            .err
            .contains("service must have at least one pipeline"),
        "{}",
        ended.err
    );
}
