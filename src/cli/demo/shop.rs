//! The shop: services with customers, and what they say about it in all three signals.

use std::collections::BTreeMap;

use bytes::Bytes;
use otlp::Signal;
use serde_json::{Value, json};

use super::visit::{self, BROWSE, CHECK_OUT, FILL_CART, Mood, Spans, Visit, text};

/// Visits in one turn: about 1,400 spans a second, which any machine bears and a person can see.
const VISITS: u32 = 20;

/// The longest visit is over after this time, so that no span ends in the future. Nanoseconds.
const LONGEST: u64 = 2_000_000_000;

/// SeverityNumber of the logs proto, with its text.
const PLACED: (u8, &str) = (9, "INFO");
const DECLINED: (u8, &str) = (17, "ERROR");

/// AggregationTemporality of the metrics proto.
const CUMULATIVE: u8 = 2;

/// Bounds of the duration of visits, in milliseconds.
const BOUNDS: [u64; 5] = [10, 25, 50, 100, 500];

pub(super) struct Shop {
    dice: Dice,
    opened: u64,
    placed: u64,
    declined: u64,
    /// Visits by duration, one more than the bounds.
    durations: [u64; BOUNDS.len() + 1],
    /// Milliseconds of all visits.
    duration_sum: u64,
    stock: u64,
}

/// What the services send in one turn, encoded.
pub(super) struct Turn {
    pub(super) traces: Bytes,
    pub(super) logs: Bytes,
}

/// Numbers that look random and are the same for the same seed (SplitMix64).
pub(super) struct Dice(u64);

// === impl Shop ===

impl Shop {
    pub(super) fn open(unix_nanos: u64) -> Self {
        Self {
            dice: Dice::new(unix_nanos),
            opened: unix_nanos,
            placed: 0,
            declined: 0,
            durations: [0; BOUNDS.len() + 1],
            duration_sum: 0,
            stock: 0,
        }
    }

    /// The visits that end about now.
    pub(super) fn turn(&mut self, now: u64) -> anyhow::Result<Turn> {
        let mut spans = Spans::new();
        let mut records = Vec::new();
        for _ in 0..VISITS {
            let call = match self.dice.below(10) {
                0..6 => &BROWSE,
                6..9 => &FILL_CART,
                _ => &CHECK_OUT,
            };
            let checks_out = std::ptr::eq(call, &CHECK_OUT);
            let mood = match self.dice.below(100) {
                0..3 => Mood::Slow,
                3..28 if checks_out => Mood::Failing,
                _ => Mood::Fine,
            };
            let begin = now.saturating_sub(LONGEST);
            let visit = visit::visit(call, mood, begin, &mut self.dice, &mut spans);
            self.count(&visit);
            if checks_out {
                records.push(self.order(&visit, mood, begin + visit.nanos));
            }
        }
        let resources = spans.into_iter().map(|(service, spans)| {
            json!({ "resource": resource(service), "scopeSpans": [{ "spans": spans }] })
        });
        let traces = json!({ "resourceSpans": resources.collect::<Vec<_>>() });
        let logs = json!({ "resourceLogs": [{
            "resource": resource("checkout"),
            "scopeLogs": [{ "logRecords": records }],
        }] });
        Ok(Turn {
            traces: encode(Signal::Traces, &traces)?,
            logs: encode(Signal::Logs, &logs)?,
        })
    }

    /// What was counted since the shop opened.
    pub(super) fn counters(&self, now: u64) -> anyhow::Result<Bytes> {
        let point = |fields: Value| {
            let mut point = json!({ "startTimeUnixNano": self.opened, "timeUnixNano": now });
            if let (Value::Object(point), Value::Object(fields)) = (&mut point, fields) {
                point.extend(fields);
            }
            point
        };
        let orders = |count: u64, outcome: &str| {
            point(json!({ "asInt": count, "attributes": [text("outcome", outcome)] }))
        };
        let metrics = json!([
            { "name": "shop.orders", "unit": "{order}", "sum": {
                "aggregationTemporality": CUMULATIVE,
                "isMonotonic": true,
                "dataPoints": [orders(self.placed, "placed"), orders(self.declined, "declined")],
            } },
            { "name": "shop.stock", "unit": "{item}", "gauge": {
                "dataPoints": [point(json!({ "asInt": 1_000 - self.stock }))],
            } },
            { "name": "shop.visit.duration", "unit": "ms", "histogram": {
                "aggregationTemporality": CUMULATIVE,
                "dataPoints": [point(json!({
                    "count": self.durations.iter().sum::<u64>(),
                    "sum": self.duration_sum,
                    "bucketCounts": self.durations,
                    "explicitBounds": BOUNDS,
                }))],
            } },
        ]);
        let request = json!({ "resourceMetrics": [{
            "resource": resource("frontend"),
            "scopeMetrics": [{ "metrics": metrics }],
        }] });
        encode(Signal::Metrics, &request)
    }

    fn count(&mut self, visit: &Visit) {
        let millis = visit.nanos / 1_000_000;
        self.duration_sum += millis;
        let bucket = BOUNDS.partition_point(|bound| *bound < millis);
        if let Some(count) = self.durations.get_mut(bucket) {
            *count += 1;
        }
    }

    /// A log record about the end of a visit to the counter.
    fn order(&mut self, visit: &Visit, mood: Mood, end: u64) -> Value {
        let ((severity, name), body) = if mood == Mood::Failing {
            self.declined += 1;
            (DECLINED, "the card was declined")
        } else {
            self.placed += 1;
            // A delivery comes whenever the shelves are half empty.
            self.stock = (self.stock + 1) % 500;
            (PLACED, "order placed")
        };
        json!({
            "timeUnixNano": end,
            "severityNumber": severity,
            "severityText": name,
            "body": { "stringValue": body },
            "traceId": visit.trace_id,
            "spanId": visit.span_id,
        })
    }
}

fn resource(service: &str) -> Value {
    let attributes = BTreeMap::from([("service.name", service), ("service.namespace", "shop")]);
    json!({ "attributes": attributes.into_iter().map(|(k, v)| text(k, v)).collect::<Vec<_>>() })
}

fn encode(signal: Signal, request: &Value) -> anyhow::Result<Bytes> {
    Ok(otlp::json::decode(signal, request.to_string().as_bytes())?.into())
}

// === impl Dice ===

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Never 0, which is no id in OTLP.
    pub(super) fn id(&mut self) -> u64 {
        self.next().max(1)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000_000_000;

    #[test]
    fn a_turn_is_made_of_whole_traces_and_a_record_for_each_order() {
        let mut shop = Shop::open(NOW);
        let (mut spans, mut records) = (0, 0);
        for turn in 0..50 {
            let turn = shop.turn(NOW + turn).unwrap();
            spans += otlp::survey(Signal::Traces, &turn.traces).unwrap().items;
            records += otlp::survey(Signal::Logs, &turn.logs).unwrap().items;
        }
        assert!((6_000..8_000).contains(&spans), "{spans}");
        assert_eq!(records as u64, shop.placed + shop.declined);
        assert!(shop.declined > 0 && shop.placed > 2 * shop.declined);
    }

    #[test]
    fn no_visit_lasts_longer_than_it_may_and_some_are_slow() {
        let mut dice = Dice::new(NOW);
        for call in [&BROWSE, &FILL_CART, &CHECK_OUT] {
            for _ in 0..1_000 {
                let visit = visit::visit(call, Mood::Slow, 0, &mut dice, &mut Spans::new());
                assert!(
                    (100_000_000..LONGEST).contains(&visit.nanos),
                    "{}",
                    visit.nanos
                );
            }
        }
    }

    #[test]
    fn the_counters_are_three_metrics_with_four_points() {
        let mut shop = Shop::open(NOW);
        shop.turn(NOW).unwrap();
        let request = shop.counters(NOW + 1).unwrap();
        assert_eq!(otlp::survey(Signal::Metrics, &request).unwrap().items, 4);
        assert_eq!(shop.durations.iter().sum::<u64>(), u64::from(VISITS));
    }
}
