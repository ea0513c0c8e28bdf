//! The standard metrics: one of each kind, the data points dealt out among them in turn.

use std::ops::Range;

use super::message::{Message, Scalar};

/// All streams began ten minutes before the time of the copy.
const STARTED: u64 = 600_000_000_000;

/// Aggregation temporality "cumulative".
const CUMULATIVE: u64 = 2;

/// What differs between the kinds of metric: field numbers and how a point is filled.
struct Kind {
    name: &'static str,
    unit: &'static str,
    /// The field of `Metric` that holds the data.
    field: u32,
    /// The field of the data point that holds attributes.
    attributes: u32,
    fill: fn(&mut Message, slot: u64),
    /// The fields of the data beside its points.
    finish: fn(&mut Message),
}

const KINDS: [Kind; 5] = [
    Kind {
        name: "stock.level",
        unit: "{piece}",
        field: 5,
        attributes: 7,
        fill: |point, slot| point.fixed64(6, 40 + slot),
        finish: |_| {},
    },
    Kind {
        name: "orders",
        unit: "{order}",
        field: 7,
        attributes: 7,
        fill: |point, slot| point.double(4, 1_000.5 + slot as f64),
        finish: |data| {
            data.uint(2, CUMULATIVE);
            data.uint(3, 1);
        },
    },
    Kind {
        name: "http.server.request.duration",
        unit: "s",
        field: 9,
        attributes: 9,
        fill: histogram,
        finish: |data| data.uint(2, CUMULATIVE),
    },
    Kind {
        name: "db.client.operation.duration",
        unit: "s",
        field: 10,
        attributes: 1,
        fill: exponential,
        finish: |data| data.uint(2, CUMULATIVE),
    },
    Kind {
        name: "queue.wait",
        unit: "s",
        field: 11,
        attributes: 7,
        fill: summary,
        finish: |_| {},
    },
];

/// The metrics whose points are the items in these slots; a kind without points is left out.
pub(super) fn of(slots: Range<usize>) -> impl Iterator<Item = Message> {
    KINDS.iter().enumerate().filter_map(move |(turn, kind)| {
        let mut data = Message::default();
        let mut own = slots
            .clone()
            .filter(|slot| slot % KINDS.len() == turn)
            .peekable();
        own.peek()?;
        for slot in own {
            data.message(1, point(kind, slot));
        }
        (kind.finish)(&mut data);
        let mut metric = Message::default();
        metric.text(1, kind.name);
        metric.text(2, "Measured by the standard load.");
        metric.text(3, kind.unit);
        metric.message(kind.field, data);
        Some(metric)
    })
}

fn point(kind: &Kind, slot: usize) -> Message {
    let mut point = Message::default();
    point.time(2, STARTED);
    point.time(3, 0);
    point.item_id_attribute(kind.attributes, slot as u16);
    point.attribute(
        kind.attributes,
        "http.route",
        Scalar::Text("/cart/{id}/items"),
    );
    point.attribute(kind.attributes, "shop.region", Scalar::Text("eu-north"));
    (kind.fill)(&mut point, slot as u64);
    point
}

/// 6 + slot measurements over four bounds.
fn histogram(point: &mut Message, slot: u64) {
    point.fixed64(4, 6 + slot);
    point.double(5, 12.5);
    point.packed64(6, &[1, 2, slot, 2, 1]);
    point.packed64(7, &[0.01f64, 0.1, 1.0, 10.0].map(f64::to_bits));
    point.double(11, 0.002);
    point.double(12, 11.25);
}

/// 4 + slot measurements at scale 3, one of them zero.
fn exponential(point: &mut Message, slot: u64) {
    point.fixed64(4, 4 + slot);
    point.double(5, 7.25);
    point.uint(6, otlp::wire::zigzag(3));
    point.fixed64(7, 1);
    let mut positive = Message::default();
    positive.uint(1, otlp::wire::zigzag(-4));
    positive.packed_uint(2, &[1, slot, 2]);
    point.message(8, positive);
}

fn summary(point: &mut Message, slot: u64) {
    point.fixed64(4, 10 + slot);
    point.double(5, 3.5);
    for (quantile, value) in [(0.5, 0.3), (0.99, 0.9)] {
        let mut at = Message::default();
        at.double(1, quantile);
        at.double(2, value);
        point.message(6, at);
    }
}
