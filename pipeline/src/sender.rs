//! Who sent a request: small enough to travel with every one of them, and to be copied.

use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// User agents that are told apart; what comes later is "other". They are labels of metrics, and clients choose them,
/// so the first ones stay: a client that makes up names hides later ones, and pushes out none.
pub const AGENTS_MAX: usize = 64;

/// Bytes that are kept of a user agent.
const AGENT_BYTES_MAX: usize = 64;

/// Headers that a worker recognises without asking the others. A header of more than [`HEADER_BYTES_MAX`] is not kept.
const HEADERS_MAX: usize = 64;
const HEADER_BYTES_MAX: usize = 256;

/// The sender of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sender {
    /// The peer's IP address.
    pub peer: Option<IpAddr>,
    pub agent: Agent,
}

/// A place in [`Agents`]; the default is a sender that does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Agent(u8);

/// The user agents of a process, by product and version.
#[derive(Debug, Default)]
pub struct Agents(Mutex<Vec<Arc<str>>>);

/// What a worker has found in [`Agents`], by the header as it came.
#[derive(Default)]
pub(crate) struct KnownAgents {
    agents: Arc<Agents>,
    headers: RefCell<Vec<(Box<[u8]>, Agent)>>,
}

// === impl Agent ===

impl Agent {
    const UNKNOWN: Self = Self(0);
    const OTHER: Self = Self(u8::MAX);
}

// === impl Agents ===

impl Agents {
    /// The place of a `User-Agent` header.
    pub fn find(&self, header: &[u8]) -> Agent {
        let Some(product) = product(header) else {
            return Agent::UNKNOWN;
        };
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = match names.iter().position(|name| **name == *product) {
            Some(at) => at,
            None if names.len() < AGENTS_MAX => {
                names.push(product.into());
                names.len() - 1
            }
            None => return Agent::OTHER,
        };
        u8::try_from(at + 1).map_or(Agent::OTHER, Agent)
    }

    /// Product and version, for people and labels.
    pub fn name(&self, agent: Agent) -> Option<Arc<str>> {
        match agent {
            Agent::UNKNOWN => None,
            Agent::OTHER => Some("other".into()),
            Agent(place) => {
                let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                names.get(usize::from(place) - 1).cloned()
            }
        }
    }
}

// === impl KnownAgents ===

impl KnownAgents {
    pub(crate) fn new(agents: Arc<Agents>) -> Self {
        Self {
            agents,
            headers: RefCell::default(),
        }
    }

    pub(crate) fn name(&self, agent: Agent) -> Option<Arc<str>> {
        self.agents.name(agent)
    }

    /// As [`Agents::find`], without its lock for a header that this worker has seen.
    pub(crate) fn find(&self, header: &[u8]) -> Agent {
        let mut headers = self.headers.borrow_mut();
        if let Some((_, agent)) = headers.iter().find(|(known, _)| **known == *header) {
            return *agent;
        }
        let agent = self.agents.find(header);
        if header.len() <= HEADER_BYTES_MAX {
            if headers.len() >= HEADERS_MAX {
                headers.clear();
            }
            headers.push((header.into(), agent));
        }
        agent
    }
}

/// The first product of a `User-Agent` with its version. Some SDKs put spaces into their product, so it ends at the
/// first space behind the slash; without a slash at the first space.
fn product(header: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(header);
    let text = text.trim();
    let slash = text.find('/').unwrap_or_default();
    let end = text[slash..].find(char::is_whitespace);
    let product = end.map_or(text, |end| &text[..slash + end]);
    let printable = product.chars().map(|c| {
        if c == ' ' || c.is_ascii_graphic() {
            c
        } else {
            '?'
        }
    });
    let product: String = printable.take(AGENT_BYTES_MAX).collect();
    (!product.is_empty()).then_some(product)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_is_its_first_product_and_version() {
        let long = "x".repeat(100);
        let rows = [
            (
                "OTel-OTLP-Exporter-Python/1.45.2",
                "OTel-OTLP-Exporter-Python/1.45.2",
            ),
            (
                "OTel OTLP Exporter Go/1.38.0 grpc-go/1.75.0",
                "OTel OTLP Exporter Go/1.38.0",
            ),
            ("grpc-node-js/1.13.4", "grpc-node-js/1.13.4"),
            (
                "OpenTelemetry Collector Contrib/0.159.0 (linux/amd64)",
                "OpenTelemetry Collector Contrib/0.159.0",
            ),
            ("curl", "curl"),
            ("tool without a slash", "tool"),
            (" /1 x", "/1"),
            ("bad\u{7}\"name\"/1\n", "bad?\"name\"/1"),
            (&long, &long[..64]),
        ];
        for (header, expected) in rows {
            assert_eq!(
                product(header.as_bytes()).as_deref(),
                Some(expected),
                "{header}"
            );
        }
        assert_eq!(product(b"  "), None);
        assert_eq!(product(b"\xff/1").as_deref(), Some("?/1"));
    }

    #[test]
    fn the_first_agents_keep_their_names_and_all_later_ones_are_other() {
        let known = KnownAgents::default();
        let find = |n: usize| known.find(format!("agent/{n} more").as_bytes());
        let first: Vec<_> = (0..AGENTS_MAX).map(find).collect();
        let name = |agent| known.name(agent).unwrap();
        for n in [0, 1, AGENTS_MAX - 1] {
            assert_eq!(*name(first[n]), *format!("agent/{n}"));
        }
        assert_eq!(*name(find(AGENTS_MAX)), *"other");
        assert_eq!(*name(find(1000)), *"other");
        assert_eq!(find(3), first[3]);
        assert_eq!(known.name(known.find(b"")), None);
    }

    #[test]
    fn what_a_worker_remembers_of_headers_is_bounded() {
        let known = KnownAgents::default();
        for n in 0..10_000 {
            known.find(format!("agent/{n}").as_bytes());
            known.find(&b"x".repeat(HEADER_BYTES_MAX + 1));
        }
        assert!(known.headers.borrow().len() <= HEADERS_MAX);
    }
}
