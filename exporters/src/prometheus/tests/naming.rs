//! Names, labels and resources.

use std::collections::BTreeMap;

use config::telemetry::Chosen;
use config::{Optional, Validate};

use super::super::config::Keys;
use super::fixture::*;
use crate::translation::Strategy;

const RESOURCE: &[(&str, &str)] = &[
    ("service.namespace", "shop"),
    ("service.name", "cart"),
    ("service.instance.id", "i-1"),
    ("host.name", "h"),
];

#[test]
fn a_series_says_by_whom_it_was_measured() {
    let mut exposed = Exposed::new(Keys {
        namespace: "ns".into(),
        const_labels: BTreeMap::from([("env".into(), "prod".into())]),
        ..Keys::default()
    });
    let mut request = request(
        RESOURCE,
        "lib",
        vec![gauge("g", vec![number(1.0, &[("a", "b")])])],
    );
    let scope = &mut request.resource_metrics[0].scope_metrics[0];
    scope.schema_url = "https://x".into();
    let said = scope.scope.as_mut().unwrap();
    said.version = "1.2".into();
    said.attributes = attributes(&[("my.attr", "v"), ("name", "hidden")]);
    exposed.take(&request);
    assert_eq!(
        exposed.page(),
        "\
# HELP ns_g Help
# TYPE ns_g gauge
ns_g{a=\"b\",env=\"prod\",instance=\"i-1\",job=\"shop/cart\",otel_scope_my_attr=\"v\",\
otel_scope_name=\"lib\",otel_scope_schema_url=\"https://x\",otel_scope_version=\"1.2\"} 1
# HELP ns_target_info Target metadata
# TYPE ns_target_info gauge
ns_target_info{host_name=\"h\",instance=\"i-1\",job=\"shop/cart\"} 1
"
    );
}

#[test]
fn a_resource_is_shown_once_and_only_by_job_and_instance() {
    let mut exposed = Exposed::new(bare());
    let one =
        |resource: &[(&str, &str)]| request(resource, "", vec![gauge("g", vec![number(1.0, &[])])]);
    exposed.take(&one(&[("service.name", "cart"), ("host.name", "h")]));
    assert!(!exposed.page().contains("target_info"));
    exposed.take(&one(RESOURCE));
    let mut changed = RESOURCE.to_vec();
    changed[3].1 = "other";
    exposed.take(&one(&changed));
    let samples = exposed.samples();
    let shown: Vec<_> = samples
        .lines()
        .filter(|line| line.contains("target_info"))
        .collect();
    assert_eq!(
        shown,
        ["target_info{host_name=\"other\",instance=\"i-1\",job=\"shop/cart\"} 1"]
    );
}

#[test]
fn attributes_of_the_resource_can_stand_on_its_series() {
    let check = |keys: Keys, expected: &str| {
        let mut exposed = Exposed::new(keys);
        let point = number(1.0, &[("host.name", "of the point"), ("a", "b")]);
        exposed.take(&request(RESOURCE, "", vec![gauge("g", vec![point])]));
        let samples = exposed.samples();
        assert_eq!(samples.lines().next().unwrap(), expected);
    };
    let identity = "instance=\"i-1\",job=\"shop/cart\"";
    check(
        from_yaml("resource_to_telemetry_conversion: {enabled: true}"),
        &format!(
            "g{{a=\"b\",host_name=\"h\",{identity},service_instance_id=\"i-1\",\
             service_name=\"cart\",service_namespace=\"shop\"}} 1"
        ),
    );
    check(
        from_yaml(
            "resource_to_telemetry_conversion: {enabled: true, exclude_service_attributes: true}",
        ),
        &format!("g{{a=\"b\",host_name=\"h\",{identity}}} 1"),
    );
    check(
        Keys {
            resource_constant_labels: Optional::On(Chosen {
                included: vec!["service.*".into()],
                excluded: vec!["service.na*".into()],
            }),
            ..bare()
        },
        &format!(
            "g{{a=\"b\",host_name=\"of the point\",{identity},service_instance_id=\"i-1\"}} 1"
        ),
    );
}

fn from_yaml(key: &str) -> Keys {
    let yaml = format!("endpoint: 127.0.0.1:0\nwithout_scope_info: true\n{key}\n");
    read(&yaml).unwrap()
}

/// The keys, or all that is wrong with them.
fn read(yaml: &str) -> Result<Keys, String> {
    let indented: String = yaml.lines().map(|line| format!("    {line}\n")).collect();
    let yaml = format!("exporters:\n  prometheus:\n{indented}");
    let mut faults = config::Faults::new();
    let document = pipeline::testkit::document(&yaml, &mut faults).unwrap();
    let section = document.section(config::Kind::Exporter);
    let component = section.iter().next().unwrap();
    let config: Option<super::super::config::Config> = component.decode_valid(&mut faults);
    let told: String = faults.iter().map(|fault| format!("{fault}\n")).collect();
    match config {
        Some(config) if told.is_empty() => Ok(config.1),
        _ => Err(told),
    }
}

#[test]
fn names_follow_the_strategy() {
    let check = |key: &str, strategy: Strategy| {
        let keys = read(&format!("endpoint: 127.0.0.1:0\n{key}\n")).unwrap();
        assert_eq!(keys.naming().strategy, strategy, "{key}");
    };
    check("", Strategy::UnderscoreEscapingWithSuffixes);
    check(
        "add_metric_suffixes: false",
        Strategy::UnderscoreEscapingWithoutSuffixes,
    );
    for (name, strategy) in [
        (
            "UnderscoreEscapingWithSuffixes",
            Strategy::UnderscoreEscapingWithSuffixes,
        ),
        (
            "UnderscoreEscapingWithoutSuffixes",
            Strategy::UnderscoreEscapingWithoutSuffixes,
        ),
        (
            "NoUTF8EscapingWithSuffixes",
            Strategy::NoUtf8EscapingWithSuffixes,
        ),
        ("NoTranslation", Strategy::NoTranslation),
    ] {
        check(&format!("translation_strategy: {name}"), strategy);
    }
}

#[test]
fn a_configuration_that_cannot_be_meant_is_refused() {
    let check = |yaml: &str, expected: &str| {
        let told = read(yaml).unwrap_err();
        assert!(told.contains(expected), "{yaml}: {told}");
    };
    check("namespace: x", "expecting a non-blank address");
    check(
        "endpoint: 127.0.0.1:0\ntranslation_strategy: x",
        "invalid translation_strategy: x; write `UnderscoreEscapingWithSuffixes`",
    );
    check(
        "endpoint: 127.0.0.1:0\nmetric_expiration: -1s",
        "must be non-negative",
    );
    check(
        "endpoint: 127.0.0.1:0\nmetric_expiration: 0s",
        "every series has expired",
    );
    check(
        "endpoint: 127.0.0.1:0\nconst_labels: {__x: y}",
        "not a valid label name",
    );
    check(
        "endpoint: 127.0.0.1:0\ncreated_samples: true",
        "nothing without `enable_open_metrics: true`",
    );
    check(
        "endpoint: 127.0.0.1:0\nresource_constant_labels: {included: ['*']}\n\
         resource_to_telemetry_conversion: {enabled: true}",
        "which it replaces; take that out",
    );
}

#[test]
fn a_label_of_every_series_has_a_name_of_its_own() {
    let keys = Keys {
        endpoint: "127.0.0.1:0".into(),
        const_labels: BTreeMap::from([("otel_metric_overflow".into(), "x".into())]),
        ..Keys::default()
    };
    assert!(!config(keys).validate().is_empty());
}
