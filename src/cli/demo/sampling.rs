//! The part of the demo's line that says how many traces were kept by which policy, and how many by none.

use config::Kind;
use telemetry::metrics::{Collected, Value};

use super::figures::grouped;
use crate::setup::Effective;

const BY_POLICY: &str = "otelcol_processor_tail_sampling_count_traces_sampled";
const ALL: &str = "otelcol_processor_tail_sampling_global_count_traces_sampled";

/// Numbers of five digits stand under the shortest name.
const WIDTH_MIN: usize = 6;

/// The policies of a configuration, named as in the metrics.
pub(super) fn policies(effective: &Effective) -> Vec<String> {
    let processors = effective
        .iter()
        .filter(|(kind, _)| *kind == Kind::Processor);
    let mut names = Vec::new();
    for (id, settings) in processors.flat_map(|(_, rows)| rows) {
        let (kind, instance) = id.split_once('/').unwrap_or((id, ""));
        if kind != "tail_sampling" {
            continue;
        }
        for policy in settings["policies"].as_array().into_iter().flatten() {
            let name = policy["name"].as_str().unwrap_or_default();
            names.push(match instance {
                "" => name.to_owned(),
                instance => format!("{instance}.{name}"),
            });
        }
    }
    names
}

/// Nothing if nothing is sampled.
pub(super) fn head(policies: &[String]) -> String {
    columns(policies, |name| name.to_owned())
}

pub(super) fn line(policies: &[String], metrics: &[Collected]) -> String {
    columns(policies, |name| {
        let count = match name {
            DROPPED => count(metrics, ALL, &[("sampled", "false")]),
            name => count(metrics, BY_POLICY, &[("policy", name), ("sampled", "true")]),
        };
        grouped(count)
    })
}

/// The last column.
const DROPPED: &str = "dropped";

fn columns(policies: &[String], cell: impl Fn(&str) -> String) -> String {
    if policies.is_empty() {
        return String::new();
    }
    let names = policies.iter().map(String::as_str).chain([DROPPED]);
    let cells = names.map(|name| {
        let width = name.chars().count().max(WIDTH_MIN);
        format!(" {:>width$}", cell(name))
    });
    format!(" |{}", cells.collect::<String>())
}

/// The sum of the series of a family that have these labels.
fn count(metrics: &[Collected], family: &str, labels: &[(&str, &str)]) -> u64 {
    let families = metrics.iter().filter(|collected| collected.name == family);
    let points = families.flat_map(|collected| &collected.points);
    let fits = points.filter(|point| {
        labels.iter().all(|(name, value)| {
            point
                .labels
                .iter()
                .any(|(own, found)| own == name && found == value)
        })
    });
    let numbers = fits.map(|point| match point.value {
        Value::Number(number) => number as u64,
        Value::Buckets(_) => 0,
    });
    numbers.sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use telemetry::metrics::{Family, Metrics};

    use super::*;

    #[test]
    fn each_policy_has_a_column_and_what_none_keeps_the_last() {
        let metrics = Metrics::default();
        let counter = |family: &'static str, labels: &[(&str, &str)], count| {
            let counter = metrics.counter(&Family::counter(family, ""), labels);
            counter.add(count);
            counter
        };
        let _counters = [
            counter(
                BY_POLICY,
                &[("policy", "errors"), ("sampled", "true")],
                1_200,
            ),
            counter(BY_POLICY, &[("policy", "errors"), ("sampled", "false")], 7),
            counter(
                BY_POLICY,
                &[("policy", "eu.slow-ones"), ("sampled", "true")],
                3,
            ),
            counter(
                ALL,
                &[("sampled", "false"), ("decision", "not_sampled")],
                40,
            ),
            counter(ALL, &[("sampled", "false"), ("decision", "dropped")], 2),
        ];
        let settings = |name: &str| json!({ "policies": [{ "name": name }] });
        let effective = vec![(
            Kind::Processor,
            vec![
                ("tail_sampling".to_owned(), settings("errors")),
                ("tail_sampling/eu".to_owned(), settings("slow-ones")),
                ("batch".to_owned(), json!({})),
            ],
        )];
        let policies = policies(&effective);
        assert_eq!(head(&policies), " | errors eu.slow-ones dropped");
        let collected = metrics.collect(telemetry::metrics::Level::Basic);
        assert_eq!(
            line(&policies, &collected),
            " |  1,200            3      42"
        );
        assert_eq!(head(&[]) + &line(&[], &collected), "");
    }
}
