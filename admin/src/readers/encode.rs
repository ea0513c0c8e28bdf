//! Our own metrics as one encoded OTLP request. Field numbers are those of
//! `opentelemetry/proto/metrics/v1/metrics.proto`.

use std::collections::HashMap;

use otlp::wire::{put_fixed64, put_len, put_uint};
use telemetry::Resource;
use telemetry::metrics::{Buckets, Collected, Kind, Point, Unit, Value};

/// `AggregationTemporality`.
const DELTA: u64 = 1;
const CUMULATIVE: u64 = 2;

/// All families at one moment.
pub(super) struct Moment {
    /// In nanoseconds since the Unix epoch.
    pub(super) now: u64,
    pub(super) families: Vec<Collected>,
}

/// Knows who we are, and for deltas what has been delivered.
pub(super) struct Encoder {
    /// Encoded, without its own tag.
    resource: Vec<u8>,
    /// When counting began, in nanoseconds since the Unix epoch; for deltas the last delivery.
    since: u64,
    delta: bool,
    /// Of deltas. The configuration bounds how many series there are.
    delivered: HashMap<Series, Value>,
}

/// Name and labels.
type Series = (String, Vec<(String, String)>);

impl Encoder {
    pub(super) fn new(resource: &Resource, started_unix_nanos: u64, delta: bool) -> Self {
        let mut encoded = Vec::new();
        for (name, value) in resource.iter() {
            put_len(&mut encoded, 1, &attribute(name, value));
        }
        Self {
            resource: encoded,
            since: started_unix_nanos,
            delta,
            delivered: HashMap::new(),
        }
    }

    /// An `ExportMetricsServiceRequest`.
    pub(super) fn encode(&self, moment: &Moment) -> Vec<u8> {
        let mut scope = Vec::new();
        put_len(&mut scope, 1, b"tracegate");
        put_len(&mut scope, 2, env!("CARGO_PKG_VERSION").as_bytes());
        let mut scope_metrics = Vec::new();
        put_len(&mut scope_metrics, 1, &scope);
        for family in &moment.families {
            put_len(&mut scope_metrics, 2, &self.metric(family, moment.now));
        }
        let mut resource_metrics = Vec::new();
        put_len(&mut resource_metrics, 1, &self.resource);
        put_len(&mut resource_metrics, 2, &scope_metrics);
        let mut request = Vec::new();
        put_len(&mut request, 1, &resource_metrics);
        request
    }

    /// What was encoded has arrived: deltas go on from there.
    pub(super) fn delivered(&mut self, moment: Moment) {
        if !self.delta {
            return;
        }
        self.since = moment.now;
        let series = moment.families.into_iter().flat_map(|family| {
            let name = family.name;
            let points = family.points.into_iter();
            points.map(move |point| ((name.clone(), point.labels), point.value))
        });
        self.delivered = series.collect();
    }

    fn metric(&self, family: &Collected, now: u64) -> Vec<u8> {
        let mut metric = Vec::new();
        put_len(&mut metric, 1, family.name.as_bytes());
        put_len(&mut metric, 2, family.help.as_bytes());
        let unit = match family.unit {
            Unit::Count => "",
            Unit::Seconds => "s",
            Unit::Bytes => "By",
        };
        put_len(&mut metric, 3, unit.as_bytes());
        let mut body = Vec::new();
        for point in &family.points {
            put_len(&mut body, 1, &self.point(family, point, now));
        }
        let temporality = if self.delta { DELTA } else { CUMULATIVE };
        let number = match family.kind {
            Kind::Gauge => 5,
            Kind::Counter => {
                put_uint(&mut body, 2, temporality);
                put_uint(&mut body, 3, 1);
                7
            }
            Kind::Histogram => {
                put_uint(&mut body, 2, temporality);
                9
            }
        };
        put_len(&mut metric, number, &body);
        metric
    }

    fn point(&self, family: &Collected, point: &Point, now: u64) -> Vec<u8> {
        let mut out = Vec::new();
        let is_sum = family.kind != Kind::Gauge;
        if is_sum {
            put_fixed64(&mut out, 2, self.since);
        }
        put_fixed64(&mut out, 3, now);
        let value = match is_sum && self.delta {
            true => self.since_delivery(&family.name, point),
            false => point.value.clone(),
        };
        let labels = match value {
            Value::Number(number) if is_whole(number, family.unit) => {
                put_fixed64(&mut out, 6, (number as i64).cast_unsigned());
                7
            }
            Value::Number(number) => {
                put_fixed64(&mut out, 4, number.to_bits());
                7
            }
            Value::Buckets(buckets) => {
                put_buckets(&mut out, &buckets);
                9
            }
        };
        for (name, value) in &point.labels {
            put_len(&mut out, labels, &attribute(name, value));
        }
        out
    }

    fn since_delivery(&self, name: &str, point: &Point) -> Value {
        let series = (name.to_owned(), point.labels.clone());
        match (&point.value, self.delivered.get(&series)) {
            (Value::Number(now), Some(Value::Number(before))) => Value::Number(now - before),
            (Value::Buckets(now), Some(Value::Buckets(before))) => {
                let counts = now.counts.iter().zip(&before.counts);
                Value::Buckets(Buckets {
                    bounds: now.bounds,
                    counts: counts
                        .map(|(now, before)| now.saturating_sub(*before))
                        .collect(),
                    sum: now.sum - before.sum,
                })
            }
            (now, _) => now.clone(),
        }
    }
}

/// Times are sent as fractions even when they are none, so that a series keeps its type.
fn is_whole(number: f64, unit: Unit) -> bool {
    /// The whole numbers up to here have exact values as `f64`.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    unit != Unit::Seconds && number.fract() == 0.0 && number.abs() <= EXACT_MAX
}

fn put_buckets(out: &mut Vec<u8>, buckets: &Buckets) {
    put_fixed64(out, 4, buckets.counts.iter().sum());
    put_fixed64(out, 5, buckets.sum.to_bits());
    let packed = |numbers: &mut dyn Iterator<Item = u64>| {
        numbers.flat_map(u64::to_le_bytes).collect::<Vec<u8>>()
    };
    put_len(out, 6, &packed(&mut buckets.counts.iter().copied()));
    put_len(
        out,
        7,
        &packed(&mut buckets.bounds.iter().map(|bound| bound.to_bits())),
    );
}

/// A `KeyValue` with a text.
fn attribute(name: &str, value: &str) -> Vec<u8> {
    let mut any = Vec::new();
    put_len(&mut any, 1, value.as_bytes());
    let mut attribute = Vec::new();
    put_len(&mut attribute, 1, name.as_bytes());
    put_len(&mut attribute, 2, &any);
    attribute
}
