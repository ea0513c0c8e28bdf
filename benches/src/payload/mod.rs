//! The standard requests that every figure is measured with: encoded once, then only ids and times
//! change.
//!
//! A request has one resource with eight attributes and two scopes. [`Template::stamp`] writes a
//! fresh copy by patching bytes at known places, so that making a request costs the generator about
//! as much as copying it.

mod logs;
mod message;
mod metrics;
mod traces;

#[cfg(test)]
mod tests;

use std::io;

use otlp::Signal;

use self::message::{Mark, Message, Stamp};
use crate::ItemId;
use crate::item_id::MAX_ITEMS;

/// The attribute in which a data point carries its [`ItemId`]; spans and log records have it as
/// their span id.
pub const ID_ATTRIBUTE: &str = "item.id";

/// What a request looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub signal: Signal,
    /// Items a request: 1 to [`MAX_ITEMS`].
    pub items: usize,
    /// Spans (or log records) that share one trace id.
    pub trace_items: usize,
}

/// One encoded request with the places that differ from copy to copy.
#[derive(Clone, Debug)]
pub struct Template {
    bytes: Vec<u8>,
    marks: Vec<Mark>,
}

impl Template {
    /// An error when the number of items is out of range.
    pub fn new(shape: Shape) -> io::Result<Self> {
        if shape.items == 0 || shape.items > MAX_ITEMS || shape.trace_items == 0 {
            let text = format!("a request holds 1 to {MAX_ITEMS} items and a trace at least one");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let mut per_resource = Message::default();
        per_resource.message(1, resource());
        // The first scope takes the odd item; a request of one item has one scope.
        let first = shape.items.div_ceil(2);
        for (scope, slots) in [(1, 0..first), (2, first..shape.items)] {
            if !slots.is_empty() {
                per_resource.message(2, per_scope(shape, scope, slots));
            }
        }
        let mut request = Message::default();
        request.message(1, per_resource);
        let (bytes, marks) = request.into_parts();
        Ok(Self { bytes, marks })
    }

    /// Length of every copy.
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Appends a copy whose ids belong to `request` and whose items ended at `unix_nanos`.
    pub fn stamp(&self, request: u64, unix_nanos: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        let Some(copy) = out.get_mut(start..) else {
            return;
        };
        for mark in &self.marks {
            match mark.stamp {
                Stamp::ItemId { slot } => put(copy, mark.at, ItemId::new(request, slot).bytes()),
                Stamp::ItemIdHex { slot } => put(copy, mark.at, ItemId::new(request, slot).hex()),
                Stamp::TraceId { trace } => put(copy, mark.at, trace_id(request, trace)),
                Stamp::Time { before } => {
                    put(
                        copy,
                        mark.at,
                        unix_nanos.saturating_sub(before).to_le_bytes(),
                    );
                }
            }
        }
    }
}

fn put<const N: usize>(copy: &mut [u8], at: usize, value: [u8; N]) {
    if let Some(place) = copy.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *place = value;
    }
}

/// Unique for each trace, and as evenly spread as random ones: samplers and shards hash it.
pub fn trace_id(request: u64, trace: u16) -> [u8; 16] {
    let high = scatter(ItemId::new(request, trace).0);
    let low = scatter(high);
    (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
}

/// The finaliser of SplitMix64: one-to-one, and each output bit depends on every input bit.
const fn scatter(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

fn resource() -> Message {
    let mut resource = Message::default();
    for (key, value) in [
        ("service.name", "checkout"),
        ("service.namespace", "shop"),
        ("service.version", "4.12.0"),
        (
            "service.instance.id",
            "0b6c8e0a-55c1-4f0e-9f0e-6a4c7d2f9b31",
        ),
        ("deployment.environment.name", "staging"),
        ("host.name", "node-17"),
        ("telemetry.sdk.name", "opentelemetry"),
        ("telemetry.sdk.language", "rust"),
    ] {
        resource.attribute(1, key, value.into());
    }
    resource
}

fn per_scope(shape: Shape, scope: usize, slots: std::ops::Range<usize>) -> Message {
    let mut name = Message::default();
    name.text(1, &format!("com.example.shop.layer{scope}"));
    name.text(2, "2.0.1");
    let mut per_scope = Message::default();
    per_scope.message(1, name);
    match shape.signal {
        Signal::Traces => {
            for slot in slots {
                per_scope.message(2, traces::span(slot, shape.trace_items));
            }
        }
        Signal::Logs => {
            for slot in slots {
                per_scope.message(2, logs::record(slot, shape.trace_items));
            }
        }
        Signal::Metrics => {
            for metric in metrics::of(slots) {
                per_scope.message(2, metric);
            }
        }
    }
    per_scope
}
