//! Valid configurations, exit codes and the two formats of the report.

use serde_json::Value;

use super::{file, fixtures, path, tracegate, tracegate_with};

const VALID: &str = "\
receivers: {nop: }
exporters: {nop: }
service: {pipelines: {traces: {receivers: [nop], exporters: [nop]}}}
";

#[test]
fn every_sample_is_valid() {
    for sample in fixtures("valid") {
        let ended = tracegate(&["validate", "--config", sample.to_str().unwrap()]);
        assert_eq!(
            (ended.code, ended.out.as_str()),
            (Some(0), ""),
            "{sample:?}: {}",
            ended.err
        );
        assert!(!ended.err.contains("error"), "{sample:?}: {}", ended.err);
    }
}

/// Those that packages bring, without a warning.
#[test]
fn what_is_installed_is_valid() {
    for name in ["config.yaml", "container.yaml"] {
        let file = format!("{}/packaging/{name}", env!("CARGO_MANIFEST_DIR"));
        let ended = tracegate(&["validate", "--strict", "--config", &file]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{name}");
    }
}

#[test]
fn a_valid_file_is_valid_without_a_word() {
    let file = file(VALID);
    let ended = tracegate(&["validate", "--config", path(&file)]);
    assert_eq!(
        (ended.code, ended.out.as_str(), ended.err.as_str()),
        (Some(0), "", "")
    );
    let ended = tracegate(&["validate", "--format", "json", "--config", path(&file)]);
    assert_eq!(ended.code, Some(0));
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(report, serde_json::json!({ "faults": [], "errors": 0 }));
}

#[test]
fn warnings_are_shown_and_do_not_fail() {
    let file = file(&VALID.replace("exporters: {nop: }", "exporters: {nop: , nop/2: }"));
    let ended = tracegate(&["validate", "--config", path(&file)]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
    let expected = format!(
        "warning: the exporter `nop/2` is not in any pipeline, so it is not started\n \
         --> {}:2:20\n",
        path(&file)
    );
    assert!(ended.err.starts_with(&expected), "{}", ended.err);
}

#[test]
fn warnings_fail_where_it_is_strict() {
    let check = |yaml: &str, code: i32| {
        let file = file(yaml);
        let ended = tracegate(&["validate", "--strict", "--config", path(&file)]);
        assert_eq!(ended.code, Some(code), "{}", ended.err);
    };
    check(VALID, 0);
    check(
        &VALID.replace("exporters: {nop: }", "exporters: {nop: , nop/2: }"),
        1,
    );
}

#[test]
fn what_is_legal_and_hardly_meant_is_a_warning() {
    let check = |receivers: &str, processors: &str, warning: Option<(&str, &str)>| {
        let yaml = format!(
            "receivers: {{nop: , {receivers}}}\n\
             processors: {{batch: , memory_limiter: {{check_interval: 1s, limit_mib: 100}}}}\n\
             exporters: {{nop: }}\n\
             service:\n  pipelines:\n    traces:\n      receivers: [otlp, otlp/2]\n      \
             processors: {processors}\n      exporters: [nop]\n"
        );
        let file = file(&yaml);
        let ended = tracegate(&["validate", "--format", "json", "--config", path(&file)]);
        assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
        let report: Value = serde_json::from_str(&ended.out).unwrap();
        let found = report["faults"].as_array().unwrap().iter();
        let mut found = found.filter(|fault| !fault["text"].as_str().unwrap().contains("`nop`"));
        match warning {
            Some((path, text)) => {
                let fault = found.next().unwrap();
                assert_eq!(fault["path"], path);
                assert!(fault["text"].as_str().unwrap().contains(text), "{fault}");
            }
            None => assert_eq!(found.next(), None),
        }
    };
    let apart = "otlp: {protocols: {grpc: }}, otlp/2: {protocols: {http: }}";
    check(apart, "[memory_limiter, batch]", None);
    check(
        apart,
        "[batch, memory_limiter]",
        Some((
            "service::pipelines::traces::processors[1]",
            "not the first processor",
        )),
    );
    check(
        "otlp: {protocols: {grpc: }}, otlp/2: {protocols: {http: {endpoint: \"0.0.0.0:4317\"}}}",
        "[]",
        Some((
            "receivers::otlp/2::protocols::http::endpoint",
            "`receivers::otlp` and `receivers::otlp/2` listen on one address",
        )),
    );
}

#[test]
fn a_health_check_of_version_2_does_not_listen_on_the_endpoint_of_version_1() {
    let check = |second: &str, code: i32| {
        let service = "service: {extensions: [health_check, health_check/2],";
        let service = VALID.replace("service: {", service);
        let yaml = format!("extensions: {{health_check: , health_check/2: {second}}}\n{service}");
        let file = file(&yaml);
        let ended = tracegate(&["validate", "--strict", "--config", path(&file)]);
        assert_eq!(ended.code, Some(code), "{}", ended.err);
    };
    check("{path: /2}", 1);
    check("{use_v2: true, http: {endpoint: 'localhost:8989'}}", 0);
}

#[test]
fn sources_are_merged_before_they_are_checked() {
    let (first, second) = (file(VALID), file("exporters: {nop/2: }\n"));
    let pipeline = "service.pipelines.traces.exporters=[nop/2]";
    let arguments = [
        "validate",
        "--config",
        path(&first),
        "--config",
        path(&second),
        "--set",
        pipeline,
    ];
    let ended = tracegate(&arguments);
    assert_eq!(ended.code, Some(0));
    assert!(
        ended
            .err
            .contains("the exporter `nop` is not in any pipeline"),
        "{}",
        ended.err
    );
    let ended = tracegate_with(
        &["validate", "--config", "env:CONFIG"],
        &[("CONFIG", VALID)],
    );
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
}

#[test]
fn sources_that_cannot_be_read_are_named() {
    let check = |arguments: &[&str], reason: &str| {
        let ended = tracegate(&[&["validate"], arguments].concat());
        assert_eq!(
            (ended.code, ended.out.as_str()),
            (Some(1), ""),
            "{arguments:?}"
        );
        assert!(ended.err.contains(reason), "{arguments:?}: {}", ended.err);
    };
    check(&[], "at least one config flag must be provided");
    check(
        &["--config", "/no/such.yaml"],
        "unable to read the file /no/such.yaml: No such file",
    );
    check(
        &["--config", "ftp://x/y"],
        "unsupported scheme on URI \"ftp://x/y\"",
    );
    check(
        &["--config", "env:NO_SUCH"],
        "\"NO_SUCH\" of \"env:NO_SUCH\" is not set",
    );
    check(&["--set", "a.b"], "missing equal sign");
}
