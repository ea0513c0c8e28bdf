//! What is legal, and most likely not what was meant: orders of processors that cost memory or spans, and listeners
//! that cannot both have their address.

use config::{Component, Document, Fault, Faults, Kind, Pipeline};
use serde_json::Value;

use crate::setup::Effective;

const LIMITER: &str = "memory_limiter";

/// Who must not stand behind `batch`, which mixes traces and pulls the spans of one trace apart.
const BEFORE_BATCH: [&str; 1] = ["tail_sampling"];

/// Adds the warnings. For a configuration without errors: a wrong one has more pressing needs.
pub(crate) fn advise(document: &Document, effective: &Effective, faults: &mut Faults) {
    for pipeline in &document.service.pipelines {
        order(pipeline, faults);
    }
    addresses(&listeners(document, effective), faults);
}

fn order(pipeline: &Pipeline, faults: &mut Faults) {
    let processors = &pipeline.processors;
    let place_of = |kind: &str| processors.iter().position(|r| r.id.kind() == kind);
    let warning = |at: usize, text: &str, help: &str| {
        let place = processors.get(at).map(|r| r.place.clone());
        let place = place.unwrap_or_else(|| pipeline.place.clone());
        let path = format!("{}::processors[{at}]", pipeline.path());
        Fault::warning(place, path, text).with_help(help)
    };
    if let Some(at) = place_of(LIMITER).filter(|at| *at > 0) {
        faults.push(warning(
            at,
            "the memory limiter is not the first processor: it guards the door of this service from any place, and in \
             a Collector what it refuses has cost work and memory already",
            "put `memory_limiter` first",
        ));
    }
    for kind in BEFORE_BATCH {
        if let (Some(at), Some(batch)) = (place_of(kind), place_of("batch"))
            && batch < at
        {
            let text =
                format!("`batch` stands before `{kind}`, which then waits for batches to fill");
            faults.push(warning(
                batch,
                &text,
                &format!("put `batch` behind `{kind}`"),
            ));
        }
    }
}

// === listeners ===

/// A socket that some component will ask for.
struct Listener<'a> {
    component: &'a Component,
    /// Where its endpoint stands in the component, as a path.
    path: String,
    address: Address<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Address<'a> {
    host: &'a str,
    port: &'a str,
}

fn listeners<'a>(document: &'a Document, effective: &'a Effective) -> Vec<Listener<'a>> {
    let mut listeners = Vec::new();
    for (kind, rows) in effective {
        if !matches!(kind, Kind::Receiver | Kind::Extension) {
            continue;
        }
        let used = document
            .section(*kind)
            .iter()
            .filter(|c| document.uses(*kind, &c.id));
        for component in used {
            let id = component.id.to_string();
            for (_, value) in rows.iter().filter(|(row, _)| *row == id) {
                endpoints(value, String::new(), &mut |path, endpoint| {
                    listeners.extend(Address::read(endpoint).map(|address| Listener {
                        component,
                        path,
                        address,
                    }));
                });
            }
        }
    }
    listeners
}

/// Every `endpoint` beside a `transport`: that pair makes a server of the Collector's. `health_check` does not serve
/// its own with `use_v2`.
fn endpoints<'a>(value: &'a Value, path: String, found: &mut dyn FnMut(String, &'a str)) {
    let Value::Object(map) = value else { return };
    let is_server = map.contains_key("transport") && map.get("use_v2") != Some(&Value::Bool(true));
    if let (Some(Value::String(endpoint)), true) = (map.get("endpoint"), is_server) {
        found(below(&path, "endpoint"), endpoint);
    }
    for (key, value) in map {
        endpoints(value, below(&path, key), found);
    }
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() {
        return key.to_owned();
    }
    format!("{path}::{key}")
}

fn addresses(listeners: &[Listener<'_>], faults: &mut Faults) {
    for (at, listener) in listeners.iter().enumerate() {
        let earlier = listeners.iter().take(at);
        if let Some(first) = earlier
            .into_iter()
            .find(|first| first.address.collides(listener.address))
        {
            let Address { host, port } = first.address;
            let Listener {
                component, path, ..
            } = listener;
            let text = format!(
                "`{}` and `{}` listen on one address, {host}:{port}, so one of them cannot start",
                first.component.path(),
                component.path()
            );
            let fault = Fault::warning(
                component.node.locate(path),
                format!("{}::{path}", component.path()),
                text,
            );
            faults.push(fault.with_help("give each a port of its own"));
        }
    }
}

// === impl Address ===

impl<'a> Address<'a> {
    /// `None` for a socket's path, and for a port that the system chooses.
    fn read(endpoint: &'a str) -> Option<Self> {
        let (host, port) = endpoint.rsplit_once(':')?;
        let number: u16 = port.parse().ok()?;
        (number > 0).then_some(Self { host, port })
    }

    fn collides(self, other: Self) -> bool {
        let is_any = |host: &str| matches!(host, "" | "0.0.0.0" | "[::]");
        let is_loopback = |host: &str| matches!(host, "localhost" | "127.0.0.1");
        let hosts = self.host == other.host
            || is_any(self.host)
            || is_any(other.host)
            || is_loopback(self.host) && is_loopback(other.host);
        self.port == other.port && hosts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_addresses_collide_if_a_socket_of_one_takes_the_other() {
        let check = |one: &str, other: &str, expected: bool| {
            let (one, other) = (Address::read(one).unwrap(), Address::read(other).unwrap());
            assert_eq!(one.collides(other), expected);
            assert_eq!(other.collides(one), expected);
        };
        check("localhost:4317", "localhost:4317", true);
        check("localhost:4317", "127.0.0.1:4317", true);
        check("0.0.0.0:4317", "10.0.0.1:4317", true);
        check("[::]:4317", ":4317", true);
        check("localhost:4317", "localhost:4318", false);
        check("10.0.0.1:4317", "10.0.0.2:4317", false);
    }

    #[test]
    fn paths_and_ports_of_the_system_are_no_addresses_to_collide() {
        for endpoint in ["/run/otlp.sock", "localhost:0", "localhost", ""] {
            assert!(Address::read(endpoint).is_none(), "{endpoint}");
        }
    }
}
