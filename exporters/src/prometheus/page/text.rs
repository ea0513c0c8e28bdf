//! The text formats: Prometheus 0.0.4 and OpenMetrics.

use super::super::labels;
use super::super::sample::{Exemplar, Explicit, Sample, Summary, Value, as_double};
use super::super::store::{Family, Kind};
use super::Style;
use super::number::{write_count, write_double, write_open_metrics};
use crate::translation::{hex, is_legacy_name};

const COUNTER_SUFFIX: &str = "_total";

/// Writes either format.
pub(super) struct Text {
    open_metrics: bool,
    timestamps: bool,
    created: bool,
    /// Of the family at hand.
    name: String,
    /// Whether the name stands in front of the braces.
    is_legacy: bool,
}

/// One sample.
struct Line<'a> {
    /// Behind the name of the family.
    suffix: &'a str,
    labels: &'a str,
    /// A label of this sample alone.
    extra: Option<(&'a str, f64)>,
    value: Shown,
    /// Nanoseconds since the Unix epoch.
    time: Option<u64>,
    exemplar: Option<&'a Exemplar>,
}

#[derive(Clone, Copy)]
enum Shown {
    Double(f64),
    Count(u64),
}

impl Text {
    pub(super) fn classic(style: Style) -> Self {
        Self {
            open_metrics: false,
            timestamps: style.timestamps,
            created: false,
            name: String::new(),
            is_legacy: true,
        }
    }

    pub(super) fn open_metrics(style: Style) -> Self {
        Self {
            open_metrics: true,
            created: style.created,
            ..Self::classic(style)
        }
    }

    pub(super) fn begin(&mut self, name: &str, family: &Family, out: &mut Vec<u8>) {
        name.clone_into(&mut self.name);
        self.is_legacy = is_legacy_name(name);
        let total = name.strip_suffix(COUNTER_SUFFIX);
        let is_counter = family.kind == Kind::Counter;
        // The family of a counter is called without the suffix that its sample has.
        let shown = match total {
            Some(shown) if self.open_metrics && is_counter => shown,
            _ => name,
        };
        let kind = match family.kind {
            Kind::Counter if self.open_metrics && total.is_none() => "unknown",
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Untyped if self.open_metrics => "unknown",
            Kind::Untyped => "untyped",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
        };
        let mut named = String::new();
        write_metric_name(shown, &mut named);
        let mut help = String::new();
        write_help(&family.help, self.open_metrics, &mut help);
        for part in [
            "# HELP ",
            &named,
            " ",
            &help,
            "\n# TYPE ",
            &named,
            " ",
            kind,
            "\n",
        ] {
            out.extend_from_slice(part.as_bytes());
        }
    }

    pub(super) fn series(&self, kind: Kind, labels: &str, sample: &Sample, out: &mut Vec<u8>) {
        let line = Line {
            suffix: "",
            labels,
            extra: None,
            value: Shown::Count(0),
            time: Some(sample.time).filter(|time| self.timestamps && *time > 0),
            exemplar: None,
        };
        let mut created = sample.start > 0 && self.created;
        match &sample.value {
            Value::Number(number) => {
                let exemplar = sample.exemplars.last();
                let value = Shown::Double(as_double(*number));
                let line = Line {
                    value,
                    exemplar: exemplar.filter(|_| kind == Kind::Counter),
                    ..line
                };
                self.write(&line, out);
                created &= kind == Kind::Counter && self.name.ends_with(COUNTER_SUFFIX);
            }
            Value::Histogram(histogram) => self.histogram(&line, histogram, sample, out),
            // Its buckets are shown where there are native histograms.
            Value::Exponential(histogram) => {
                let classic = Explicit {
                    count: histogram.count(),
                    sum: histogram.sum(),
                    ..Explicit::default()
                };
                self.histogram(&line, &classic, sample, out);
            }
            Value::Summary(summary) => self.summary(&line, summary, out),
        }
        if created {
            self.created(&line, sample.start, out);
        }
    }

    fn histogram(&self, line: &Line<'_>, shown: &Explicit, sample: &Sample, out: &mut Vec<u8>) {
        let mut below = 0_u64;
        let mut from = f64::NEG_INFINITY;
        for (bound, count) in shown.bounds.iter().zip(&shown.counts) {
            below = below.saturating_add(*count);
            // The last bucket is everything.
            if *bound < f64::INFINITY {
                self.bucket(line, (from, *bound), below, sample, out);
            }
            from = *bound;
        }
        self.bucket(line, (from, f64::INFINITY), shown.count, sample, out);
        self.sum_and_count(line, shown.sum.unwrap_or_default(), shown.count, out);
    }

    fn bucket(
        &self,
        line: &Line<'_>,
        (from, to): (f64, f64),
        count: u64,
        sample: &Sample,
        out: &mut Vec<u8>,
    ) {
        let lies = |exemplar: &&Exemplar| exemplar.value > from && exemplar.value <= to;
        let line = Line {
            suffix: "_bucket",
            extra: Some(("le", to)),
            value: Shown::Count(count),
            exemplar: sample.exemplars.iter().rev().find(lies),
            ..*line
        };
        self.write(&line, out);
    }

    fn summary(&self, line: &Line<'_>, summary: &Summary, out: &mut Vec<u8>) {
        for (quantile, value) in &summary.quantiles {
            let line = Line {
                extra: Some(("quantile", *quantile)),
                value: Shown::Double(*value),
                ..*line
            };
            self.write(&line, out);
        }
        self.sum_and_count(line, summary.sum, summary.count, out);
    }

    fn sum_and_count(&self, line: &Line<'_>, sum: f64, count: u64, out: &mut Vec<u8>) {
        let sum = Line {
            suffix: "_sum",
            value: Shown::Double(sum),
            ..*line
        };
        self.write(&sum, out);
        let count = Line {
            suffix: "_count",
            value: Shown::Count(count),
            ..*line
        };
        self.write(&count, out);
    }

    fn created(&self, line: &Line<'_>, start: u64, out: &mut Vec<u8>) {
        let name = self.name.strip_suffix(COUNTER_SUFFIX);
        let created = Self {
            name: name.unwrap_or(&self.name).to_owned(),
            ..*self
        };
        let line = Line {
            suffix: "_created",
            value: Shown::Double(start as f64 / 1e9),
            time: None,
            ..*line
        };
        created.write(&line, out);
    }

    fn write(&self, line: &Line<'_>, out: &mut Vec<u8>) {
        let put = |out: &mut Vec<u8>, text: &str| out.extend_from_slice(text.as_bytes());
        if self.is_legacy {
            put(out, &self.name);
            put(out, line.suffix);
        }
        let has_labels = !line.labels.is_empty() || line.extra.is_some();
        if has_labels || !self.is_legacy {
            let mut separator = b'{';
            let mut separate = |out: &mut Vec<u8>| {
                out.push(separator);
                separator = b',';
            };
            if !self.is_legacy {
                separate(out);
                let mut named = String::new();
                labels::escape(&self.name, &mut named);
                labels::escape(line.suffix, &mut named);
                for part in ["\"", &named, "\""] {
                    put(out, part);
                }
            }
            if !line.labels.is_empty() {
                separate(out);
                put(out, line.labels);
            }
            if let Some((name, value)) = line.extra {
                separate(out);
                put(out, name);
                put(out, "=\"");
                self.write_number(value, out);
                out.push(b'"');
            }
            out.push(b'}');
        }
        out.push(b' ');
        match line.value {
            Shown::Double(number) => self.write_number(number, out),
            Shown::Count(count) if self.open_metrics => write_count(count, out),
            Shown::Count(count) => write_double(count as f64, out),
        }
        if let Some(time) = line.time {
            out.push(b' ');
            match self.open_metrics {
                true => write_open_metrics((time / 1_000_000) as f64 / 1000.0, out),
                false => write_count(time / 1_000_000, out),
            }
        }
        if let Some(exemplar) = line.exemplar.filter(|_| self.open_metrics) {
            write_exemplar(exemplar, out);
        }
        out.push(b'\n');
    }

    fn write_number(&self, number: f64, out: &mut Vec<u8>) {
        match self.open_metrics {
            true => write_open_metrics(number, out),
            false => write_double(number, out),
        }
    }
}

fn write_metric_name(name: &str, out: &mut String) {
    if is_legacy_name(name) {
        out.push_str(name);
    } else {
        out.push('"');
        labels::escape(name, out);
        out.push('"');
    }
}

/// OpenMetrics escapes quotes too.
fn write_help(help: &str, open_metrics: bool, out: &mut String) {
    if open_metrics {
        labels::escape(help, out);
        return;
    }
    for c in help.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}

fn write_exemplar(exemplar: &Exemplar, out: &mut Vec<u8>) {
    out.extend_from_slice(b" # {");
    let mut separator: &[u8] = b"";
    let mut write = |name: &[u8], id: &[u8]| {
        out.extend_from_slice(separator);
        separator = b",";
        out.extend_from_slice(name);
        out.extend_from_slice(b"=\"");
        out.extend_from_slice(hex(id).as_bytes());
        out.push(b'"');
    };
    // In the order of their names.
    if let Some(span) = &exemplar.span {
        write(b"span_id", span);
    }
    if let Some(trace) = &exemplar.trace {
        write(b"trace_id", trace);
    }
    out.extend_from_slice(b"} ");
    write_open_metrics(exemplar.value, out);
    if exemplar.time > 0 {
        out.push(b' ');
        write_open_metrics(exemplar.time as f64 / 1e9, out);
    }
}
