//! Names of metrics.

use std::borrow::Cow;

use otlp::view::{AnyValue, Metric};

use super::Strategy;
use super::unit::UnitSuffixes;

/// What is measured, as far as the name depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    Gauge,
    MonotonicSum,
    Other,
}

/// The name of a metric in Prometheus; `None` if nothing of it is left that could be one.
pub(crate) fn metric_name(
    strategy: Strategy,
    namespace: &str,
    name: &str,
    unit: &str,
    measure: Measure,
) -> Option<String> {
    if !strategy.escapes() {
        let named = match namespace {
            "" => name.to_owned(),
            namespace => format!("{namespace}_{name}"),
        };
        let named = match strategy.adds_suffixes() {
            true => with_suffixes(named, unit, measure),
            false => named,
        };
        return (!named.is_empty()).then_some(named);
    }
    let escaped = match strategy.adds_suffixes() {
        true => from_tokens(namespace, name, unit, measure),
        false => escaped(namespace, name),
    };
    // Underscores alone are a name only if that is what was sent.
    let is_name = escaped == name || escaped.contains(|c| c != '_');
    (is_name && !escaped.is_empty()).then_some(escaped)
}

/// The unit of a metric as Prometheus calls it.
pub(crate) fn unit_name(strategy: Strategy, unit: &str) -> String {
    let UnitSuffixes { main, per } = UnitSuffixes::of(unit);
    let (main, per) = match strategy.escapes() {
        true => (cleaned(&main), cleaned(&per)),
        false => (main, per),
    };
    let parts = [main, per].into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("_")
}

/// The type that a receiver of Prometheus's formats notes where OTLP has none for it: `unknown`, `info`,
/// `stateset`.
pub(crate) fn noted_type<'a>(metric: &Metric<'a>) -> Option<Cow<'a, str>> {
    match metric.metadata().get("prometheus.type") {
        Ok(Some(AnyValue::String(text))) => Some(text.to_string_lossy()),
        _ => None,
    }
}

/// Whether a name needs no quotes in any format.
pub(crate) fn is_legacy_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| is_allowed(byte) || byte == b'_')
}

const fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b':'
}

/// The parts of a name between what is not allowed in one, underscores included.
fn tokens(name: &str) -> impl Iterator<Item = &str> {
    let parts = name.split(|c: char| !c.is_ascii() || !is_allowed(c as u8));
    parts.filter(|part| !part.is_empty())
}

fn from_tokens(namespace: &str, name: &str, unit: &str, measure: Measure) -> String {
    let UnitSuffixes { main, per } = UnitSuffixes::of(unit);
    let (main, per) = (cleaned(&main), cleaned(&per));
    let mut parts: Vec<&str> = tokens(name).collect();
    let per = match per.as_str() {
        "per_" => "",
        per => per.trim_end_matches('_'),
    };
    let per = if parts.contains(&per) { "" } else { per };
    let main = if parts.contains(&main.as_str()) {
        ""
    } else {
        main.as_str()
    };
    let main = match per {
        "" => main,
        _ => main.strip_suffix('_').unwrap_or(main),
    };
    parts.extend([main, per].iter().filter(|part| !part.is_empty()));
    let last = match measure {
        Measure::MonotonicSum => Some("total"),
        // Sums are counted in "1" by many who mean no ratio.
        Measure::Gauge if unit == "1" => Some("ratio"),
        Measure::Gauge | Measure::Other => None,
    };
    if let Some(last) = last {
        parts.retain(|part| *part != last);
        parts.push(last);
    }
    if !namespace.is_empty() {
        parts.insert(0, namespace);
    }
    not_a_number(parts.join("_"))
}

fn escaped(namespace: &str, name: &str) -> String {
    let joined = |text: &str| {
        let parts = text.split(|c: char| !c.is_ascii() || !(is_allowed(c as u8) || c == '_'));
        let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
        parts.join("_")
    };
    match namespace {
        "" => not_a_number(joined(name)),
        namespace => format!("{}_{}", joined(namespace), joined(name)),
    }
}

/// A name does not begin with a digit.
fn not_a_number(name: String) -> String {
    match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{name}"),
        false => name,
    }
}

/// A unit with underscores for what a name cannot hold: none in front, and never two together.
fn cleaned(unit: &str) -> String {
    let mut out = String::with_capacity(unit.len());
    for c in unit.chars() {
        let c = if c.is_ascii() && is_allowed(c as u8) {
            c
        } else {
            '_'
        };
        if c != '_' || !out.ends_with('_') {
            out.push(c);
        }
    }
    match out.strip_prefix('_') {
        Some(rest) => rest.to_owned(),
        None => out,
    }
}

/// Suffixes behind a name that stays as it is. One that is there already moves to its place.
fn with_suffixes(name: String, unit: &str, measure: Measure) -> String {
    let UnitSuffixes { main, per } = UnitSuffixes::of(unit);
    let last = match measure {
        Measure::MonotonicSum => "total",
        Measure::Gauge if unit == "1" => "ratio",
        Measure::Gauge | Measure::Other => "",
    };
    let mut name = without(name, last);
    name = without(name, &per);
    if !name.ends_with(&main) {
        name = format!("{name}_{main}");
    }
    for suffix in [per.as_str(), last] {
        if !suffix.is_empty() {
            name = format!("{name}_{suffix}");
        }
    }
    name
}

/// The name without this suffix and the character before it.
fn without(mut name: String, suffix: &str) -> String {
    let kept = name.len().saturating_sub(suffix.len() + 1);
    if !suffix.is_empty() && name.ends_with(suffix) && kept > 0 {
        // The character before may be longer than the byte that is usually there.
        while !name.is_char_boundary(name.len().min(kept)) {
            name.pop();
        }
        name.truncate(kept);
    }
    name
}
