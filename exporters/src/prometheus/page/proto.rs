//! The protobuf format: `io.prometheus.client.MetricFamily`, each with its length in front. It is
//! the only one that has native histograms. Field numbers are those of Prometheus's client_model.

use otlp::exponential::Histogram;
use otlp::wire::{
    len_field_len, put_fixed64, put_len, put_len_header, put_uint, put_varint, varint_len, zigzag,
};

use super::super::labels::pairs;
use super::super::sample::{Exemplar, Explicit, Sample, Summary, Value, as_double};
use super::super::store::{Family, Kind};
use super::Style;
use crate::translation::{Spans, ZERO_THRESHOLD, hex};

/// A field of a `double`, with its tag.
const FIXED64: usize = 1 + 8;

pub(super) struct Proto {
    timestamps: bool,
    /// The family at hand.
    family: Vec<u8>,
    /// The series at hand, and its value: they are written over and over again.
    metric: Vec<u8>,
    body: Vec<u8>,
}

impl Proto {
    pub(super) fn new(style: Style) -> Self {
        Self {
            timestamps: style.timestamps,
            family: Vec::new(),
            metric: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(super) fn pending(&self) -> usize {
        self.family.len()
    }

    pub(super) fn begin(&mut self, name: &str, family: &Family) {
        let kind = match family.kind {
            Kind::Counter => 0,
            Kind::Gauge => 1,
            Kind::Summary => 2,
            Kind::Untyped => 3,
            Kind::Histogram => 4,
        };
        self.family.clear();
        put_len(&mut self.family, 1, name.as_bytes());
        put_len(&mut self.family, 2, family.help.as_bytes());
        put_uint(&mut self.family, 3, kind);
    }

    pub(super) fn series(&mut self, kind: Kind, labels: &str, sample: &Sample) {
        let Self {
            family,
            metric,
            body,
            ..
        } = self;
        metric.clear();
        body.clear();
        for (name, value) in pairs(labels) {
            put_label(metric, &name, &value);
        }
        let number = match &sample.value {
            Value::Number(value) => {
                put_fixed64(body, 1, as_double(*value).to_bits());
                match kind {
                    Kind::Counter => {
                        if let Some(exemplar) = sample.exemplars.last() {
                            put_len(body, 2, &encoded(exemplar));
                        }
                        put_time(body, 3, sample.start);
                        3
                    }
                    Kind::Untyped => 5,
                    _ => 2,
                }
            }
            Value::Summary(summary) => {
                put_summary(body, summary, sample.start);
                4
            }
            Value::Histogram(histogram) => {
                put_histogram(body, histogram, sample);
                7
            }
            Value::Exponential(histogram) => {
                put_native(body, histogram, sample);
                7
            }
        };
        put_len(metric, number, body);
        if self.timestamps && sample.time > 0 {
            put_uint(metric, 6, sample.time / 1_000_000);
        }
        put_len(family, 4, metric);
    }

    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        put_varint(out, self.family.len() as u64);
        out.append(&mut self.family);
    }
}

/// A `LabelPair`, which is field 1 of whatever has labels.
fn put_label(out: &mut Vec<u8>, name: &str, value: &str) {
    let length = len_field_len(1, name.len()) + len_field_len(2, value.len());
    put_len_header(out, 1, length);
    put_len(out, 1, name.as_bytes());
    put_len(out, 2, value.as_bytes());
}

fn put_summary(out: &mut Vec<u8>, summary: &Summary, start: u64) {
    put_uint(out, 1, summary.count);
    put_fixed64(out, 2, summary.sum.to_bits());
    for (quantile, value) in &summary.quantiles {
        put_len_header(out, 3, 2 * FIXED64);
        put_fixed64(out, 1, quantile.to_bits());
        put_fixed64(out, 2, value.to_bits());
    }
    put_time(out, 4, start);
}

fn put_histogram(out: &mut Vec<u8>, histogram: &Explicit, sample: &Sample) {
    put_uint(out, 1, histogram.count);
    put_fixed64(out, 2, histogram.sum.unwrap_or_default().to_bits());
    let mut below = 0_u64;
    let mut from = f64::NEG_INFINITY;
    let bounds = histogram.bounds.iter().zip(&histogram.counts);
    let last = (&f64::INFINITY, &0);
    for (bound, count) in bounds.chain([last]) {
        below = match bound.is_finite() {
            true => below.saturating_add(*count),
            false => histogram.count,
        };
        let lies = |exemplar: &&Exemplar| exemplar.value > from && exemplar.value <= *bound;
        let exemplar = sample.exemplars.iter().rev().find(lies);
        from = *bound;
        // Of the last bucket everybody knows, unless there is an exemplar to be seen.
        if *bound == f64::INFINITY && exemplar.is_none() {
            continue;
        }
        let exemplar = exemplar.map(encoded);
        let beside = exemplar.as_ref().map_or(0, |e| len_field_len(3, e.len()));
        put_len_header(out, 3, uint_len(below) + FIXED64 + beside);
        put_uint(out, 1, below);
        put_fixed64(out, 2, bound.to_bits());
        if let Some(exemplar) = exemplar {
            put_len(out, 3, &exemplar);
        }
    }
    put_time(out, 15, sample.start);
}

fn put_native(out: &mut Vec<u8>, histogram: &Histogram, sample: &Sample) {
    let threshold = match histogram.zero_threshold() {
        0.0 => ZERO_THRESHOLD,
        threshold => threshold,
    };
    put_uint(out, 1, histogram.count());
    put_fixed64(out, 2, histogram.sum().unwrap_or_default().to_bits());
    put_uint(out, 5, zigzag(i64::from(histogram.scale())));
    put_fixed64(out, 6, threshold.to_bits());
    put_uint(out, 7, histogram.zero_count());
    for (side, spans, deltas) in [
        (histogram.negative(), 9, 10),
        (histogram.positive(), 12, 13),
    ] {
        let native = Spans::of(side);
        for (offset, length) in &native.spans {
            let mut span = Vec::new();
            put_uint(&mut span, 1, zigzag(i64::from(*offset)));
            put_uint(&mut span, 2, u64::from(*length));
            put_len(out, spans, &span);
        }
        for delta in native.deltas {
            put_uint(out, deltas, zigzag(delta));
        }
    }
    put_time(out, 15, sample.start);
    // Native histograms need to know when.
    for exemplar in sample.exemplars.iter().filter(|exemplar| exemplar.time > 0) {
        put_len(out, 16, &encoded(exemplar));
    }
}

fn encoded(exemplar: &Exemplar) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(span) = &exemplar.span {
        put_label(&mut out, "span_id", &hex(span));
    }
    if let Some(trace) = &exemplar.trace {
        put_label(&mut out, "trace_id", &hex(trace));
    }
    put_fixed64(&mut out, 2, exemplar.value.to_bits());
    put_time(&mut out, 3, exemplar.time);
    out
}

/// Bytes of a number in a field of less than 16, with its tag.
const fn uint_len(value: u64) -> usize {
    1 + varint_len(value)
}

/// A `google.protobuf.Timestamp`, unless nobody said when.
fn put_time(out: &mut Vec<u8>, number: u32, unix_nanos: u64) {
    if unix_nanos == 0 {
        return;
    }
    let (seconds, nanos) = (unix_nanos / 1_000_000_000, unix_nanos % 1_000_000_000);
    put_len_header(out, number, uint_len(seconds) + uint_len(nanos));
    put_uint(out, 1, seconds);
    put_uint(out, 2, nanos);
}
