//! Writes metrics as an encoded request: resource → scope → metric → points, in this order and without a tree in
//! between.

use crate::exponential::Histogram;
use crate::layout::{
    ELEMENTS, KEY, POINTS, RESOURCE, RESOURCE_CARRIER, RESOURCE_GROUPS, SCOPE, SCOPE_GROUPS, VALUE,
};
use crate::splice::Splice;
use crate::view::{AnyValue, Attributes, Message, Number, Text};
use crate::wire::{
    Fields, Malformed, put_fixed64, put_len, put_len_header, put_uint, put_varint, zigzag,
};
use crate::{MetricKind, OwnedValue, exponential};

/// Encoded attributes of their own, made once and written on any number of carriers. A key that is put twice has its
/// last value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyValues(Vec<u8>);

impl KeyValues {
    /// All of a carrier, as they stand.
    ///
    /// # Errors
    /// The framing is broken.
    pub fn copy_of(mut attributes: Attributes<'_>) -> Result<Self, Malformed> {
        let mut copied = Vec::new();
        while let Some(body) = attributes.next_body()? {
            put_len(&mut copied, RESOURCE_CARRIER.attributes, body);
        }
        Ok(Self(copied))
    }

    /// # Errors
    /// The framing of an array or a list is broken.
    pub fn put(&mut self, key: Text<'_>, value: &AnyValue<'_>) -> Result<(), Malformed> {
        self.put_owned(key, &OwnedValue::copy_of(value)?);
        Ok(())
    }

    pub fn put_owned(&mut self, key: Text<'_>, value: &OwnedValue) {
        self.remove(key);
        let mut body = Vec::new();
        put_len(&mut body, KEY, key.as_bytes());
        put_len(&mut body, VALUE, value.encoded());
        put_len(&mut self.0, RESOURCE_CARRIER.attributes, &body);
    }

    pub fn put_text(&mut self, key: &str, value: &str) {
        self.put_owned(key.into(), &OwnedValue::from(value));
    }

    /// To be read.
    pub const fn view(&self) -> Attributes<'_> {
        Message::new(self.0.as_slice()).repeated(RESOURCE_CARRIER.attributes, 0)
    }

    /// Bytes on the heap.
    pub const fn heap_bytes(&self) -> usize {
        self.0.capacity()
    }

    fn remove(&mut self, key: Text<'_>) {
        let is_there = self.view().flatten().any(|pair| pair.key == key);
        if !is_there {
            return;
        }
        let mut kept = Vec::with_capacity(self.0.len());
        let pairs = Fields::new(&self.0).flatten();
        for (field, pair) in pairs.zip(self.view().flatten()) {
            if pair.key != key {
                kept.extend_from_slice(field.raw);
            }
        }
        self.0 = kept;
    }

    /// Writes them under the number that they have in this carrier.
    fn write(&self, out: &mut Vec<u8>, number: u32) {
        for field in Fields::new(&self.0).flatten() {
            put_len(out, number, field.bytes().unwrap_or_default());
        }
    }
}

/// What a metric is, beside its points.
#[derive(Clone, Copy, Debug)]
pub struct Stream<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub unit: &'a str,
    pub kind: MetricKind,
    /// Gauges and summaries have none.
    pub temporality: Temporality,
    /// Whether a sum never falls; of no meaning for others.
    pub is_monotonic: bool,
}

/// What the points of a stream cover: the time since the last one, or all time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temporality {
    Delta = 1,
    Cumulative = 2,
}

/// What all kinds of points have. Times are nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a> {
    pub attributes: &'a KeyValues,
    pub start_time_unix_nano: u64,
    pub time_unix_nano: u64,
    pub exemplars: &'a [Exemplar],
}

/// A measurement within a span; its time is that of its point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exemplar {
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    pub value: f64,
}

/// What was measured into buckets with given bounds.
#[derive(Clone, Copy, Debug)]
pub struct Explicit<'a> {
    pub count: u64,
    pub sum: f64,
    /// Upper bounds of all buckets but the last, ascending.
    pub bounds: &'a [f64],
    pub counts: &'a [u64],
}

/// Writes one request. Each call goes on in what the one before has opened: a metric stands in the last scope, a point
/// in the last metric.
#[derive(Debug)]
pub struct MetricsWriter {
    splice: Splice<'static>,
    /// How many messages are open: none, resource group, scope group, metric with its points.
    depth: u8,
    points: u64,
    kind: MetricKind,
}

const IN_RESOURCE: u8 = 1;
const IN_SCOPE: u8 = 2;
/// The metric and the message of its kind.
const IN_METRIC: u8 = 4;

impl Default for MetricsWriter {
    fn default() -> Self {
        Self {
            splice: Splice::new(&[]),
            depth: 0,
            points: 0,
            kind: MetricKind::Gauge,
        }
    }
}

impl MetricsWriter {
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins the metrics of a resource.
    pub fn resource(&mut self, attributes: &KeyValues) {
        self.close_to(0);
        self.splice.open(RESOURCE_GROUPS);
        self.depth = IN_RESOURCE;
        // The attributes have the number that a resource gives them.
        self.splice.put(RESOURCE, &attributes.0);
    }

    /// Begins the metrics of a scope. An empty version is left out.
    pub fn scope(&mut self, name: &str, version: &str) {
        self.close_to(IN_RESOURCE);
        self.splice.open(SCOPE_GROUPS);
        self.depth = IN_SCOPE;
        self.splice.open(SCOPE);
        self.splice.write_with(|out| {
            put_text(out, 1, name);
            put_text(out, 2, version);
        });
        self.splice.close();
    }

    /// Begins a metric.
    pub fn metric(&mut self, stream: &Stream<'_>) {
        self.close_to(IN_SCOPE);
        self.splice.open(ELEMENTS);
        self.splice.write_with(|out| {
            put_text(out, 1, stream.name);
            put_text(out, 2, stream.description);
            put_text(out, 3, stream.unit);
        });
        self.splice.open(stream.kind.field());
        self.depth = IN_METRIC;
        self.kind = stream.kind;
        self.splice.write_with(|out| {
            if !matches!(stream.kind, MetricKind::Gauge | MetricKind::Summary) {
                put_uint(out, 2, stream.temporality as u64);
            }
            if stream.kind == MetricKind::Sum && stream.is_monotonic {
                put_uint(out, 3, 1);
            }
        });
    }

    /// A point of a gauge or a sum.
    pub fn number(&mut self, point: &Point<'_>, value: Number) {
        debug_assert!(matches!(self.kind, MetricKind::Gauge | MetricKind::Sum));
        self.point(point, 5, |out| match value {
            Number::Double(value) => put_fixed64(out, 4, value.to_bits()),
            Number::Int(value) => put_fixed64(out, 6, value.cast_unsigned()),
        });
    }

    /// A point of a histogram with explicit bounds.
    pub fn histogram(&mut self, point: &Point<'_>, value: &Explicit<'_>) {
        debug_assert_eq!(self.kind, MetricKind::Histogram);
        self.point(point, 8, |out| {
            put_fixed64(out, 4, value.count);
            put_fixed64(out, 5, value.sum.to_bits());
            put_packed(out, 6, value.counts.iter().copied());
            put_packed(out, 7, value.bounds.iter().map(|bound| bound.to_bits()));
        });
    }

    /// A point of an exponential histogram.
    pub fn exponential(&mut self, point: &Point<'_>, value: &Histogram) {
        debug_assert_eq!(self.kind, MetricKind::ExponentialHistogram);
        self.point(point, 11, |out| {
            put_fixed64(out, 4, value.count());
            put_uint(out, 6, zigzag(i64::from(value.scale())));
            put_fixed64(out, 7, value.zero_count());
            put_buckets(out, 8, value.positive());
            put_buckets(out, 9, value.negative());
            for (number, total) in [(5, value.sum()), (12, value.min()), (13, value.max())] {
                if let Some(total) = total {
                    put_fixed64(out, number, total.to_bits());
                }
            }
            if value.zero_threshold() > 0.0 {
                put_fixed64(out, 14, value.zero_threshold().to_bits());
            }
        });
    }

    /// Points so far.
    pub const fn points(&self) -> u64 {
        self.points
    }

    /// Bytes of the request if it ended here.
    pub fn encoded_len(&self) -> usize {
        self.splice.closed_len(0)
    }

    /// The request.
    pub fn finish(mut self) -> Vec<u8> {
        self.close_to(0);
        self.splice.write()
    }

    fn point(&mut self, point: &Point<'_>, exemplars: u32, value: impl FnOnce(&mut Vec<u8>)) {
        debug_assert_eq!(self.depth, IN_METRIC, "a point stands in a metric");
        self.points += 1;
        let attributes = self.kind.points().carrier().attributes;
        self.splice.open(POINTS);
        self.splice.write_with(|out| {
            point.attributes.write(out, attributes);
            put_fixed64(out, 2, point.start_time_unix_nano);
            put_fixed64(out, 3, point.time_unix_nano);
            value(out);
            for exemplar in point.exemplars {
                put_exemplar(out, exemplars, exemplar, point.time_unix_nano);
            }
        });
        self.splice.close();
    }

    fn close_to(&mut self, depth: u8) {
        debug_assert!(self.depth >= depth, "what this stands in has been opened");
        while self.depth > depth {
            self.splice.close();
            self.depth -= 1;
        }
    }
}

fn put_text(out: &mut Vec<u8>, number: u32, text: &str) {
    if !text.is_empty() {
        put_len(out, number, text.as_bytes());
    }
}

fn put_packed(out: &mut Vec<u8>, number: u32, values: impl ExactSizeIterator<Item = u64>) {
    if values.len() > 0 {
        put_len_header(out, number, values.len() * size_of::<u64>());
        values.for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
    }
}

fn put_buckets(out: &mut Vec<u8>, number: u32, buckets: &exponential::Buckets) {
    if buckets.is_empty() {
        return;
    }
    let (mut body, mut counts) = (Vec::new(), Vec::new());
    for count in buckets.counts() {
        put_varint(&mut counts, *count);
    }
    put_uint(&mut body, 1, zigzag(i64::from(buckets.offset())));
    put_len(&mut body, 2, &counts);
    put_len(out, number, &body);
}

fn put_exemplar(out: &mut Vec<u8>, number: u32, exemplar: &Exemplar, time_unix_nano: u64) {
    /// Two numbers of nine bytes, and the ids with a tag and a length each.
    const LENGTH: usize = 9 + 9 + (2 + 8) + (2 + 16);
    put_len_header(out, number, LENGTH);
    put_fixed64(out, 2, time_unix_nano);
    put_fixed64(out, 3, exemplar.value.to_bits());
    put_len(out, 4, &exemplar.span_id);
    put_len(out, 5, &exemplar.trace_id);
}
