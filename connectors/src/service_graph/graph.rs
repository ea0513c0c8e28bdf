//! The graph as it is now, for those who ask: what each edge has seen since it is there, and how it does these minutes.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;
use ledger::Budget;
use otlp::exponential::Histogram;
use pipeline::Now;
use serde_json::{Map, Value, json};

use super::request::{Connection, Request, Virtual};
use super::table::STALE_AFTER;
use crate::room::{ENTRY_BYTES, Room};

/// Edges take one part in so many of the memory limit at most.
const BUDGET_PART: u64 = 16;

/// Rates and latencies are those of one to two windows: enough requests to mean something, and those of now.
const WINDOW: Duration = Duration::from_secs(60);

/// Buckets of latencies: with values from 1 ms to 10 s in them none is more than 10 % away from what was measured.
const BUCKETS: u32 = 80;

/// Edges of an answer, those with the most requests lately. A graph of more is nothing that a person looks at, and the
/// answer is made between two batches.
const TOLD_MAX: usize = 1000;

#[derive(Debug)]
pub(super) struct Graph {
    /// By the first part of the keys of their series.
    edges: HashMap<Vec<u8>, Edge>,
    room: Room,
    /// The first request of all.
    began: Option<Duration>,
    /// Requests on edges that there was no room for.
    unlisted: u64,
}

#[derive(Debug)]
struct Edge {
    client: Arc<str>,
    server: Arc<str>,
    connection: Connection,
    virtual_node: Option<Virtual>,
    first: Now,
    last: Now,
    requests: u64,
    failures: u64,
    /// The number of the window that is being filled.
    window: u64,
    current: Window,
    before: Window,
    /// Bytes of memory that it was charged with.
    cost: usize,
}

/// What came within [`WINDOW`].
#[derive(Debug, Default)]
struct Window {
    requests: u64,
    failures: u64,
    /// Seconds for the client, and in the server, as far as there was a span that says it.
    client: Option<Box<Histogram>>,
    server: Option<Box<Histogram>>,
}

// === impl Graph ===

impl Graph {
    pub(super) fn new(budget: &Arc<Budget>) -> Self {
        Self {
            edges: HashMap::new(),
            room: Room::new(budget, BUDGET_PART),
            began: None,
            unlisted: 0,
        }
    }

    /// Adds a request to the edge of this key.
    pub(super) fn record(&mut self, key: &[u8], request: &Request, now: Now) {
        self.began.get_or_insert(now.mono);
        let is_full = self.room.is_full();
        let edge = match self.edges.entry_ref(key) {
            EntryRef::Occupied(entry) => entry.into_mut(),
            EntryRef::Vacant(_) if is_full => {
                self.unlisted = self.unlisted.saturating_add(1);
                return;
            }
            EntryRef::Vacant(entry) => entry.insert(Edge::new(request, now)),
        };
        edge.add(request, now);
        let bytes = edge.bytes() + key.len() + ENTRY_BYTES;
        self.room.settle(&mut edge.cost, bytes);
    }

    /// Forgets the edges that have had no request for long.
    pub(super) fn forget_stale(&mut self, now: Duration) {
        self.edges.retain(|_, edge| {
            let stays = now.saturating_sub(edge.last.mono) < STALE_AFTER;
            if !stays {
                self.room.give_back(edge.cost);
            }
            stays
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }

    /// The whole of it, as the connector of this id tells it.
    pub(super) fn tell(&self, connector: &str, now: Now) -> Value {
        let window = number(now.mono);
        let covered = covered(self.began, now.mono);
        let mut edges: Vec<_> = self.edges.values().collect();
        let left_out = edges.len().saturating_sub(TOLD_MAX);
        edges.sort_by_cached_key(|edge| {
            let recent = edge.recent(window).map(|window| window.requests);
            let recent = recent.sum::<u64>();
            let names = (Arc::clone(&edge.client), Arc::clone(&edge.server));
            (Reverse((recent, edge.requests)), names)
        });
        edges.truncate(TOLD_MAX);
        let edges_told = edges.iter().map(|edge| edge.tell(window, covered));
        json!({
            "connector": connector,
            "covers_seconds": rounded(covered.as_secs_f64()),
            "nodes": nodes(&edges),
            "edges": edges_told.collect::<Value>(),
            "left_out_edges": left_out,
            "unlisted_requests": self.unlisted,
        })
    }
}

/// The number of the window of a moment.
const fn number(mono: Duration) -> u64 {
    mono.as_secs() / WINDOW.as_secs()
}

/// How much time the windows cover: from the beginning of the one before, or the first request.
fn covered(began: Option<Duration>, now: Duration) -> Duration {
    let before = Duration::from_secs(number(now).saturating_sub(1) * WINDOW.as_secs());
    let began = began.unwrap_or(now).max(before);
    // Of the first moments no rate can be told.
    now.saturating_sub(began).max(Duration::from_secs(1))
}

/// Every name once, with the most certain of what it was seen as.
fn nodes(edges: &[&Edge]) -> Value {
    let mut nodes = BTreeMap::new();
    let mut see = |name: &Arc<str>, (rank, kind): (u8, &'static str)| {
        let known = nodes.entry(Arc::clone(name)).or_insert((rank, kind));
        *known = (*known).min((rank, kind));
    };
    for edge in edges {
        let is_virtual = |side| edge.virtual_node == Some(side);
        let (service, outsider) = ((0, "service"), (2, "virtual"));
        let client = match is_virtual(Virtual::Client) {
            true => outsider,
            false => service,
        };
        see(&edge.client, client);
        let server = match edge.connection {
            Connection::Database => (1, "database"),
            _ if is_virtual(Virtual::Server) => outsider,
            _ => service,
        };
        see(&edge.server, server);
    }
    let nodes = nodes.iter();
    nodes
        .map(|(name, (_, kind))| json!({"name": &**name, "type": kind}))
        .collect()
}

// === impl Edge ===

impl Edge {
    fn new(request: &Request, now: Now) -> Self {
        Self {
            client: Arc::clone(&request.client.service),
            server: Arc::clone(&request.server.service),
            connection: request.connection,
            virtual_node: request.virtual_node,
            first: now,
            last: now,
            requests: 0,
            failures: 0,
            window: number(now.mono),
            current: Window::default(),
            before: Window::default(),
            cost: 0,
        }
    }

    fn add(&mut self, request: &Request, now: Now) {
        let window = number(now.mono);
        if window != self.window {
            let current = std::mem::take(&mut self.current);
            self.before = match window == self.window + 1 {
                true => current,
                false => Window::default(),
            };
            self.window = window;
        }
        let failures = u64::from(request.failed());
        self.last = now;
        self.requests = self.requests.saturating_add(1);
        self.failures = self.failures.saturating_add(failures);
        self.current.requests += 1;
        self.current.failures += failures;
        let record = |side: &mut Option<Box<Histogram>>, seconds: f64| {
            let histogram = side.get_or_insert_with(|| Box::new(Histogram::new(BUCKETS)));
            histogram.record(seconds, 1);
        };
        if self.virtual_node != Some(Virtual::Client) {
            record(&mut self.current.client, request.client.seconds);
        }
        let has_server =
            self.connection != Connection::Database && self.virtual_node != Some(Virtual::Server);
        if has_server {
            record(&mut self.current.server, request.server.seconds);
        }
    }

    /// Its windows that are not over, when the number of the one of now is this.
    fn recent(&self, window: u64) -> impl Iterator<Item = &Window> {
        let current = (window <= self.window + 1).then_some(&self.current);
        let before = (window <= self.window).then_some(&self.before);
        before.into_iter().chain(current)
    }

    fn tell(&self, window: u64, covered: Duration) -> Value {
        let (mut requests, mut failures) = (0, 0);
        let (mut client, mut server) = (None, None);
        for window in self.recent(window) {
            requests += window.requests;
            failures += window.failures;
            join(&mut client, window.client.as_deref());
            join(&mut server, window.server.as_deref());
        }
        let mut latency = Map::new();
        for (side, histogram) in [("client", client), ("server", server)] {
            if let Some(histogram) = histogram {
                latency.insert(side.to_owned(), tell_latency(&histogram));
            }
        }
        let millis = |nanos: u64| nanos / 1_000_000;
        let mut told = json!({
            "client": &*self.client,
            "server": &*self.server,
            "connection_type": self.connection.name(),
            "requests": self.requests,
            "failures": self.failures,
            "first_unix_ms": millis(self.first.unix_nanos),
            "last_unix_ms": millis(self.last.unix_nanos),
            "recent_requests": requests,
            "recent_failures": failures,
            "rate": rounded(requests as f64 / covered.as_secs_f64()),
            "latency": latency,
        });
        if let Some(side) = self.virtual_node {
            told["virtual_node"] = side.name().into();
        }
        told
    }

    fn bytes(&self) -> usize {
        let histograms = [&self.current, &self.before].into_iter();
        let histograms = histograms.flat_map(|window| [&window.client, &window.server]);
        let histograms = histograms
            .flatten()
            .map(|side| size_of::<Histogram>() + side.heap_bytes());
        size_of::<Self>() + self.client.len() + self.server.len() + histograms.sum::<usize>()
    }
}

fn join(all: &mut Option<Histogram>, one: Option<&Histogram>) {
    match (all, one) {
        (_, None) => {}
        (Some(all), Some(one)) => all.merge(one),
        (all, Some(one)) => *all = Some(one.clone()),
    }
}

/// Quantiles, and what they were made of, so that those of several replicas can be made as well.
fn tell_latency(histogram: &Histogram) -> Value {
    let millis = |seconds: f64| rounded(seconds * 1e3);
    let quantile = |part| histogram.quantile(part).map(millis);
    let values = histogram.middles();
    let values = values.map(|(seconds, count)| json!([millis(seconds), count]));
    json!({
        "p50_ms": quantile(0.5),
        "p95_ms": quantile(0.95),
        "values_ms": values.collect::<Value>(),
    })
}

/// To three digits behind the point.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
