//! Every alert names metrics and reasons that exist, has a firing and a silent case, and a place in the runbook.
//!
//! Whether expressions and cases hold says `promtool`: see `tests/interop/prometheus/run`.

use std::collections::BTreeSet;
use std::path::Path;

use ledger::Reason;
use serde_json::Value;

use crate::metric_table::{documented, row_of};

/// What a receiver says of requests whose fate is none of items.
const OF_REQUESTS: [&str; 3] = ["unauthenticated", "timeout", "broken"];

const SEVERITIES: [&str; 3] = ["critical", "warning", "info"];

pub(super) fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(root.join(path)).unwrap()
}

pub(super) fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap()
}

pub(super) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    let text = value[key].as_str();
    text.unwrap_or_else(|| panic!("no `{key}` in {value}"))
}

/// All rules, those that record included.
fn rules() -> Vec<Value> {
    let file = yaml("ops/alerts.yaml");
    let rules = list(&file, "groups")
        .iter()
        .flat_map(|group| list(group, "rules"));
    rules.cloned().collect()
}

fn alerts() -> Vec<Value> {
    let mut rules = rules();
    rules.retain(|rule| rule.get("alert").is_some());
    assert!(rules.len() >= 25, "{} alerts", rules.len());
    rules
}

/// The names of metrics in an expression: ours and the Collector's, not those of recorded figures.
pub(super) fn metrics(expression: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = expression.split(|c| !is_part(c));
    let ours = ["tracegate_", "otelcol_"];
    let words = words.filter(|word| ours.iter().any(|prefix| word.starts_with(prefix)));
    words.map(str::to_owned).collect()
}

/// The row of a metric in the table, of a histogram's parts that of the histogram.
pub(super) fn row(name: &str, table: &BTreeSet<String>) -> Option<String> {
    let parts = ["_bucket", "_sum", "_count"];
    let whole = parts.iter().find_map(|part| name.strip_suffix(part));
    let names = [Some(name), whole].into_iter().flatten();
    let mut rows = names.map(|name| row_of(name.to_owned(), table));
    rows.find(|row| table.contains(row))
}

/// The values that an expression compares the label `reason` with.
fn reasons(expression: &str) -> impl Iterator<Item = &str> {
    let matchers = expression.split("reason").skip(1);
    let values = matchers.filter_map(|rest| {
        let rest = rest.trim_start_matches(['=', '~', '!']);
        rest.strip_prefix('"')?.split('"').next()
    });
    values.flat_map(|values| values.split('|'))
}

#[test]
fn every_metric_and_reason_of_an_alert_exists() {
    let table = documented(&read("docs/metrics.md"));
    let known = Reason::ALL.map(Reason::name);
    for rule in rules() {
        let expression = text(&rule, "expr");
        for name in metrics(expression) {
            assert!(row(&name, &table).is_some(), "{name} in {expression}");
        }
        for reason in reasons(expression) {
            let exists = known.contains(&reason) || OF_REQUESTS.contains(&reason);
            assert!(exists, "{reason} in {expression}");
        }
    }
}

/// A new reason of a loss wakes somebody or is left out on purpose.
#[test]
fn every_reason_of_a_loss_has_an_alert() {
    let losses: Vec<_> = alerts()
        .into_iter()
        .map(|alert| text(&alert, "expr").to_owned())
        .filter(|expression| expression.starts_with("tracegate:items_lost:5m"))
        .collect();
    let fires = |expression: &String, reason: &str| {
        let named = reasons(expression).any(|named| named == reason);
        named != expression.contains("reason!~")
    };
    for reason in Reason::ALL.map(Reason::name) {
        let count = losses.iter().filter(|e| fires(e, reason)).count();
        let expected = usize::from(reason != "not_sampled");
        assert_eq!(count, expected, "alerts for {reason}");
    }
}

#[test]
fn every_alert_has_a_severity_a_summary_and_a_place_in_the_runbook() {
    let page = read("docs/operating.md");
    let (_, runbook) = page.split_once("\n## Alerts\n").unwrap();
    let runbook = runbook.split("\n## ").next().unwrap();
    let explained: Vec<_> = runbook
        .lines()
        .filter_map(|l| l.strip_prefix("### "))
        .collect();
    let alerts = alerts();
    let names: Vec<_> = alerts.iter().map(|alert| text(alert, "alert")).collect();
    assert_eq!(explained, names, "headings of the runbook, and alerts");
    for alert in &alerts {
        let name = text(alert, "alert");
        assert!(
            SEVERITIES.contains(&text(&alert["labels"], "severity")),
            "{name}"
        );
        assert!(!text(&alert["annotations"], "summary").is_empty(), "{name}");
        let anchor = format!("docs/operating.md#{}", name.to_lowercase());
        assert_eq!(text(&alert["annotations"], "runbook_url"), anchor);
    }
}

/// A silent case has to have what the alert looks at, or it could not be otherwise.
#[test]
fn every_alert_has_a_firing_and_a_silent_case() {
    let cases = yaml("ops/alerts.test.yaml");
    let recorded: String = rules()
        .iter()
        .filter(|rule| rule.get("record").is_some())
        .map(|rule| text(rule, "expr"))
        .collect();
    for alert in alerts() {
        let name = text(&alert, "alert");
        let mut looks_at = metrics(text(&alert, "expr"));
        if text(&alert, "expr").contains("tracegate:") {
            looks_at.extend(metrics(&recorded));
        }
        let of_alert = |case: &&Value| text(&list(case, "alert_rule_test")[0], "alertname") == name;
        let (firing, silent): (Vec<_>, Vec<_>) = list(&cases, "tests")
            .iter()
            .filter(of_alert)
            .partition(|case| !list(&list(case, "alert_rule_test")[0], "exp_alerts").is_empty());
        assert_eq!((firing.len(), silent.len()), (1, 1), "cases of {name}");
        let given = list(silent[0], "input_series").iter();
        let given: BTreeSet<_> = given.flat_map(|s| metrics(text(s, "series"))).collect();
        assert!(!given.is_disjoint(&looks_at), "the silent case of {name}");
    }
}
