//! The text exposition format 0.0.4 of Prometheus, with numbers as Go prints them.

use std::fmt::Write as _;

use super::{Buckets, Family, Kind, Page, Shown, Unit, Value};

/// The name on the page: unit first, then `_total`, as the OpenTelemetry specification orders them
/// ("Prometheus and OpenMetrics Compatibility"). A unit that the name already ends with is not
/// repeated.
pub(super) fn printed_name(family: &Family, page: &Page) -> String {
    let mut name = sanitized(&family.name, |c| c == ':');
    let unit = match family.unit {
        Unit::Count => "",
        Unit::Seconds => "_seconds",
        Unit::Bytes => "_bytes",
    };
    if page.suffixes && !name.ends_with(unit) {
        name.push_str(unit);
    }
    if page.suffixes && family.kind == Kind::Counter && !name.ends_with("_total") {
        name.push_str("_total");
    }
    name
}

/// `a="x",b="y"`, in the order of the names. Where two names become one, their values are joined
/// with `;`, as the OpenTelemetry specification says: a name that comes twice would make the whole
/// page invalid.
pub(super) fn label_text(labels: &[(&str, &str)]) -> String {
    let mut labels: Vec<_> = labels
        .iter()
        .map(|(name, value)| (sanitized(name, |_| false), value))
        .collect();
    labels.sort();
    let mut out = String::new();
    for same in labels.chunk_by(|(a, _), (b, _)| a == b) {
        let comma = if out.is_empty() { "" } else { "," };
        for (i, (name, value)) in same.iter().enumerate() {
            match i {
                0 => push(&mut out, &[comma, name, "=\""]),
                _ => out.push(';'),
            }
            push_escaped(&mut out, value, true);
        }
        out.push('"');
    }
    out
}

// === impl Shown ===

impl Shown {
    pub(super) fn write(&self, name: &str, out: &mut String) {
        let kind = match self.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        push(out, &["# HELP ", name, " "]);
        push_escaped(out, &self.help, false);
        push(out, &["\n# TYPE ", name, " ", kind, "\n"]);
        for (labels, point) in &self.series {
            match &point.value {
                Value::Number(value) => push_sample(out, name, "", &[labels], *value),
                Value::Buckets(buckets) => buckets.write(name, labels, out),
            }
        }
    }
}

// === impl Buckets ===

impl Buckets {
    fn write(&self, name: &str, labels: &str, out: &mut String) {
        let mut total = 0;
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        for (bound, count) in bounds.zip(&self.counts) {
            total += count;
            let bound = format!("le=\"{}\"", number(bound));
            push_sample(out, name, "_bucket", &[labels, &bound], total as f64);
        }
        push_sample(out, name, "_sum", &[labels], self.sum);
        push_sample(out, name, "_count", &[labels], total as f64);
    }
}

fn push_sample(out: &mut String, name: &str, suffix: &str, labels: &[&str], value: f64) {
    push(out, &[name, suffix]);
    let mut open = false;
    for labels in labels.iter().filter(|labels| !labels.is_empty()) {
        push(out, &[if open { "," } else { "{" }, labels]);
        open = true;
    }
    push(out, &[if open { "} " } else { " " }, &number(value), "\n"]);
}

/// Go's `%g` with the fewest digits: an exponent below -4 or above 5 is written out.
pub(super) fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    match scientific
        .split_once('e')
        .map(|(digits, exponent)| (digits, exponent.parse::<i32>()))
    {
        Some((digits, Ok(exponent))) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => format!("{value}"),
    }
}

/// Names have ASCII letters, digits, `_`, what is `allowed` besides, and no digit in front.
fn sanitized(name: &str, allowed: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(name.len() + 1);
    if name
        .chars()
        .next()
        .is_none_or(|first| first.is_ascii_digit())
    {
        out.push('_');
    }
    out.extend(name.chars().map(|c| match c {
        c if c.is_ascii_alphanumeric() || c == '_' || allowed(c) => c,
        _ => '_',
    }));
    out
}

/// A quote is escaped in a label's value only, a backslash and a line feed in help texts too.
fn push_escaped(out: &mut String, text: &str, quoted: bool) {
    for c in text.chars() {
        // Writing to a string cannot fail.
        let _ = match c {
            '\\' => out.write_str("\\\\"),
            '\n' => out.write_str("\\n"),
            '"' if quoted => out.write_str("\\\""),
            c => out.write_char(c),
        };
    }
}

fn push(out: &mut String, parts: &[&str]) {
    out.extend(parts.iter().copied());
}
