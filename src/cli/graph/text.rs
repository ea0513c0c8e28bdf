//! The graph as a table for people.

use std::fmt::Write;

use super::merged::{Edge, Graph};

const HEAD: [&str; COLUMNS] = [
    "CLIENT", "SERVER", "TYPE", "RATE", "FAILED", "P50", "P95", "REQUESTS",
];
const COLUMNS: usize = 8;

/// From this column on there are numbers, which stand on the right.
const NUMBERS: usize = 3;

/// An edge a line, and what all of it is of.
pub(super) fn table(graph: &Graph) -> String {
    if graph.edges.is_empty() {
        return "no requests between services so far\n".to_owned();
    }
    let rows = graph.edges.iter().map(row);
    let rows: Vec<_> = std::iter::once(HEAD.map(str::to_owned))
        .chain(rows)
        .collect();
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max();
    let widths: [usize; COLUMNS] = std::array::from_fn(|at| width(at).unwrap_or_default());
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            // Writing to a string cannot fail.
            let _ = match at < NUMBERS {
                true => write!(line, "{cell:<width$}  "),
                false => write!(line, "{cell:>width$}  "),
            };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    let _ = write!(
        out,
        "{} nodes, {} edges; rates, failures and latencies of the last {:.0} s",
        graph.nodes.len(),
        graph.edges.len(),
        graph.covers_seconds
    );
    for (count, what) in [
        (graph.left_out_edges, "edges with fewer requests"),
        (
            graph.unlisted_requests,
            "requests without room for their edge",
        ),
    ] {
        if count > 0 {
            let _ = write!(out, "; {count} {what}");
        }
    }
    out.push('\n');
    out
}

fn row(edge: &Edge) -> [String; COLUMNS] {
    let latency = |p: fn(&super::merged::Latency) -> Option<f64>| {
        let millis = edge.latency().and_then(p);
        millis.map_or_else(|| "-".to_owned(), duration)
    };
    let failed = edge.failed_percent();
    [
        clean(&edge.client),
        clean(&edge.server),
        kind(edge).to_owned(),
        rate(edge.rate),
        failed.map_or_else(|| "-".to_owned(), percent),
        latency(|latency| latency.p50_ms),
        latency(|latency| latency.p95_ms),
        edge.requests.to_string(),
    ]
}

fn kind(edge: &Edge) -> &str {
    match edge.connection_type.as_str() {
        "messaging_system" => "messaging",
        "virtual_node" => "virtual",
        other => other,
    }
}

/// A name from afar, without what a terminal would obey.
pub(super) fn clean(name: &str) -> String {
    name.replace(char::is_control, "\u{fffd}")
}

pub(super) fn rate(rate: f64) -> String {
    match rate >= 100.0 {
        true => format!("{rate:.0}/s"),
        false => format!("{rate:.1}/s"),
    }
}

pub(super) fn percent(percent: f64) -> String {
    format!("{percent:.1} %")
}

/// Milliseconds with three digits that count.
pub(super) fn duration(millis: f64) -> String {
    match millis {
        ..10.0 => format!("{millis:.2} ms"),
        ..100.0 => format!("{millis:.1} ms"),
        ..1000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.2} s", millis / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_for_each_edge_and_one_for_all() {
        let mut graph = Graph::default();
        assert_eq!(table(&graph), "no requests between services so far\n");
        let latency = json!({"server": {"p50_ms": 4.5, "p95_ms": 1812.0}});
        let told = json!({"graphs": [{
            "covers_seconds": 90.4, "unlisted_requests": 3,
            "nodes": [
                {"name": "cart", "type": "service"}, {"name": "user", "type": "virtual"},
                {"name": "a\u{1b}[2J", "type": "virtual"},
            ],
            "edges": [
                {"client": "user", "server": "cart", "connection_type": "virtual_node", "requests": 9120,
                 "recent_requests": 200, "recent_failures": 3, "rate": 123.4, "latency": latency},
                {"client": "cart", "server": "a\u{1b}[2J", "connection_type": "messaging_system",
                 "requests": 1},
            ],
        }]});
        graph.add(told).unwrap();
        let expected = "\
CLIENT  SERVER  TYPE        RATE  FAILED      P50     P95  REQUESTS
cart    a\u{fffd}[2J   messaging  0.0/s       -        -       -         1
user    cart    virtual    123/s   1.5 %  4.50 ms  1.81 s      9120
3 nodes, 2 edges; rates, failures and latencies of the last 90 s; 3 requests without room for their edge
";
        assert_eq!(table(&graph), expected);
    }
}
