//! The series of metrics: one for each pair of services, kind of connection, outcome and values of the dimensions.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;
use ledger::Budget;
use otlp::OwnedValue;
use otlp::write::KeyValues;
use pipeline::Now;

use super::request::Request;
use super::rules::Rules;
use crate::buckets::Buckets;
use crate::key::{put, put_option};
use crate::room::{ENTRY_BYTES, Room, SERIES_PART, overflow};

/// A series that has had no request for so long is forgotten, as in the Collector.
pub(super) const STALE_AFTER: Duration = Duration::from_secs(15 * 60);

const CLIENT: &str = "client";
const SERVER: &str = "server";
const CONNECTION: &str = "connection_type";
const FAILED: &str = "failed";
const VIRTUAL_NODE: &str = "virtual_node";

#[derive(Debug)]
pub(super) struct Table {
    series: HashMap<Vec<u8>, Series>,
    room: Room,
}

#[derive(Debug)]
pub(super) struct Series {
    pub(super) attributes: KeyValues,
    /// In nanoseconds since the Unix epoch: then it was still 0.
    pub(super) start: u64,
    last_seen: Duration,
    pub(super) requests: u64,
    pub(super) failed: u64,
    /// How long they took, as the client and as the server has seen it.
    pub(super) client: Buckets,
    pub(super) server: Buckets,
    /// Bytes of memory that it was charged with.
    cost: usize,
}

// === impl Table ===

impl Table {
    pub(super) fn new(budget: &Arc<Budget>) -> Self {
        Self {
            series: HashMap::new(),
            room: Room::new(budget, SERIES_PART),
        }
    }

    /// Adds a request to the series of its key, or to the one that stands for all others; whether it was that one.
    /// `start` is when a new series was still 0.
    pub(super) fn record(
        &mut self,
        key: &mut Vec<u8>,
        request: &Request,
        (rules, now, start): (&Rules, Now, u64),
    ) -> bool {
        let has_room = self.series.len() < rules.series_max && !self.room.is_full();
        let is_beyond = !has_room && !self.series.contains_key(key.as_slice());
        if is_beyond {
            key.clear();
        }
        let series = match self.series.entry_ref(key.as_slice()) {
            EntryRef::Occupied(entry) => entry.into_mut(),
            EntryRef::Vacant(entry) => {
                let attributes = match is_beyond {
                    true => overflow(),
                    false => attributes(request, rules),
                };
                entry.insert(Series::new(attributes, &rules.buckets, start))
            }
        };
        series.last_seen = now.mono;
        series.requests = series.requests.saturating_add(1);
        series.failed = series.failed.saturating_add(request.failed().into());
        let bounds = &rules.bounds;
        series.client.record(request.client.seconds, 1, bounds);
        series.server.record(request.server.seconds, 1, bounds);
        let bytes = series.bytes() + key.len() + ENTRY_BYTES;
        self.room.settle(&mut series.cost, bytes);
        is_beyond
    }

    /// Forgets the series that have had no request for long.
    pub(super) fn forget_stale(&mut self, now: Duration) {
        self.series.retain(|_, series| {
            let stays = now.saturating_sub(series.last_seen) < STALE_AFTER;
            if !stays {
                self.room.give_back(series.cost);
            }
            stays
        });
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Series> {
        self.series.values()
    }

    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.room.bytes()
    }
}

// === impl Series ===

impl Series {
    fn new(attributes: KeyValues, buckets: &Buckets, start: u64) -> Self {
        Self {
            attributes,
            start,
            last_seen: Duration::ZERO,
            requests: 0,
            failed: 0,
            client: buckets.clone(),
            server: buckets.clone(),
            cost: 0,
        }
    }

    fn bytes(&self) -> usize {
        let buckets = self.client.heap_bytes() + self.server.heap_bytes();
        size_of::<Self>() + self.attributes.heap_bytes() + buckets
    }
}

/// Writes what tells the edge of a request from others, and behind it what tells its series from others. The length of
/// the first part.
pub(super) fn write_key(request: &Request, key: &mut Vec<u8>) -> usize {
    key.clear();
    put(key, request.client.service.as_bytes());
    put(key, request.server.service.as_bytes());
    key.push(request.connection as u8);
    key.push(request.virtual_node.map_or(0, |side| 1 + side as u8));
    let edge = key.len();
    key.push(request.failed().into());
    for side in [&request.client, &request.server] {
        // Where a side has no values it has none at all.
        key.push((!side.dimensions.is_empty()).into());
        for value in side.dimensions.iter() {
            put_option(key, value.as_deref().map(str::as_bytes));
        }
    }
    edge
}

fn attributes(request: &Request, rules: &Rules) -> KeyValues {
    let mut attributes = KeyValues::default();
    attributes.put_text(CLIENT, &request.client.service);
    attributes.put_text(SERVER, &request.server.service);
    attributes.put_text(CONNECTION, request.connection.name());
    attributes.put_owned(FAILED.into(), &OwnedValue::from(request.failed()));
    for (prefix, side) in [(CLIENT, &request.client), (SERVER, &request.server)] {
        for (name, value) in rules.shape.dimensions.iter().zip(side.dimensions.iter()) {
            if let Some(value) = value {
                attributes.put_text(&format!("{prefix}_{name}"), value);
            }
        }
    }
    if rules.labels_virtual_nodes {
        let name = request.virtual_node.map_or("", |side| side.name());
        attributes.put_text(VIRTUAL_NODE, name);
    }
    attributes
}
