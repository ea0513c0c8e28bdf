//! The graphs of several connectors and replicas as one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an admin extension answers.
#[derive(Deserialize)]
struct Told {
    graphs: Vec<One>,
}

/// The graph of one connector.
#[derive(Default, Deserialize)]
#[serde(default)]
struct One {
    covers_seconds: f64,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    left_out_edges: u64,
    unlisted_requests: u64,
}

#[derive(Default, Serialize)]
pub(super) struct Graph {
    /// The longest time that rates and latencies are of.
    pub(super) covers_seconds: f64,
    pub(super) nodes: Vec<Node>,
    /// By their client, server and the rest that tells them apart.
    pub(super) edges: Vec<Edge>,
    pub(super) left_out_edges: u64,
    pub(super) unlisted_requests: u64,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Node {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: Kind,
}

/// What a node is; the most certain comes first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Service,
    Database,
    /// It sends no spans.
    #[serde(other)]
    Virtual,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Edge {
    pub(super) client: String,
    pub(super) server: String,
    pub(super) connection_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) virtual_node: Option<String>,
    pub(super) requests: u64,
    pub(super) failures: u64,
    first_unix_ms: u64,
    last_unix_ms: u64,
    pub(super) recent_requests: u64,
    pub(super) recent_failures: u64,
    pub(super) rate: f64,
    pub(super) latency: Sides,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Sides {
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<Latency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<Latency>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Latency {
    pub(super) p50_ms: Option<f64>,
    pub(super) p95_ms: Option<f64>,
    /// Milliseconds and how many requests took so long, ascending.
    values_ms: Vec<(f64, u64)>,
}

// === impl Graph ===

impl Graph {
    /// Adds what a replica has answered.
    ///
    /// # Errors
    /// It is no such answer.
    pub(super) fn add(&mut self, body: Value) -> Result<(), String> {
        let told: Result<Told, _> = serde_json::from_value(body);
        let told = told.map_err(|_| "no graph of an admin extension")?;
        told.graphs.into_iter().for_each(|one| self.join(one));
        Ok(())
    }

    fn join(&mut self, one: One) {
        self.covers_seconds = self.covers_seconds.max(one.covers_seconds);
        self.left_out_edges += one.left_out_edges;
        self.unlisted_requests += one.unlisted_requests;
        let mut nodes = BTreeMap::new();
        for node in self.nodes.drain(..).chain(one.nodes) {
            let kind = nodes.entry(node.name).or_insert(node.kind);
            *kind = node.kind.min(*kind);
        }
        let nodes = nodes.into_iter();
        self.nodes = nodes.map(|(name, kind)| Node { name, kind }).collect();
        let mut edges = BTreeMap::new();
        for edge in self.edges.drain(..).chain(one.edges) {
            let key = (
                edge.client.clone(),
                edge.server.clone(),
                edge.connection_type.clone(),
                edge.virtual_node.clone(),
            );
            match edges.get_mut(&key) {
                None => {
                    edges.insert(key, edge);
                }
                Some(known) => Edge::join(known, edge),
            }
        }
        self.edges = edges.into_values().collect();
    }
}

// === impl Edge ===

impl Edge {
    fn join(&mut self, other: Self) {
        self.requests += other.requests;
        self.failures += other.failures;
        self.first_unix_ms = self.first_unix_ms.min(other.first_unix_ms);
        self.last_unix_ms = self.last_unix_ms.max(other.last_unix_ms);
        self.recent_requests += other.recent_requests;
        self.recent_failures += other.recent_failures;
        self.rate = ((self.rate + other.rate) * 1e3).round() / 1e3;
        let Sides { client, server } = other.latency;
        Latency::join(&mut self.latency.client, client);
        Latency::join(&mut self.latency.server, server);
    }

    /// How long requests took: in the server, which does not count the way there; else for the client.
    pub(super) fn latency(&self) -> Option<&Latency> {
        let sides = &self.latency;
        sides.server.as_ref().or(sides.client.as_ref())
    }

    /// Which part of the requests has failed lately, in percent; `None` without requests.
    pub(super) fn failed_percent(&self) -> Option<f64> {
        let requests = self.recent_requests as f64;
        (requests > 0.0).then(|| 100.0 * self.recent_failures as f64 / requests)
    }
}

// === impl Latency ===

impl Latency {
    fn join(all: &mut Option<Self>, one: Option<Self>) {
        let Some(one) = one else {
            return;
        };
        let Some(all) = all else {
            *all = Some(one);
            return;
        };
        all.values_ms.extend(one.values_ms);
        all.values_ms.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        all.p50_ms = all.quantile(0.5);
        all.p95_ms = all.quantile(0.95);
    }

    fn quantile(&self, part: f64) -> Option<f64> {
        let all: u64 = self.values_ms.iter().map(|(_, count)| count).sum();
        let rank = (part * all as f64).ceil();
        let mut seen = 0;
        let mut values = self.values_ms.iter();
        values.find_map(|(millis, count)| {
            seen += count;
            (seen as f64 >= rank).then_some(*millis)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn replicas_are_one_graph_with_the_quantiles_of_all() {
        let replica = |kind: &str, requests: u64, millis: f64| {
            json!({"graphs": [{
                "connector": "service_graph", "covers_seconds": 60.0 + millis,
                "nodes": [{"name": "cart", "type": kind}, {"name": "shop", "type": "service"}],
                "edges": [{
                    "client": "shop", "server": "cart", "connection_type": "",
                    "requests": requests, "failures": 1, "first_unix_ms": 1000 + requests,
                    "last_unix_ms": 2000 + requests, "recent_requests": requests,
                    "recent_failures": 1, "rate": 0.5,
                    "latency": {"server": {
                        "p50_ms": millis, "p95_ms": millis, "values_ms": [[millis, requests]],
                    }},
                }],
                "left_out_edges": 0, "unlisted_requests": 2, "later": "fields",
            }]})
        };
        let mut graph = Graph::default();
        graph.add(replica("virtual", 10, 20.0)).unwrap();
        graph.add(replica("service", 90, 5.0)).unwrap();
        let service = |name: &str| json!({"name": name, "type": "service"});
        let expected = json!({
            "covers_seconds": 80.0,
            "nodes": [service("cart"), service("shop")],
            "edges": [{
                "client": "shop", "server": "cart", "connection_type": "",
                "requests": 100, "failures": 2, "first_unix_ms": 1010, "last_unix_ms": 2090,
                "recent_requests": 100, "recent_failures": 2, "rate": 1.0,
                "latency": {"server": {
                    "p50_ms": 5.0, "p95_ms": 20.0, "values_ms": [[5.0, 90], [20.0, 10]],
                }},
            }],
            "left_out_edges": 0, "unlisted_requests": 4,
        });
        assert_eq!(json!(graph), expected);
        assert_eq!(graph.edges[0].failed_percent(), Some(2.0));
        assert!(graph.add(json!({"graphs": 3})).is_err());
    }
}
