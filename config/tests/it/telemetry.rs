//! `service::telemetry`: every key is honoured, or somebody is told.

use config::Telemetry;

use crate::kit::{decode_text, lines};

/// What is said about `service::telemetry` with this body, without the place in the file.
fn check(text: &'static str, expected: &[&str]) {
    let (_, faults) = decode_text::<Telemetry>(text);
    let said: Vec<String> = lines(&faults)
        .into_iter()
        .map(|line| line.splitn(3, ": ").skip(1).collect::<Vec<_>>().join(": "))
        .collect();
    let said: Vec<_> = said
        .iter()
        .map(|line| line.replace("receivers::x::", ""))
        .collect();
    assert_eq!(said, expected, "{text}");
}

#[test]
fn readers_pull_or_push() {
    check(
        "metrics: {readers: [
            {pull: {exporter: {prometheus: {host: 0.0.0.0, port: 8888, without_scope_info: false,
              without_units: false, without_type_suffix: false,
              with_resource_constant_labels: {included: ['service.*'], excluded: [service.name]}}}}},
            {periodic: {interval: 1000, timeout: 500, exporter: {otlp: {protocol: grpc,
              endpoint: 'http://a:4317', headers: [{name: k, value: v}], headers_list: 'a=b,c=d',
              compression: gzip, timeout: 100, insecure: true, certificate: ca.pem,
              client_certificate: c.pem, client_key: k.pem, temporality_preference: delta,
              default_histogram_aggregation: explicit_bucket_histogram}}}},
            {periodic: {exporter: {otlp: {protocol: http/protobuf, endpoint: 'https://a/v1/metrics',
              headers: {k: v}}}}},
            {periodic: {exporter: {console: {}}}}]}",
        &[],
    );
    let either = "must have either `pull::exporter::prometheus` or `periodic`";
    check(
        "metrics: {readers: [{pull: {}}, {}]}",
        &[
            &format!("error: metrics::readers[0]: a reader {either}"),
            &format!("error: metrics::readers[1]: a reader {either}"),
        ],
    );
    check(
        "metrics: {readers: [{periodic: {interval: 0, exporter: {}}}]}",
        &[
            "error: metrics::readers[0]::periodic::interval: must be positive",
            "error: metrics::readers[0]::periodic::exporter: must have exactly one of `otlp` and \
             `console`",
        ],
    );
    check(
        "metrics: {readers: [{periodic: {producers: [{opencensus: {}}], exporter: {otlp: \
         {headers_list: x, client_key: k.pem,
          default_histogram_aggregation: base2_exponential_bucket_histogram}}}}]}",
        &[
            "error: metrics::readers[0]::periodic::exporter::otlp::headers_list: must be \
             `name=value,name=value`",
            "error: metrics::readers[0]::periodic::exporter::otlp::client_certificate: must stand \
             together with `client_key`",
            "warning: metrics::readers[0]::periodic::exporter::otlp::default_histogram_aggregation: \
             our histograms have explicit buckets: they are sent as such",
            "warning: metrics::readers[0]::periodic::producers: has no effect: there is no other \
             source of our own metrics",
        ],
    );
}

#[test]
fn views_are_for_the_detailed_level_and_change_nothing() {
    let doubt = "warning: metrics::views: has no effect: every metric is shown as it is";
    check(
        "metrics: {level: detailed, views: [{selector: {instrument_name: x}}]}",
        &[doubt],
    );
    check(
        "metrics: {views: [{}]}",
        &[
            "error: metrics::views: service::telemetry::metrics::views can only be set when \
             service::telemetry::metrics::level is detailed",
            doubt,
        ],
    );
}

#[test]
fn traces_about_ourselves_are_accepted_and_there_are_none() {
    check(
        "traces: {level: none, propagators: [tracecontext, b3], sampler: {always_on: {}}, limits: {}}",
        &[],
    );
    check(
        "traces: {processors: [{batch: {exporter: {otlp: {endpoint: x}}}}], propagators: [jaeger]}",
        &[
            "error: traces::propagators[0]: unsupported trace propagator",
            "warning: traces::processors: has no effect: this service makes no spans about itself",
        ],
    );
}

#[test]
fn logs_go_to_their_paths_alone() {
    check(
        "logs: {level: DEBUG, encoding: json, disable_caller: true, disable_stacktrace: true,
           sampling: {enabled: false}, output_paths: [stdout], error_output_paths: [stderr],
           initial_fields: {zone: a}, disable_zap_resource: true}",
        &[],
    );
    check(
        "logs: {development: true, processors: [{batch: {}}]}",
        &[
            "warning: logs::development: has no effect: no line has a stack trace, and no error \
             ends the process",
            "warning: logs::processors: has no effect: log lines are written to `output_paths` \
             alone; a log collector, such as the receiver `file_log` of another instance, can read \
             them there",
        ],
    );
}

#[test]
fn the_resource_is_read_in_every_form() {
    let read = |text: &'static str| {
        let (telemetry, faults) = decode_text::<Telemetry>(text);
        let said = lines(&faults).len();
        (
            telemetry
                .unwrap()
                .resource
                .attributes
                .into_iter()
                .collect::<Vec<_>>(),
            said,
        )
    };
    let text = |value: &str| Some(value.to_owned());
    let own = |name: &str, value: Option<String>| (name.to_owned(), value);
    let (attributes, said) = read("resource: {service.name: edge, service.version: null, n: 7}");
    let expected = [
        own("n", text("7")),
        own("service.name", text("edge")),
        own("service.version", None),
    ];
    assert_eq!((attributes.as_slice(), said), (expected.as_slice(), 0));
    let (attributes, said) = read(
        "resource: {attributes_list: 'a=1, b=2', schema_url: x,
           attributes: [{name: a, value: 3, type: int}]}",
    );
    let expected = [own("a", text("3")), own("b", text("2"))];
    assert_eq!((attributes.as_slice(), said), (expected.as_slice(), 0));
    let (attributes, said) = read("resource: {attributes: {service.name: edge}}");
    assert_eq!(
        (attributes, said),
        (vec![own("service.name", text("edge"))], 1)
    );
    check(
        "resource: {detection/development: {detectors: [{container: }, {host: }]}}",
        &[
            "warning: resource::detection/development: has no effect: nothing is found out about \
             container, host or process; write what should be known under `attributes`",
        ],
    );
}
