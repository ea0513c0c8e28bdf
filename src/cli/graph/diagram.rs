//! The graph in the languages of Graphviz and Mermaid.

use std::collections::HashMap;
use std::fmt::Write;

use super::merged::{Edge, Graph, Kind};
use super::text::{clean, duration, percent, rate};

/// Input for `dot`. What sends no spans is dashed, and so are messages; edges with failures are red.
pub(super) fn dot(graph: &Graph) -> String {
    let quoted = |text: &str| {
        format!(
            "\"{}\"",
            clean(text).replace('\\', "\\\\").replace('"', "\\\"")
        )
    };
    let mut out = String::from("digraph services {\n  rankdir=LR;\n  node [shape=box];\n");
    for node in &graph.nodes {
        let style = match node.kind {
            Kind::Service => "",
            Kind::Database => " [shape=cylinder]",
            Kind::Virtual => " [style=dashed]",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  {}{style};", quoted(&node.name));
    }
    for edge in &graph.edges {
        let dashed = if is_messaging(edge) {
            ", style=dashed"
        } else {
            ""
        };
        let red = if edge.recent_failures > 0 {
            ", color=red"
        } else {
            ""
        };
        let _ = writeln!(
            out,
            "  {} -> {} [label={}{dashed}{red}];",
            quoted(&edge.client),
            quoted(&edge.server),
            quoted(&label(edge)),
        );
    }
    out.push_str("}\n");
    out
}

/// A flowchart, as Markdown shows it in many places.
pub(super) fn mermaid(graph: &Graph) -> String {
    let quoted = |text: &str| {
        let text = clean(text).replace('#', "#35;").replace('"', "#quot;");
        format!("\"{}\"", text.replace('<', "#lt;").replace('>', "#gt;"))
    };
    let mut out = String::from("flowchart LR\n");
    let mut places = HashMap::new();
    for (at, node) in graph.nodes.iter().enumerate() {
        let name = quoted(&node.name);
        let _ = match node.kind {
            Kind::Service => writeln!(out, "  n{at}[{name}]"),
            Kind::Database => writeln!(out, "  n{at}[({name})]"),
            Kind::Virtual => writeln!(out, "  n{at}([{name}])"),
        };
        places.insert(node.name.as_str(), at);
    }
    for edge in &graph.edges {
        let ends = [&edge.client, &edge.server].map(|name| places.get(name.as_str()));
        let [Some(client), Some(server)] = ends else {
            continue;
        };
        let arrow = if is_messaging(edge) { "-.->" } else { "-->" };
        let _ = writeln!(
            out,
            "  n{client} {arrow}|{}| n{server}",
            quoted(&label(edge))
        );
    }
    out
}

fn is_messaging(edge: &Edge) -> bool {
    edge.connection_type == "messaging_system"
}

fn label(edge: &Edge) -> String {
    let mut label = rate(edge.rate);
    if edge.recent_failures > 0
        && let Some(failed) = edge.failed_percent()
    {
        let _ = write!(label, ", {} failed", percent(failed));
    }
    if let Some(p95) = edge.latency().and_then(|latency| latency.p95_ms) {
        let _ = write!(label, ", p95 {}", duration(p95));
    }
    label
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn graph() -> Graph {
        let latency = json!({"client": {"p50_ms": 10.0, "p95_ms": 20.0}});
        let told = json!({"graphs": [{
            "nodes": [
                {"name": "mail \"new\"", "type": "service"}, {"name": "orders", "type": "database"},
                {"name": "shop", "type": "service"}, {"name": "user", "type": "virtual"},
            ],
            "edges": [
                {"client": "shop", "server": "mail \"new\"", "connection_type": "messaging_system", "rate": 1.0},
                {"client": "shop", "server": "orders", "connection_type": "database", "rate": 2.0,
                 "recent_requests": 8, "recent_failures": 1, "latency": latency},
                {"client": "user", "server": "shop", "connection_type": "virtual_node"},
            ],
        }]});
        let mut graph = Graph::default();
        graph.add(told).unwrap();
        graph
    }

    #[test]
    fn graphviz_is_given_names_in_quotes_and_the_kinds_by_shape_and_line() {
        let expected = r#"digraph services {
  rankdir=LR;
  node [shape=box];
  "mail \"new\"";
  "orders" [shape=cylinder];
  "shop";
  "user" [style=dashed];
  "shop" -> "mail \"new\"" [label="1.0/s", style=dashed];
  "shop" -> "orders" [label="2.0/s, 12.5 % failed, p95 20.0 ms", color=red];
  "user" -> "shop" [label="0.0/s"];
}
"#;
        assert_eq!(dot(&graph()), expected);
    }

    #[test]
    fn mermaid_is_given_numbers_with_names_beside_them() {
        let expected = r#"flowchart LR
  n0["mail #quot;new#quot;"]
  n1[("orders")]
  n2["shop"]
  n3(["user"])
  n2 -.->|"1.0/s"| n0
  n2 -->|"2.0/s, 12.5 % failed, p95 20.0 ms"| n1
  n3 -->|"0.0/s"| n2
"#;
        assert_eq!(mermaid(&graph()), expected);
    }
}
